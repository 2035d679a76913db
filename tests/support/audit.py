"""Small logs to be audited: events without meaning, sealed and exported."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
from eventsourcing.persistence import StoredEvent

from service.audit.audit import Audit
from service.log import Command, Log
from service.log.sqlite import SQLiteLog


def event(stream: str, version: int, **data: object) -> StoredEvent:
    """An event with this content."""
    state = json.dumps({"data": data, "sources": ["source:x"]}, sort_keys=True, separators=(",", ":"))
    return StoredEvent(stream, version, "SomethingHappened", state.encode())


def record(log: Log, count: int, *, size: int = 0) -> None:
    """Append so many events after those there are, five to a stream, each with `size` bytes more."""
    start = log.head().position
    for first in range(start, start + count, 500):
        numbers = range(first, min(first + 500, start + count))
        log.append([_command(number, size) for number in numbers])


def _command(number: int, size: int) -> Command:
    content = event(f"thing:{number // 5}", number % 5 + 1, number=number, text="x" * size)
    return Command(f"command-{number}", "hash", "tests", [content])


@contextmanager
def audited(data_dir: Path, events: int = 0) -> Iterator[Audit]:
    """A log in a folder with so many events more, and its audit; the sealer is stepped by hand."""
    data_dir.mkdir(exist_ok=True)
    log = SQLiteLog(data_dir / "log.db")
    audit = Audit(log, data_dir)
    try:
        record(log, events)
        yield audit
    finally:
        audit.stop()
        log.close()


def seal(audit: Audit) -> None:
    """Seal all that the log holds."""
    while audit.sealer.step():
        pass


def sealed(data_dir: Path, events: int) -> None:
    """A folder with a sealed log of so many events more than it held."""
    with audited(data_dir, events) as audit:
        seal(audit)


def tamper(data_dir: Path, *statements: str) -> None:
    """Change the log behind its back, its guards out of the way."""
    connection = apsw.Connection(str(data_dir / "log.db"))
    for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        connection.execute(statement)
    connection.close()
