"""What a field reads from while it is compiled: a row or a JSON document, at one moment of the record.

Nothing here knows GraphQL; it only spells SQL.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

from service.replica.tables import ALIVE, TABLES

NEWEST = "(SELECT value FROM main.state WHERE name = 'position')"
"""The newest position of the replica within the read transaction."""

Arguments = Mapping[str, Any]
"""Arguments of a field: bound values as placeholders, input objects as mappings, what is absent or null as None."""

SELECTED = "~"
"""The names of all fields that are selected below a root field, among the arguments of `rows`."""


@dataclass(frozen=True)
class Scope:
    """The moment that rows are read at: a bound position, or now."""

    moment: str | None = None

    def holds(self, alias: str) -> str:
        """The predicate that a version of a row is the one of this moment."""
        if self.moment is None:
            return f"{alias}.until = {ALIVE}"
        return f"{alias}.since <= {self.moment} AND {alias}.until > {self.moment}"

    @property
    def position(self) -> str:
        """SQL of the position that is read at."""
        return self.moment or NEWEST

    def had_happened(self, alias: str) -> str:
        """The predicate that an event was recorded by this moment."""
        return "1" if self.moment is None else f"{alias}.position <= {self.moment}"


class Source(Protocol):
    """What the columns of a type are read from; `source["name"]` is the SQL of one of them."""

    def __getitem__(self, name: str) -> str:
        """SQL of a column or key."""
        ...

    @property
    def row(self) -> "Row":
        """The row, or the row that the document lies in."""
        ...


@dataclass(frozen=True)
class Row:
    """A row of a table, a view or a subquery, under an alias of its own."""

    table: str
    alias: str
    scope: Scope
    aliases: Iterator[int] = field(default_factory=lambda: count(1), compare=False, repr=False)
    schema: str = "main"
    given: Mapping[str, str] | None = None
    """SQL of columns that are no columns of a table: the attributes of a Python object, bound."""

    def __getitem__(self, name: str) -> str:
        """SQL of a column."""
        if self.given is not None:
            return self.given[name]
        return f"{self.alias}.{name}"

    @property
    def row(self) -> "Row":
        """Itself."""
        return self

    @property
    def owner(self) -> str:
        """SQL of the id of the object that this row is, or belongs to."""
        table = TABLES.get(self.table)
        return self["owner"] if table is None or table.owned else self["id"]

    @property
    def alive(self) -> str:
        """The predicate that this version is the one of the moment."""
        return self.scope.had_happened(self.alias) if self.table == "event" else self.scope.holds(self.alias)

    @property
    def named(self) -> str:
        """`<table> AS <alias>`."""
        return f"{self.schema}.{self.table} AS {self.alias}"

    @property
    def rows(self) -> str:
        """`<table> AS <alias> WHERE <it is alive>`: to be followed by AND and further predicates."""
        return f"{self.named} WHERE {self.alive}"

    def has_id(self, key: str) -> str:
        """The predicate that the row has this id; an event is found by its stream and version."""
        if self.table != "event":
            return f"{self['id']} = {key}"
        at = f"instr({key}, '@')"
        version = f"CAST(substr({key}, {at} + 1) AS INTEGER)"
        found = f"{self['stream']} = substr({key}, 1, {at} - 1) AND {self['version']} = {version}"
        return f"{found} AND {self['id']} = {key}"

    def others(self, table: str) -> "Row":
        """A row of any table at the same moment: `other.rows` names them all."""
        return self._of(table, "main")

    def owned(self, table: str) -> "Owned":
        """A row that the same object owns: `owned.rows` names those of this object."""
        row = self._of(table, self.schema)
        return Owned(row.table, row.alias, row.scope, row.aliases, row.schema, None, self.owner)

    def _of(self, table: str, schema: str) -> "Row":
        return Row(table, f"{table[:2]}{next(self.aliases)}", self.scope, self.aliases, schema)

    def at(self, scope: Scope) -> "Row":
        """The same row, whose relatives are read at another moment."""
        return Row(self.table, self.alias, scope, self.aliases, self.schema, self.given)


@dataclass(frozen=True)
class Owned(Row):
    """A row that an object owns."""

    of: str = ""

    @property
    def alive(self) -> str:
        """The predicate that this version is the one of the moment, and the object's own."""
        return f"{self.alias}.owner = {self.of} AND {self.scope.holds(self.alias)}"


@dataclass(frozen=True)
class Document:
    """A JSON object within a row; its keys are read as columns are."""

    json: str
    row: Row

    def __getitem__(self, name: str) -> str:
        """SQL of the value of a key: a text, a number, 0 or 1, or NULL."""
        return f"({self.json} ->> '$.{name}')"

    def document(self, name: str) -> str:
        """SQL of the JSON text of a key."""
        return f"({self.json} -> '$.{name}')"


def text(value: str) -> str:
    """A text as an SQL literal, for constants of the program."""
    return "'" + value.replace("'", "''") + "'"
