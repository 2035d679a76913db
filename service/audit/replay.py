"""Replay: the log folded anew from nothing up to a position, and compared with what a replica says as of it."""

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from service.audit.state import NAMES, NotThere, Row, State, replica_reading, rows_at, state_at
from service.log.log import Log
from service.replica.rebuild import Progress, fold_all
from service.replica.store import Replica, position_of
from service.replica.tables import ddl, is_index


@dataclass(frozen=True)
class Difference:
    """One row that the replica has otherwise than the log leads to; None where one of them has no such row."""

    table: str
    object: str
    key: str
    column: str | None
    """The first column that differs; None where the whole row does."""
    replayed: Any
    answered: Any

    def __str__(self) -> str:
        """It in one line."""
        place = f"{self.table} {self.object}{f' {self.key}' if self.key else ''}"
        column = f", {self.column}" if self.column else ""
        return f"{place}{column}: the log leads to {_shown(self.replayed)}, the replica says {_shown(self.answered)}"


@dataclass(frozen=True)
class Verdict:
    """What a replay found."""

    replayed: State
    answered: State
    differences: dict[str, tuple[int, Difference]]
    """For each table that differs: how many rows, and the first of them."""
    set_aside: int
    """How many streams this version could not read."""

    @property
    def same(self) -> bool:
        """Whether the replica says what the log leads to."""
        return not self.differences

    @property
    def first(self) -> Difference | None:
        """The first difference, by object."""
        found = [difference for _, difference in self.differences.values()]
        return min(found, key=lambda one: (one.object, one.table, one.key), default=None)


def replay(
    log: Log,
    replica: Replica,
    position: int,
    folder: Path,
    progress: Progress | None = None,
) -> Verdict:
    """Fold the log into a file, removed at the end, and compare. Raises NotThere.

    The file is made in the folder, or where the system keeps what passes if nothing can be written there.
    """
    head = log.head().position
    if not 1 <= position <= head:
        raise NotThere(f"the log has the positions 1 to {head:,}, not {position:,}" if head else "the log is empty")
    room = folder if os.access(folder, os.W_OK) else None
    with replica_reading(replica, position) as answering, tempfile.TemporaryDirectory(dir=room) as place:
        fresh = apsw.Connection(str(Path(place) / "replay.db"))
        try:
            fold_to(log, fresh, position, progress)
            return compare(fresh, answering, position)
        finally:
            fresh.close()


def fold_to(log: Log, connection: apsw.Connection, position: int, progress: Progress | None = None) -> None:
    """Fold the log from nothing into an empty database, up to a position."""
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -100000"):
        connection.execute(f"PRAGMA {pragma}")
    with connection:
        for statement in ddl():
            if not is_index(statement):
                connection.execute(statement)
    fold_all(log, connection, progress, position)


def compare(fresh: apsw.Connection, answering: apsw.Connection, position: int) -> Verdict:
    """The verdict on two databases at a position; the fresh one ends there."""
    assert position_of(fresh) == position
    replayed, answered = state_at(fresh, position), state_at(answering, position)
    differing = [name for name in NAMES if replayed.tables[name] != answered.tables[name]]
    found = {name: _differences(fresh, answering, name, position) for name in differing}
    set_aside = fresh.execute("SELECT count(*) FROM held_back").get
    return Verdict(replayed, answered, found, int(set_aside))


def _differences(
    fresh: apsw.Connection, answering: apsw.Connection, name: str, position: int
) -> tuple[int, Difference]:
    count, first = 0, None
    for ours, theirs in paired(rows_at(fresh, name, position), rows_at(answering, name, position)):
        if ours != theirs:
            count += 1
            first = first or _difference(name, ours, theirs)
    assert first is not None
    return count, first


def paired(ours: Iterator[Row], theirs: Iterator[Row]) -> Iterator[tuple[Row | None, Row | None]]:
    """Rows of two ordered readings side by side; None where one of them has no such row."""
    left, right = next(ours, None), next(theirs, None)
    while left is not None or right is not None:
        if right is None or (left is not None and left[:2] < right[:2]):
            yield left, None
            left = next(ours, None)
        elif left is None or right[:2] < left[:2]:
            yield None, right
            right = next(theirs, None)
        else:
            yield left, right
            left, right = next(ours, None), next(theirs, None)


def _difference(table: str, ours: Row | None, theirs: Row | None) -> Difference:
    replayed, answered = _values(ours), _values(theirs)
    object, key, _ = ours or theirs or ("", "", b"")
    object = object or (replayed or answered)["stream"]
    if replayed is None or answered is None:
        return Difference(table, object, str(key), None, replayed, answered)
    column = next(name for name in replayed if replayed[name] != answered[name])
    return Difference(table, object, str(key), column, replayed[column], answered[column])


def _values(row: Row | None) -> Any:
    return None if row is None else json.loads(row[2])


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}…"
