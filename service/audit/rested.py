"""What rested on an act: the answers of every object that it changed, before and after, as the replica holds them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import apsw

from service.replica.tables import NOUN_TABLES, TABLES

_SHOWN: dict[str, tuple[str, ...]] = {
    "claimed": ("text", "verification"),
    "party_link": ("party", "role"),
    "line": ("firm", "open_options", "purchase_rights", "intended", "not_stated", "delivered"),
    "condition": ("statement", "met"),
    "financing": ("financier", "status"),
    "ownership": ("party", "percent"),
    "delivery": ("period", "status"),
    "identifier": ("scheme", "value"),
    "act": ("kind", "occurred_on"),
    "inclusion": ("deal", "certainty"),
    "governed_by": ("agreement",),
}
"""Rows that an object owns and that people read, with the columns that say it."""

_TECHNICAL = frozenset(
    ("created", "recorded_at", "changed", "version", "disputed", "anomalies", "day", "value_subject", "value_key")
)
"""Columns of a noun that no reader is shown, or that change with every event."""
_SAID = frozenset(("value_number", "value_currency", "value_low", "value_high", "announced", "withdrawn_reason"))
"""Columns that say again what a claimed value or the act itself says."""
FLAGS = frozenset(("withdrawn", "closed", "cumulative", "retracted", "met"))
"""Columns that hold 1 for true and 0 for false."""

_NOUNS = {table.name: tuple(name for name in table.names if name not in _TECHNICAL | _SAID) for table in NOUN_TABLES}


@dataclass(frozen=True)
class Step:
    """One answer of one object that an act changed."""

    object: str
    field: str
    was: Any
    now: Any


def rested_on(connection: apsw.Connection, owner: str, position: int) -> list[Step]:
    """What the act at a position changed, in its own object first."""
    touched = connection.execute("SELECT id FROM touched WHERE position = ? ORDER BY id", (position,)).fetchall()
    objects = dict.fromkeys([owner, *(str(row[0]) for row in touched)])
    return list(dict.fromkeys(step for id in objects for step in _steps(connection, id, position)))


def _steps(connection: apsw.Connection, id: str, position: int) -> Iterator[Step]:
    noun = id.partition(":")[0]
    if noun in _NOUNS:
        yield from _changed(connection, noun, _NOUNS[noun], id, position)
    for table, columns in _SHOWN.items():
        yield from _changed(connection, table, columns, id, position)


def _changed(
    connection: apsw.Connection, table: str, columns: tuple[str, ...], id: str, position: int
) -> Iterator[Step]:
    old, new = (_rows(connection, table, columns, id, side, position) for side in ("until", "since"))
    for key in sorted(old.keys() | new.keys()):
        was, now = old.get(key), new.get(key)
        for index, column in enumerate(columns):
            before, after = was and was[index], now and now[index]
            if before != after:
                yield Step(id, _named(table, key, column), _value(column, before), _value(column, after))


def _named(table: str, key: str, column: str) -> str:
    if table == "claimed":
        return key if column == "text" else f"{key} ({column})"
    column = column.replace("_", " ")
    return f"{table.replace('_', ' ')} {key}: {column}" if key else column


def _value(column: str, value: Any) -> Any:
    return bool(value) if column in FLAGS and value is not None else value


def _rows(
    connection: apsw.Connection, table: str, columns: tuple[str, ...], id: str, side: str, position: int
) -> dict[str, tuple[Any, ...]]:
    """The rows of an object that end or begin at a position, by their key."""
    owned = TABLES[table].owned
    select = f"SELECT {'key' if owned else chr(39) * 2}, {', '.join(columns)} FROM {table}"
    where = f"{TABLES[table].keys[0]} = ? AND {side} = ?"
    return {row[0]: row[1:] for row in connection.execute(f"{select} WHERE {where} ORDER BY 1", (id, position))}
