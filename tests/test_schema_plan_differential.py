"""Compiled reads, the slow path and a plain Python oracle give the same answers to generated documents."""

import re
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
from graphql import validate

from schema.limits import Ceiling, Limits
from schema.operation import Operations, sound
from schema.plan.engine import Engine
from tests.support.compact import compact_schema
from tests.support.compact_oracle import Oracle, spelt_out
from tests.support.compact_rows import Filled, random_rows
from tests.support.documents import Document, Documents

SEEDS = 4
EACH = 40


def a_value(random: Random, name: str, type_: str) -> Any:
    """A value for an argument of the compact schema."""
    match name, type_:
        case (("first" | "last"), _):
            return random.choice([0, 1, 2, 3, 5, 50])
        case "position", _:
            return random.randint(0, 66)
        case "time", _:
            return f"2026-01-01T00:00:{random.randrange(60):02d}.000Z"
        case "id" | "ids", _:
            return random.choice(["deal:d1", "deal:d2", "party:p1", "deal:d3@1", "party:nowhere", "nonsense"])
        case _, "Boolean":
            return random.random() < 0.5
        case _, "Int":
            return random.randrange(4)
        case "role", _:
            return random.choice(["BUYER", "SELLER"])
        case "country", _:
            return random.choice(["KAZ", "UZB"])
    return random.choice(["e", "a", "Rail", "Zinc", 'Loan "', ""])


def without_ids(body: bytes) -> bytes:
    """The response without the ids under which unforeseen errors are logged."""
    return re.sub(rb"[Ii]nternal error [0-9a-f]{12}|\"id\":\"[0-9a-f]{12}\"", b"", body)


class Both:
    """One schema, one replica, both ways of executing."""

    def __init__(self, path: Path, seed: int) -> None:
        """Fill a replica with the history of a seed."""
        self.random = Random(seed)
        self.rows = random_rows(self.random)
        self.replica = Filled(path, self.rows)
        made = compact_schema()
        self.schema = sound(made._schema)
        self.engine = Engine(self.schema, self.replica, limits=Limits(self.schema, Ceiling(cost=10**9)))
        self.operations = Operations(self.schema)
        self.oracle = Oracle(made.as_str(), self.rows)

    def close(self) -> None:
        """Close all."""
        self.engine.close()
        self.replica.close()


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_generated_documents_are_answered_alike_by_all_three(seed: int, tmp_path: Path) -> None:
    await _compared(Both(tmp_path / "replica.db", seed), EACH)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(SEEDS, SEEDS + 100))
async def test_many_more_documents_are_answered_alike(seed: int, tmp_path: Path) -> None:
    await _compared(Both(tmp_path / "replica.db", seed), 60)


async def _compared(both: Both, each: int) -> None:
    compiled = soon = 0
    for _ in range(each):
        document = Documents(both.schema, both.random, a_value).make()
        operation = both.operations.prepare(document.text)
        at_once = both.engine.at_once(operation, document.variables)
        fast = await both.engine.execute(operation, document.variables)
        slow = await both.engine.executed_slowly(operation, document.variables)
        assert without_ids(fast) == without_ids(slow), document
        assert at_once in (None, fast), document
        soon += at_once is not None
        compiled += both.engine.is_compiled(operation, document.variables)
        _same_as_oracle(both, document, fast)
    both.close()
    assert compiled > each // 8
    assert soon


def _same_as_oracle(both: Both, document: Document, body: bytes) -> None:
    assert not validate(both.oracle.schema, both.operations.prepare(document.text).document)
    expected = both.oracle.answer(document.text, document.variables)
    found = orjson.loads(spelt_out(body))
    if expected["failed"]:
        assert sorted(str(error["path"]) for error in found["errors"]) == expected["failed"] or "beyond" in str(found)
    else:
        assert orjson.dumps(found["data"]) == orjson.dumps(expected["data"]), document
        assert "errors" not in found, (document, found["errors"])
