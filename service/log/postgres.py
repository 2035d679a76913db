"""The log in PostgreSQL, for any number of nodes. Its tables and its append function are in `sql/postgres/`.

Connections are lost now and then: reading and appending go on by themselves on new ones, for a while.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from random import uniform
from threading import BoundedSemaphore
from time import monotonic, sleep
from typing import Any, TypeAlias, TypeVar

import psycopg
from eventsourcing.persistence import DatabaseError, OperationalError

from service.log.base import BaseLog
from service.log.connections import Connection, Connections
from service.log.follow import HeadWatch
from service.log.log import (
    AlreadyRecorded,
    Command,
    CommandMismatch,
    Entry,
    Head,
    LogDamaged,
    LogRewound,
    Outcome,
    VersionConflict,
    openings,
    utc_milliseconds,
)
from service.log.migrations import pending

_READERS = 8
"""Connections for reading at most; further threads wait for one."""

_PAUSE, _LONGEST_PAUSE = 0.05, 0.5
_POLL = 0.2

_SESSION = """
SELECT set_config('default_transaction_isolation', 'read committed', false),
    set_config('statement_timeout', '20s', false), set_config('jit', 'off', false),
    set_config('synchronous_commit', CASE v WHEN 'off' THEN 'on' ELSE v END, false)
FROM current_setting('synchronous_commit') v
"""
_APPEND = "SELECT * FROM tamga.append(%b, %b, %b, %b, %b, %b, %b, %b, %b)"
_IDENTITY = "SELECT record_id, position, (SELECT coalesce(max(position), 0) FROM tamga.event) FROM tamga.head"
_SAME = "SELECT record_id, (SELECT command_id FROM tamga.event WHERE position = %s) FROM tamga.head"
_POSITION_AT = """
WITH RECURSIVE bisection (low, high) AS (
    SELECT 0::bigint, position FROM tamga.head
    UNION ALL
    SELECT CASE WHEN older THEN middle ELSE low END, CASE WHEN older THEN high ELSE middle - 1 END
    FROM (SELECT low, high, (low + high + 1) / 2 AS middle,
            (SELECT recorded_at <= %s FROM tamga.event WHERE position = (low + high + 1) / 2) AS older
        FROM bisection WHERE low < high) halves)
SELECT low FROM bisection WHERE low >= high
"""

_MAY_APPEND = "SELECT has_function_privilege(to_regproc('tamga.append')::oid, 'EXECUTE')"

_ADVICE = (
    "restore the newest backup (pg_restore, or the archive by point in time) and keep the damaged database for study"
)

_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction)
"""What passes: the database is away, or a standby that has yet to take over."""

_Row: TypeAlias = tuple[Any, ...]
_T = TypeVar("_T")


class PostgresLog(BaseLog):
    """The log in the database at `url`. Raises LogNotMigrated if its tables are not there or not up to date.

    `patience`: for how many seconds a lost database is waited for before the caller is told. A database that comes back
    without what was seen in it is refused from then on, with LogRewound. Opened for reading alone (`reading`) it needs
    no right to append, and appends are refused.
    """

    _SCHEMA, _MARK = "tamga.", "%s"

    def __init__(self, url: str, patience: float = 8.0, *, reading: bool = False) -> None:
        self._patience, self._reading = patience, reading
        self._connections = Connections(url, "tamga")
        self._idle: deque[Connection] = deque()
        self._readers = BoundedSemaphore(_READERS)
        self._writing: Connection | None = None
        self._newest: tuple[int, str | None] = (0, None)
        self._rewound: LogRewound | None = None
        self.record_id = ""
        self.record_id = self._first_look()
        super().__init__()

    def head(self) -> Head:
        seen, _ = self._newest
        [(position, recorded_at)] = self._read("SELECT position, recorded_at FROM tamga.head")
        if position < seen:
            raise self._rewind(seen)
        return Head(position, recorded_at or None)

    def position_at(self, recorded_time: str) -> int:
        return int(self._read(_POSITION_AT, [utc_milliseconds(recorded_time)])[0][0])

    def _first_look(self) -> str:
        def look() -> str:
            with self._connect() as connection:
                if steps := pending(connection):
                    raise LogNotMigrated(f"the log's tables lack {', '.join(steps)}: run `tamga migrate` first")
                [(record_id, head, last)] = connection.execute(_IDENTITY).fetchall()
                if head != last:
                    raise LogDamaged(f"the head is at position {head}, the last event at {last}: {_ADVICE}")
                if not self._reading and connection.execute(_MAY_APPEND).fetchone() != (True,):
                    raise _forbidden("permission denied for function append")
                return str(record_id)

        return self._persist(look)

    def _connect(self) -> Connection:
        """A new connection; whoever answers it must hold the newest event that was seen. Raises LogRewound if not."""
        connection = self._connections.make()
        connection.execute(_SESSION)
        position, command_id = self._newest
        if self.record_id and connection.execute(_SAME, (position,)).fetchone() != (self.record_id, command_id):
            connection.close()
            raise self._rewind(position)
        return connection

    def _see(self, position: int, command_id: str) -> None:
        if position > self._newest[0]:
            self._newest = (position, command_id)

    def _rewind(self, position: int) -> LogRewound:
        self._rewound = self._rewound or LogRewound(position)
        return self._rewound

    def _persist(self, attempt: Callable[[], _T]) -> _T:
        """Try again while the database is away, as long as patience lasts; its errors as the library's."""
        deadline, pause = monotonic() + self._patience, _PAUSE
        while True:
            if self._rewound:
                raise self._rewound
            try:
                return attempt()
            except _AWAY as error:
                self._drop_idle()
                if self._closed or self._connections.cut or monotonic() + pause > deadline:
                    raise OperationalError(f"the log's database: {error}") from error
            except psycopg.errors.InsufficientPrivilege as error:
                raise _forbidden(error) from error
            except psycopg.Error as error:
                raise DatabaseError(f"the log's database: {error}") from error
            sleep(uniform(pause / 2, pause))  # so that what breaks in a rhythm, or for many at once, is not met again
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _rows(self, statement: str, values: Sequence[Any]) -> list[_Row]:
        with self._readers:
            return self._persist(lambda: self._read_once(statement, values))

    def _read_once(self, statement: str, values: Sequence[Any]) -> list[_Row]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            rows = connection.cursor(binary=True).execute(statement.encode(), values).fetchall()
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return rows

    def _entries(self, *asked: Any) -> list[Entry]:
        entries: list[Entry] = super()._entries(*asked)
        if entries:
            self._see(entries[-1].position, entries[-1].command_id)
        return entries

    def cut_off(self) -> None:
        self._connections.cut_off()

    def _disconnect(self) -> None:
        self._drop_idle()
        self._drop_writing()

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _drop_writing(self) -> None:
        if self._writing is not None:
            self._writing.close()
            self._writing = None

    def _write(self, commands: Sequence[Command]) -> list[Outcome]:
        if self._reading:
            raise OperationalError("the log was opened for reading alone")
        arrays = _arrays(commands)
        tries, (seen, _) = 0, self._newest

        def attempt() -> list[_Row]:
            nonlocal tries
            tries += 1
            return self._append_once(arrays)

        rows = self._persist(attempt)
        for command, (verdict, first, last, *_) in zip(commands, rows, strict=True):
            if verdict == "recorded":
                if first <= seen:
                    raise self._rewind(seen)
                self._see(last, command.id)
        outcomes = [_outcome(command, row, tries > 1) for command, row in zip(commands, rows, strict=True)]
        self._heads.publish(max((o[-1] for o in outcomes if isinstance(o, range)), default=0))
        return outcomes

    def _append_once(self, arrays: tuple[list[Any], ...]) -> list[_Row]:
        try:
            if self._writing is None:
                self._writing = self._connect()
            return self._writing.cursor(binary=True).execute(_APPEND, arrays, prepare=True).fetchall()
        except BaseException:
            self._drop_writing()
            raise

    def _watch(self, heads: HeadWatch) -> None:
        """NOTIFY is a hint: what it may miss, before it began or while it was away, a look at the head finds."""
        while not heads.closed.is_set():
            try:
                with self._connect() as connection:
                    connection.execute("LISTEN tamga_log")
                    self._heed(connection, heads)
            except (psycopg.Error, LogRewound):
                heads.closed.wait(_POLL)

    def _heed(self, connection: Connection, heads: HeadWatch) -> None:
        """Look whenever something is heard: whoever may connect may notify, whatever it says."""
        while not heads.closed.is_set():
            for (position,) in connection.execute("SELECT position FROM tamga.head"):
                heads.publish(position)
            for _ in connection.notifies(timeout=_POLL, stop_after=1):
                pass


def _arrays(commands: Sequence[Command]) -> tuple[list[Any], ...]:
    """The arguments of tamga.append."""
    events = [event for command in commands for event in command.events]
    return (
        [command.actor for command in commands],
        [command.id for command in commands],
        [command.request_hash for command in commands],
        [len(command.events) for command in commands],
        [str(event.originator_id) for event in events],
        [event.originator_version for event in events],
        [event.topic for event in events],
        [event.state for event in events],
        [opens for command in commands for opens in openings(command.events)],
    )


def _outcome(command: Command, row: _Row, sent_before: bool) -> Outcome:
    """A command found recorded when it was sent again, after its answer was lost, is what we recorded ourselves."""
    verdict, first, last, stream, version, current = row
    if verdict == "conflict":
        return VersionConflict(stream, version, current)
    if verdict == "mismatch":
        return CommandMismatch(command.id)
    positions = range(first, last + 1)
    if verdict == "recorded" or (sent_before and len(positions) == len(command.events)):
        return positions
    return AlreadyRecorded(command.id, positions)


def _forbidden(why: object) -> DatabaseError:
    allowing = "`tamga migrate --role NAME`, run as the owner of its tables, allows a role what a node needs"
    return DatabaseError(f"the log's database: {why}; {allowing}")


class LogNotMigrated(OperationalError):
    """The database lacks tables, or changes to them, that this version needs."""
