"""What an answer is fixed by beside its position: how rows are made of events, and how answers are made of rows."""

import hashlib
from functools import cache
from pathlib import Path

import schema
from service import cursor
from service.replica import answers, day, functions, words


def rules_of_answers(rules: str) -> str:
    """The rules by which rows are made, and six hex digits that another version of the code that answers changes."""
    return f"{rules}.{_code()}"


@cache
def _code() -> str:
    digest = hashlib.sha256()
    beside = [Path(str(each.__file__)) for each in (cursor, answers, day, functions, words)]
    for file in [*sorted(Path(str(schema.__file__)).parent.rglob("*.py")), *beside]:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:6]
