"""A replica as one file: copied while it is in use, and put in place on another node that has the same log.

A snapshot is trusted no further than its rules, its record and the events at its end, which are compared with the log.
"""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import apsw

from service.log.log import Log
from service.replica.rebuild import Progress
from service.replica.store import Replica, open_for_reading, position_of
from service.replica.swap import hand_over, swap_in

_PAGES = 2_000
_COMPARED = 50
_FACTS = "CREATE TABLE snapshot_of (record_id TEXT NOT NULL, rules TEXT NOT NULL, position INTEGER NOT NULL)"


class SnapshotRefused(Exception):
    """The file is no snapshot that this node could serve; says why."""


class About(NamedTuple):
    """What a snapshot says of itself."""

    record_id: str
    rules: str
    position: int


def save(replica: Replica, file: Path, progress: Progress | None = None) -> About:
    """Copy the replica as it is at this moment into a file, by SQLite's backup; whoever uses it goes on.

    Raises FileNotFoundError if there is no replica, OSError if the file cannot be written.
    """
    if not replica.path.exists():
        raise FileNotFoundError(f"there is no replica at {replica.path}; 'tamga serve' or 'tamga rebuild' makes one")
    draft = _draft(file)
    try:
        with closing(open_for_reading(replica.path)) as source, closing(apsw.Connection(str(draft))) as copy:
            _copy(source, copy, progress)
            about = About(replica.record_id, replica.rules, position_of(copy))
            copy.execute(_FACTS)
            copy.execute("INSERT INTO snapshot_of VALUES (?, ?, ?)", about)
        swap_in(draft, file)
    finally:
        draft.unlink(missing_ok=True)
    return about


def load(log: Log, replica: Replica, file: Path, progress: Progress | None = None) -> About:
    """Put the snapshot in the place of this node's replica; a server that runs here notices and goes on with it.

    Raises SnapshotRefused if it is of another record or other rules, damaged, beyond the log, or behind what is here;
    NotTaken if a server runs here and does not answer.
    """
    draft = _draft(replica.path)
    try:
        with _snapshot(file) as source:
            about = _checked(source, log, replica)
            with closing(apsw.Connection(str(draft))) as copy:
                _copy(source, copy, progress)
                copy.execute("DROP TABLE snapshot_of")
                copy.execute("PRAGMA journal_mode = WAL")
        hand_over(draft, replica.path)
    finally:
        draft.unlink(missing_ok=True)
    return about


def _checked(source: apsw.Connection, log: Log, replica: Replica) -> About:
    row = source.execute("SELECT record_id, rules, position FROM snapshot_of").fetchone()
    about = About(*(row or ("", "", 0)))
    if about.record_id != log.record_id:
        raise SnapshotRefused(f"it is of the record {about.record_id}; this log is {log.record_id}")
    if about.rules != replica.rules:
        raise SnapshotRefused(f"it was made by the rules {about.rules}; this version of tamga has {replica.rules}")
    if about.position != position_of(source) or source.execute("PRAGMA quick_check(1)").get != "ok":
        raise SnapshotRefused("it is damaged")
    compare_with_log(source, about.position, log)
    if replica.path.exists() and (here := replica.position) >= about.position:
        raise SnapshotRefused(f"it ends at position {about.position:,}; the replica here is at {here:,} already")
    return about


def compare_with_log(source: apsw.Connection, position: int, log: Log) -> None:
    """The last events of a replica must be those of the log, or it is of another, or of one that was restored since.

    Raises SnapshotRefused.
    """
    head = log.head().position
    if position > head:
        raise SnapshotRefused(f"it ends at position {position:,}; the log ends at {head:,}")
    first = max(1, position - _COMPARED + 1)
    known = {
        e.position: (e.stream, e.version, e.command_id) for e in log.select_notifications(first, _COMPARED, position)
    }
    rows = "SELECT position, stream, version, command_id FROM event WHERE position BETWEEN ? AND ?"
    for at, *told in source.execute(rows, (first, position)):
        if known.get(at) != tuple(told):
            raise SnapshotRefused(f"its event at position {at:,} is not that of the log")


def _copy(source: apsw.Connection, copy: apsw.Connection, progress: Progress | None) -> None:
    """Every page as of one moment: the open transaction keeps what others write meanwhile out of it."""
    with source:
        source.execute("SELECT count(*) FROM main.state").fetchall()
        with copy.backup("main", source, "main") as backup:
            while not backup.done:
                backup.step(_PAGES)
                if progress is not None:
                    progress(backup.page_count - backup.remaining, backup.page_count)
    copy.execute("PRAGMA journal_mode = DELETE")


@contextmanager
def _snapshot(file: Path) -> Iterator[apsw.Connection]:
    try:
        connection = apsw.Connection(
            f"file:{quote(str(file.absolute()))}?mode=ro", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        )
    except apsw.Error as error:
        raise SnapshotRefused(f"it cannot be opened: {error}") from None
    try:
        yield connection
    except (apsw.NotADBError, apsw.CorruptError, apsw.SQLError) as error:
        raise SnapshotRefused(f"it is not a snapshot, or it is damaged: {error}") from None
    finally:
        connection.close()


def _draft(file: Path) -> Path:
    return file.with_name(f"{file.name}.draft-{os.getpid()}")
