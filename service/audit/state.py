"""The state of a record at a position as one hash: two nodes, or a node and a replay, are compared by one line.

The hash of a table is SHA-256 over one line for each row that is alive at the position, in order of its key: the row's
columns without `since` and `until` as RFC 8785 JSON, nulls included (numbers beyond 2^53 as text), and a line feed. The
state root is SHA-256 over a line `<table> <hash in hex>` for each table, by name, the table of events included.
"""

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import apsw

from service.replica.store import Replica
from service.replica.tables import EVENT_COLUMNS, TABLES

EVENTS = "event"
NAMES = tuple(sorted((*TABLES, EVENTS)))
"""The tables that a state is made of, in order."""

Row = tuple[str, str | int, bytes]


class NotThere(ValueError):
    """What is asked for is not in the log or not in the replica; says what to do."""


@dataclass(frozen=True)
class TableState:
    """One table at a position: how many rows are alive, and their hash."""

    rows: int
    digest: str


@dataclass(frozen=True)
class State:
    """What a record says at a position."""

    position: int
    tables: dict[str, TableState]

    @property
    def root(self) -> str:
        """The state root, 64 hex digits."""
        lines = (f"{name} {self.tables[name].digest}\n" for name in NAMES)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def rows(self) -> int:
        """How many rows are alive."""
        return sum(table.rows for table in self.tables.values())


def replica_reading(replica: Replica, position: int) -> AbstractContextManager[apsw.Connection]:
    """A reading connection to a replica that has come as far as the position. Raises NotThere."""
    if not replica.path.exists():
        raise NotThere(f"there is no replica at {replica.path}; 'tamga rebuild' makes one")
    if replica.position < position:
        raise NotThere(f"the replica has only come to {replica.position:,}; serve it, or run 'tamga rebuild'")
    return replica.read()


def state_at(connection: apsw.Connection, position: int) -> State:
    """The state that a replica's tables hold as of a position, which they must have reached."""
    return State(position, {name: _table_state(connection, name, position) for name in NAMES})


def _table_state(connection: apsw.Connection, name: str, position: int) -> TableState:
    digest, count = hashlib.sha256(), 0
    for _, _, line in rows_at(connection, name, position):
        digest.update(line)
        count += 1
    return TableState(count, digest.hexdigest())


def rows_at(connection: apsw.Connection, name: str, position: int) -> Iterator[Row]:
    """The rows of a table alive at a position, in order: the object's id (of events none), the row's key, its line."""
    return iter(connection.execute(_select(name), {"position": position}))


def _select(name: str) -> str:
    if name == EVENTS:
        line = _line(EVENT_COLUMNS)
        return f"SELECT '', position, {line} FROM main.event WHERE position <= :position ORDER BY position"
    table = TABLES[name]
    owner, key = (*table.keys, "''")[:2]
    columns = (*table.keys, *table.names)
    alive = "since <= :position AND until > :position"
    return f"SELECT {owner}, {key}, {_line(columns)} FROM main.{name} WHERE {alive} ORDER BY {', '.join(table.keys)}"


def _line(columns: tuple[str, ...]) -> str:
    members = ", ".join(f"'{name}', {_value(name)}" for name in sorted(columns))
    return f"CAST(concat(json_object({members}), char(10)) AS BLOB)"


def _value(column: str) -> str:
    """SQL of a column's value; the number of a searchable text has 63 bits, more than a JSON number carries."""
    return "CAST(doc AS TEXT)" if column == "doc" else column
