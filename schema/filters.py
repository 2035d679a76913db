"""How the fields of a filter (an input type) choose rows; a field that is absent or null chooses all.

@strawberry.input(description="Which deals.")
class DealFilter:
    kind: list[DealKind] | None = any_of("Of one of these kinds.", "kind")
    min_delays: int | None = where("Delayed so often at least.", lambda row, value: f"{row['delays']} >= {value}")
    disputed: bool | None = flag("Whether sources disagree.", "disputed")
    party: PartyFilter | None = having("With such a party.", lambda row: row.owned("party_link"))
    all_of: list["DealFilter"] | None = every()
    any_of: list["DealFilter"] | None = some()
    none_of: "DealFilter | None" = neither()
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import strawberry

from schema.plan.source import Row
from schema.sql import KEY


class Value(str):
    """A bound value: its text is the placeholder. A list is bound as a JSON array: use `each`, or `is_in`."""

    __slots__ = ("single",)
    single: bool

    @property
    def each(self) -> str:
        """SQL of the set of a list's items."""
        return f"(SELECT value FROM {self.rows})"

    @property
    def rows(self) -> str:
        """What to select a list's items from, in order; each is the column `value`."""
        return f"(SELECT {self} AS value)" if self.single else f"json_each({self})"

    def is_in(self, sql: str) -> str:
        """The predicate that `sql` is one of the list; for a list of one by `=`, which keeps an index's order."""
        return f"{sql} = {self}" if self.single else f"{sql} IN {self.each}"


KNOWN = "known"
"""The key of a field's metadata with what tells the texts that it can ask for, as `Known`; an option of the helpers."""

Known = Callable[[str], str | None]
"""Why a text can be asked for in vain only; None if it cannot. A slip of the pen must not look like an empty list."""

Sql = Callable[[Row, Value], str]
"""Makes SQL from the row and the bound value."""


@dataclass(frozen=True)
class Test:
    """A predicate on the row from the bound value."""

    sql: Sql
    column: str = ""
    """The column that is one of a list, where that is all."""
    along: tuple[str, Sql] | None = None
    """A column with an index, and the same predicate as bounds on it."""


@dataclass(frozen=True)
class Found:
    """A predicate on the row from the bound value, which an index can answer the other way round."""

    sql: Sql
    ids: Sql
    """A SELECT of the ids (as `id`, perhaps repeated) of all rows for which it holds."""
    light: bool = True
    """Whether that takes no longer than to read an index."""


@dataclass(frozen=True)
class Flag:
    """A predicate that must hold for true, and must not for false."""

    sql: str | Callable[[Row], str]
    ids: Callable[[Row], str] | None = None
    """A SELECT of the ids (as `id`, perhaps repeated) of all rows for which it holds, by an index."""
    denied: Callable[[Row], str] | None = None
    """The predicate for false, where an index knows it."""


@dataclass(frozen=True)
class Having:
    """A nested filter on a related row: one such must exist."""

    related: Callable[[Row], Row]
    selective: tuple[str, ...] = ()
    """Fields of it that have an index: where one is given, the owned rows can be looked up first."""
    always: Callable[[Row], str] | None = None
    """What holds of every related row, for an index that begins with another column."""


@dataclass(frozen=True)
class Within:
    """A nested filter on the same row."""

    column: str = ""
    """The column, with an index, on which its fields `bounds` are bounds."""
    bounds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Every:
    """All filters of a list hold."""


@dataclass(frozen=True)
class Some:
    """One filter of a list holds."""


@dataclass(frozen=True)
class Neither:
    """The filter does not hold."""


Condition = Test | Found | Flag | Having | Within | Every | Some | Neither


def where(description: str, sql: Sql, along: tuple[str, Sql] | None = None, **options: Any) -> Any:
    """A predicate from SQL: the row, and the value as a placeholder (see `Value` for lists).

    `along` names a column with an index, and gives the same predicate as bounds on it.
    """
    return _field(description, Test(sql, along=along), options)


def any_of(description: str, column: str | Callable[[Row], str], **options: Any) -> Any:
    """The column (or SQL) is one of a list."""
    test = Test(lambda row, value: value.is_in(_of(row, column)), column if isinstance(column, str) else "")
    return _field(description, test, options)


def found(description: str, sql: Sql, ids: Sql, light: bool = True, **options: Any) -> Any:
    """A predicate from SQL, and a SELECT of the ids of all rows for which it holds, by an index.

    It is `light` if that takes no longer than to read an index.
    """
    return _field(description, Found(sql, ids, light), options)


def owning(description: str, table: str, column: str, **options: Any) -> Any:
    """A row that the object owns has one of a list in a column with an index."""

    def sql(row: Row, value: Value) -> str:
        own = row.owned(table)
        return f"EXISTS (SELECT 1 FROM {own.rows} AND {value.is_in(own[column])})"

    def ids(row: Row, value: Value) -> str:
        other = row.others(table)
        return f"SELECT {other['owner']} AS id FROM {other.rows} AND {value.is_in(other[column])}"

    return found(description, sql, ids, **options)


def equals(description: str, column: str | Callable[[Row], str], **options: Any) -> Any:
    """The column (or SQL) has this value."""
    return _field(description, Test(lambda row, value: f"{_of(row, column)} = {value}"), options)


def at_least(description: str, column: str | Callable[[Row], str], **options: Any) -> Any:
    """The column (or SQL) is this or more."""
    return _field(description, Test(lambda row, value: f"{_of(row, column)} >= {value}"), options)


def at_most(description: str, column: str | Callable[[Row], str], **options: Any) -> Any:
    """The column (or SQL) is this or less."""
    return _field(description, Test(lambda row, value: f"{_of(row, column)} <= {value}"), options)


def flag(
    description: str,
    column: str | Callable[[Row], str],
    ids: Callable[[Row], str] | None = None,
    denied: Callable[[Row], str] | None = None,
    **options: Any,
) -> Any:
    """A Boolean: the column (or SQL) is true, or for false is not.

    `ids` selects the ids for which it is true by an index; `denied` says that it is false so that an index knows it.
    """
    return _field(description, Flag(column, ids, denied), options)


def having(
    description: str,
    related: Callable[[Row], Row],
    *selective: str,
    always: Callable[[Row], str] | None = None,
    **options: Any,
) -> Any:
    """A nested filter: such a related row exists. `related` gives `row.owned(table)` or another row with `rows`.

    `selective` names its fields that have an index: by one of them, owned rows can be found before the row. `always`
    holds of every related row, for an index that begins with another column.
    """
    return _field(description, Having(related, selective, always), options)


def within(description: str, column: str = "", *bounds: str, **options: Any) -> Any:
    """A nested filter on the same row; `bounds` names its fields that are bounds on a column with an index."""
    return _field(description, Within(column, bounds), options)


def every(description: str = "All of these hold.") -> Any:
    """A list of the same filter: and."""
    return _field(description, Every(), {})


def some(description: str = "At least one of these holds; an empty list chooses nothing.") -> Any:
    """A list of the same filter: or. An empty list chooses nothing."""
    return _field(description, Some(), {})


def neither(description: str = "This does not hold.") -> Any:
    """One filter: not."""
    return _field(description, Neither(), {})


def _of(row: Row, column: str | Callable[[Row], str]) -> str:
    return row[column] if isinstance(column, str) else column(row)


def _field(description: str, condition: Condition, options: dict[str, Any]) -> Any:
    known: Known | None = options.pop("known", None)
    metadata = {KEY: condition, KNOWN: known}
    return strawberry.field(description=description, default=strawberry.UNSET, metadata=metadata, **options)
