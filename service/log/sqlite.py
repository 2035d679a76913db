"""The log in a SQLite file, for any number of threads and processes of one machine.

Write-ahead log, synchronous FULL: what was answered survives a crash of process and machine.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_UN, flock
from importlib.resources import files
from pathlib import Path
from time import monotonic
from typing import Any, TypeAlias

import apsw
from eventsourcing.persistence import OperationalError, StoredEvent

from service.log.base import BaseLog
from service.log.follow import HeadWatch
from service.log.log import (
    AlreadyRecorded,
    Command,
    CommandMismatch,
    Head,
    LogDamaged,
    Outcome,
    VersionConflict,
    openings,
    utc_milliseconds,
)
from service.sqlite_reading import open_unchanged

_FORMAT = 1
_OFTEN, _SELDOM = 0.004, 0.016
"""Seconds between two looks for what other processes append: while they do, and when they have been quiet."""

_QUIET = 0.5
_LOOK = 0.25
_BELL = 8
"""The first bytes of the lock file: the position that the last writer reached."""

_BUSY_MS = 10_000
_CHECK_SECONDS = 1.0

_HEAD = "SELECT position, recorded_at FROM event ORDER BY position DESC LIMIT 1"
_NOW = "SELECT max(strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), ?)"
_COMMAND = "SELECT request_hash, first_position, last_position FROM command_log WHERE actor = ? AND id = ?"
_VERSION = "SELECT coalesce(max(version), 0) FROM event WHERE stream = ?"
_ADD_EVENT = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_ADD_COMMAND = "INSERT INTO command_log VALUES (?, ?, ?, ?, ?)"

_POSITION_AT = """
WITH RECURSIVE bisection (low, high) AS (
    SELECT 0, coalesce(max(position), 0) FROM event
    UNION ALL
    SELECT iif(e.recorded_at <= ?1, e.position, low), iif(e.recorded_at <= ?1, high, e.position - 1)
    FROM bisection JOIN event e ON e.position = (low + high + 1) / 2
    WHERE low < high)
SELECT low FROM bisection WHERE low >= high
"""

_Execute: TypeAlias = Callable[..., Any]


class SQLiteLog(BaseLog):
    """The log in the file at `path`, made there if there is none.

    Opened for reading alone (`reading`) it changes no file, needs no right to write, and appends are refused.
    Raises LogDamaged, with the way to restore, for a file that no log could have left behind.
    """

    _SCHEMA, _MARK = "", "?"

    def __init__(self, path: str | os.PathLike[str], *, reading: bool = False) -> None:
        self._path, self._reading = Path(path), reading
        self._idle: deque[apsw.Connection] = deque()
        self._lock_file = self._open_lock_file()
        try:
            with self._translated():
                self._writing = self._open()
        except BaseException:
            os.close(self._lock_file)
            raise
        super().__init__()

    def head(self) -> Head:
        return Head(*(self._read(_HEAD) or [(0, None)])[0])

    def position_at(self, recorded_time: str) -> int:
        return int(self._read(_POSITION_AT, (utc_milliseconds(recorded_time),))[0][0])

    def _open_lock_file(self) -> int:
        """Of a reader, whatever writers ring with; it may not be there."""
        name = f"{self._path}-lock"
        if not self._reading:
            return os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        return os.open(name if os.access(name, os.R_OK) else os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def _open(self) -> apsw.Connection:
        """A file that is refused is left as it was found, its write-ahead log included."""
        self._refuse_lost_main_file()
        connection = self._connect() if self._reading else self._made()
        _refuse_stranger(connection, self._path)
        _check_pages(connection)
        self.record_id = str(connection.execute("SELECT id FROM record").get)
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
        return connection

    def _made(self) -> apsw.Connection:
        """Opened for writing, with the tables there."""
        with self._alone():
            connection = self._connect()
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            if _is_new(connection):
                script = files("service.log").joinpath("sql/sqlite.sql").read_text()
                connection.pragma("journal_mode", "wal")
                connection.execute(f"BEGIN IMMEDIATE; {script}; COMMIT")
        return connection

    def _connect(self) -> apsw.Connection:
        if self._reading:
            connection = open_unchanged(self._path)
        else:
            connection = apsw.Connection(str(self._path), statementcachesize=50)
        connection.set_busy_timeout(_BUSY_MS)
        connection.execute("PRAGMA synchronous = FULL; PRAGMA recursive_triggers = ON")
        return connection

    def _refuse_lost_main_file(self) -> None:
        wal = Path(f"{self._path}-wal")
        if (not self._path.exists() or not self._path.stat().st_size) and wal.exists() and wal.stat().st_size:
            raise LogDamaged(f"{self._path} is gone but its write-ahead log is there. {_advice(self._path)}")

    def _rows(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._translated():
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self._connect()
            try:
                return connection.execute(statement, values).fetchall()
            finally:
                self._idle.append(connection)

    def _disconnect(self) -> None:
        while self._idle:
            self._idle.pop().close()
        self._writing.close()
        os.close(self._lock_file)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Among the writers of all processes; a queue where SQLite's own busy wait would be a lottery."""
        flock(self._lock_file, LOCK_EX)
        try:
            yield
        finally:
            flock(self._lock_file, LOCK_UN)

    def _write(self, commands: Sequence[Command]) -> list[Outcome]:
        if self._reading:
            raise OperationalError(f"{self._path} was opened for reading alone")
        with self._translated(), self._alone():
            execute = self._writing.execute
            execute("BEGIN IMMEDIATE")
            try:
                batch = _Batch(self._writing)
                outcomes = [batch.record(command) for command in commands]
                execute("COMMIT")
            except BaseException:
                if self._writing.in_transaction:
                    execute("ROLLBACK")
                raise
            with suppress(OSError):
                os.pwrite(self._lock_file, batch.position.to_bytes(_BELL), 0)
        self._heads.publish(batch.position)
        return outcomes

    def _watch(self, heads: HeadWatch) -> None:
        """Other processes cannot wake us, but they ring; what this may miss, a look at the head finds."""
        rung, heard, due = b"", 0.0, 0.0
        while heads.until_wanted():
            bell, now = os.pread(self._lock_file, _BELL, 0), monotonic()
            if bell != rung or now >= due:
                heard = now if bell != rung else heard
                rung, due = bell, now + _LOOK
                with suppress(OperationalError):
                    heads.publish(self.head().position)
            heads.closed.wait(_OFTEN if now < heard + _QUIET else _SELDOM)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """SQLite's errors as the library's."""
        try:
            yield
        except (apsw.CorruptError, apsw.NotADBError) as error:
            raise LogDamaged(f"{self._path} is damaged ({error}). {_advice(self._path)}") from error
        except apsw.Error as error:
            raise OperationalError(f"{self._path}: {error}") from error


class _Batch:
    """The commands of one transaction, under the lock."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._execute: _Execute = connection.execute
        self._add = connection.executemany
        self.position: int
        self.position, before = self._execute(_HEAD).fetchone() or (0, "")
        self._now = self._execute(_NOW, (before,)).get
        self._versions: dict[str, int] = {}

    def record(self, command: Command) -> Outcome:
        """Nothing is written before nothing can be refused, so a refusal leaves no trace."""
        if known := self._execute(_COMMAND, (command.actor, command.id)).fetchone():
            if known[0] != command.request_hash:
                return CommandMismatch(command.id)
            return AlreadyRecorded(command.id, range(known[1], known[2] + 1))
        return self._conflict(command.events) or self._insert(command)

    def _conflict(self, events: Sequence[StoredEvent]) -> VersionConflict | None:
        opening = [event for event, opens in zip(events, openings(events), strict=True) if opens]
        for event in opening:
            current = self._version(str(event.originator_id))
            if event.originator_version != current + 1:
                return VersionConflict(str(event.originator_id), event.originator_version, current)
        return None

    def _version(self, stream: str) -> int:
        known = self._versions.get(stream)
        if known is None:
            known = self._execute(_VERSION, (stream,)).get
        return int(known)

    def _insert(self, command: Command) -> range:
        first = self.position + 1
        tail = (self._now, command.actor, command.id)
        self._add(
            _ADD_EVENT,
            [
                (position, str(e.originator_id), e.originator_version, e.topic, e.state, *tail)
                for position, e in enumerate(command.events, first)
            ],
        )
        self.position = last = self.position + len(command.events)
        self._versions.update((str(e.originator_id), e.originator_version) for e in command.events)
        self._execute(_ADD_COMMAND, (command.actor, command.id, command.request_hash, first, last))
        return range(first, last + 1)


def _is_new(connection: apsw.Connection) -> bool:
    return not connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()


def _refuse_stranger(connection: apsw.Connection, path: Path) -> None:
    version = connection.pragma("user_version")
    if not connection.table_exists("main", "command_log"):
        raise LogDamaged(f"{path} is a SQLite file but not a log of this program; name another file")
    if version != _FORMAT:
        raise OperationalError(
            f"{path} has format {version}, this program knows format {_FORMAT}: use the newer program"
        )


def _check_pages(connection: apsw.Connection) -> None:
    """As much of the file as can be looked through in a second, so that damage is found before more is recorded."""
    deadline = monotonic() + _CHECK_SECONDS
    connection.set_progress_handler(lambda: monotonic() > deadline, 10_000)
    try:
        verdict = connection.execute("PRAGMA quick_check(1)").get
    except apsw.InterruptError:
        return
    finally:
        connection.set_progress_handler(None)
    if verdict != "ok":
        raise apsw.CorruptError(str(verdict))


def _advice(path: Path) -> str:
    return (
        f"Nothing was changed. To restore: stop all that uses it; move {path}, {path}-wal and {path}-shm aside and "
        f"keep them; put the newest backup at {path} (made with `VACUUM INTO` or sqlite3's `.backup`); start again. "
        "What was recorded after the backup may be salvaged from the files set aside with sqlite3's `.recover`."
    )
