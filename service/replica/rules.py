"""The rules: a hash of everything that decides what rows a log leads to. An answer is fixed by (position, rules)."""

import hashlib
from functools import cache
from pathlib import Path

import domain
from service.replica import folds

_FILES = (
    *("tables.py", "view.py", "world.py", "claims.py", "claimed_values.py", "part.py", "object.py"),
    *("projector.py", "events.py"),
)


@cache
def rules() -> str:
    """Twelve hex digits; other code that folds, or other tables, give others."""
    replica, home = Path(folds.__file__).parent.parent, Path(domain.__file__).parent
    files = [
        *(replica / name for name in _FILES),
        *sorted((replica / "folds").glob("*.py")),
        *sorted(home.glob("*.py")),
    ]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
