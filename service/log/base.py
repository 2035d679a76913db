"""What both stores share: one writer, one watch of the head, and reading events. A store adds connections and SQL."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from service.log.follow import HeadWatch
from service.log.log import (
    AppendStats,
    Command,
    Entry,
    Log,
    LogClosed,
    Outcome,
    StoredCommand,
    check_command,
)
from service.log.writer import Writer

_ALL = 2**62
"""Beyond every position, version and number of events."""

_COLUMNS = "stream, version, name, state, position, recorded_at, recorded_by, command_id"


class BaseLog(Log):
    """A log in a database that knows SQL."""

    _SCHEMA: ClassVar[str]
    """What stands before the names of tables."""
    _MARK: ClassVar[str]
    """What stands for a value in a statement."""
    _closed = False

    def __init__(self) -> None:
        """Take up work, once there are connections."""
        self._heads = HeadWatch(self._watch)
        self._writer = Writer(self._write)

    @abstractmethod
    def _watch(self, heads: HeadWatch) -> None:
        """Tell what other processes append, until `heads` is closed."""

    @abstractmethod
    def _write(self, commands: Sequence[Command]) -> list[Outcome]:
        """Append in one transaction; only the writer's thread calls this."""

    @abstractmethod
    def _rows(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """What a statement that reads gives; any thread may call this."""

    @abstractmethod
    def _disconnect(self) -> None:
        """Close all connections."""

    def append(self, commands: Sequence[Command]) -> list[Outcome]:
        for command in commands:
            check_command(command)
        return self._writer.append(commands) if commands else []

    def command(self, actor: str, command_id: str) -> StoredCommand | None:
        found = f"SELECT request_hash, first_position, last_position FROM {self._SCHEMA}command_log"
        rows = self._read(f"{found} WHERE actor = {self._MARK} AND id = {self._MARK}", (actor, command_id))
        return StoredCommand(rows[0][0], range(rows[0][1], rows[0][2] + 1)) if rows else None

    def wait(self, position: int, timeout: float) -> bool:
        self._heads.publish(self.head().position)
        return self._heads.wait(position, timeout)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[Entry]:
        stream, order = f"stream = {self._MARK}", "DESC" if desc else "ASC"
        return self._entries([stream], "version", order, ((gt or 0) + 1, lte), limit, str(originator_id))

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> list[Entry]:
        named = [f"name IN ({', '.join([self._MARK] * len(topics))})"] if topics else []
        first = (start or 0) + (not inclusive_of_start)
        return self._entries(named, "position", "ASC", (first, stop), limit, *topics)

    def _entries(
        self, where: list[str], key: str, order: str, span: tuple[int, int | None], limit: int | None, *values: Any
    ) -> list[Entry]:
        """Events that fulfil the conditions (with these values), with a key from the one to the other number."""
        conditions = " AND ".join([*where, f"{key} >= {self._MARK}", f"{key} <= {self._MARK}"])
        statement = f"SELECT {_COLUMNS} FROM {self._SCHEMA}event WHERE {conditions} ORDER BY {key} {order}"
        first, last = span
        given = (*values, first, _ALL if last is None else last, _ALL if limit is None else limit)
        return [Entry(*row) for row in self._read(f"{statement} LIMIT {self._MARK}", given)]

    def _read(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        if self._closed:
            raise LogClosed("the log is closed")
        return self._rows(statement, values)

    def stats(self) -> AppendStats:
        return self._writer.stats()

    def close(self) -> None:
        if self._closed:
            return
        self._writer.close()
        self._closed = True
        self._heads.close()
        self._disconnect()
