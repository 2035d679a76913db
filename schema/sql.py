"""How the fields of a type say where they are read from, and the arguments and filters of lists.

One definition serves the compiled read, the slow path and the schema; what is made of it lies in `plan`. A field
without a helper reads the column, or JSON key, of its own name:

    @of_table("deal")
    @strawberry.type(description="A deal.")
    class Deal(Node):
        title: str = column("What it is called.")
        delayed: bool = computed("Whether it slipped.", lambda s: f"{s['delays']} > 0")
        value: Claimed | None = claimed("What it is worth.", lambda s: s["value_subject"])
        gathering: Gathering | None = one("Where it was announced.", "gathering")
        lines: list[Line] = owned("Its lines.", "line")
        links: Connection[PartyLink] = connection("Its parties.", "party_link", owned=True)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from schema.plan.source import Arguments, Document, Owned, Row, Scope, Source, text
from schema.scalars import Date, DateTime, Position
from service.replica.tables import TABLES

__all__ = ["Arguments", "Document", "Owned", "Row", "Scope", "Source", "text"]

KEY = "read"
"""Where the metadata of a Strawberry field hold its reading."""

Sql = Callable[[Source], str]
"""Makes the SQL of a value from the source of the field's type."""

Where = Callable[[Any, Row], str]
"""Makes a predicate from the parent's row and the row to be chosen."""

T = TypeVar("T")


@dataclass(frozen=True)
class Kinds:
    """Which type of a union or interface a row is: a column (or SQL), and the type's name for each value."""

    by: str | Sql
    types: Mapping[str, str]


@dataclass(frozen=True)
class Argument:
    """An argument of a field. A `choice` is part of the SQL, not bound: an enum with few values."""

    name: str
    type: Any
    description: str
    default: Any = strawberry.UNSET
    choice: bool = False
    graphql_name: str | None = None
    """What clients call it, where that is not the name in camel case."""


@dataclass(frozen=True)
class Column:
    """A leaf, or list of leaves in JSON text, from a column of another name."""

    name: str | None = None


@dataclass(frozen=True)
class Computed:
    """A leaf from SQL."""

    sql: Sql | Callable[[Source, Arguments], str]
    arguments: tuple[Argument, ...] = ()


@dataclass(frozen=True)
class Embedded:
    """An object, or list, from JSON text in a column or key; with SQL, from any JSON text."""

    json: str | Sql | None = None
    kinds: Kinds | None = None


@dataclass(frozen=True)
class One:
    """The row of another noun, by its id."""

    key: str | Sql
    table: str | None = None


@dataclass(frozen=True)
class Own:
    """Rows that the object owns: a list, or the first. Without an order there is at most one."""

    table: str
    where: Where | None = None
    order: str = "ord"
    kinds: Kinds | None = None
    shown: Mapping[str, str] | None = None
    """Columns of the object's own row that hold keys of the JSON in the column `shown`, the first unless it is null."""


@dataclass(frozen=True)
class Select:
    """Rows, or one row, of any SELECT; its columns are the fields' columns."""

    select: Callable[[Source, Arguments], str]
    arguments: tuple[Argument, ...] = ()
    kinds: Kinds | None = None
    root: bool = False
    cost: int = 1
    """What each costs, where a row takes longer than a field."""


@dataclass(frozen=True)
class Beside:
    """Columns that are found for a whole page at once, where a field of one of these names is asked for."""

    fields: tuple[str, ...]
    by: str
    """The column that the rows of both have in common."""
    select: Callable[[str, Arguments], str]
    """Makes the SELECT from the name of the page and the arguments."""


@dataclass(frozen=True)
class Listing:
    """A keyset connection over the rows of a table, or of a SELECT that has a unique column `key`."""

    table: str
    owned: bool = False
    where: Where | None = None
    order: str = ""
    filter: type | None = None
    root: bool = False
    select: Callable[[Source, Arguments], str] | None = None
    kinds: Kinds | None = None
    arguments: tuple[Argument, ...] = ()
    usual: tuple[str, Callable[[Row], str]] | None = None
    """A field of the filter, and the predicate that holds where it is not given."""
    beside: Beside | None = None
    runs: Callable[[Source, Arguments], list[str]] | None = None
    """The rows of `select` by parts, all rows of one before those of the next. An order by two columns goes with it:
    the number of the part, and what an index gives the part in the order of."""
    counted: Callable[[Source, Arguments], str] | None = None
    """How many rows `select` has, where there is less to look at than the rows."""


@dataclass(frozen=True)
class Single:
    """One object by its id, as a root field."""

    table: str | None = None
    on: bool = True


@dataclass(frozen=True)
class Needs:
    """A field that is no SQL: its resolver reads these columns from `self`."""

    columns: tuple[str, ...] = ()
    cost: int = 0
    """What it costs, where that is more than fields that are no SQL usually do."""


@dataclass(frozen=True)
class Several:
    """Objects by their ids, null for each that is not there, as a root field."""


Reading = Column | Computed | Embedded | One | Own | Select | Listing | Single | Several | Needs


@strawberry.input(
    one_of=True,
    description="A past moment of the record. One beyond its newest event is an error. Client caches that keep objects "
    "by their `id` keep one state of each: read other moments without `id`, or past the cache.",
)
class AsOf:
    """A moment of the record, by position or by time."""

    position: Position | None = strawberry.field(
        default=strawberry.UNSET, description="What the record said right after the event at this position."
    )
    time: DateTime | None = strawberry.field(default=strawberry.UNSET, description="What the record said at this time.")


_MIN_POSITION = Argument(
    "min_position", Position | None, "Wait until this position can be read: the one that a mutation gave."
)
AS_OF = (Argument("as_of", AsOf | None, "Read what the record said then, instead of now."), _MIN_POSITION)
RETRACTED_HIDDEN = ("retracted", lambda row: f"{row['retracted']} = 0")
"""Lists of objects leave retracted ones out unless the filter's `retracted` says otherwise."""
ON = Argument("on", Date | None, "What held in the world on that day, by what the record says now or at `asOf`.")
_ID = Argument("id", strawberry.ID, "The id.")
_OF_ITS_MOMENT = "the page is of the moment that the cursor was read at, and no other may be named around it."
PAGE = (
    Argument(
        "first",
        int | None,
        "How many from the start, or behind `after`; 20 if neither this nor `last` is given, 100 at most, where the "
        "service is not set otherwise.",
    ),
    Argument("after", str | None, f"Begin behind this cursor; {_OF_ITS_MOMENT}"),
    Argument("last", int | None, "How many from the end, or before `before`; 100 at most."),
    Argument("before", str | None, f"End before this cursor; {_OF_ITS_MOMENT}"),
)


def argument(name: str, type: Any, description: str, default: Any = strawberry.UNSET) -> Argument:
    """An argument of `computed`, `rows` or a listing; its bound value is `arguments[name]`, None where absent."""
    return Argument(name, type, description, default)


def choice(name: str, type: Any, description: str, default: Any = strawberry.UNSET) -> Argument:
    """An argument whose value shapes the SQL: `arguments[name]` is the value itself, an enum's or a boolean."""
    return Argument(name, type, description, default, choice=True)


def column(description: str, name: str | None = None, **options: Any) -> Any:
    """A leaf from the column, or JSON key, of this name; without one, of the field's own name."""
    return _field(description, Column(name), (), options)


def computed(description: str, sql: Callable[..., str], *arguments: Argument, **options: Any) -> Any:
    """A leaf from SQL: `sql(source)`, or `sql(source, arguments)` where the field has arguments."""
    return _field(description, Computed(sql, arguments), arguments, options)


def embed(description: str, json: str | Sql | None = None, kinds: Kinds | None = None, **options: Any) -> Any:
    """An object from JSON text: a column or key of this name (default: the field's own), or SQL that makes JSON."""
    return _field(description, Embedded(json, kinds), (), options)


embed_list = embed
"""A list of objects or leaves from a JSON array; the field's type says that it is a list."""


def one(description: str, key: str | Sql, table: str | None = None, **options: Any) -> Any:
    """The object whose id is in the column (or SQL) `key`: of the field's type, which may be an interface."""
    return _field(description, One(key, table), (), options)


def owned(
    description: str,
    table: str,
    where: Where | None = None,
    order: str = "ord",
    kinds: Kinds | None = None,
    **options: Any,
) -> Any:
    """Rows of `table` that the same object owns: all for a list, else the first. `order` as in `Listing`."""
    return _field(description, Own(table, where, order, kinds), (), options)


CLAIMED = Kinds(
    "kind",
    {"MONEY": "ClaimedMoney", "QUANTITY": "ClaimedQuantity", "TEXT": "ClaimedText", "DATE": "ClaimedDate"},
)
"""Which member of `Claimed` a row of the table `claimed` is."""


def claimed(
    description: str,
    subject: str | Sql,
    kinds: Kinds | None = CLAIMED,
    shown: Mapping[str, str] | None = None,
    **options: Any,
) -> Any:
    """What is claimed about a subject (a column, or SQL); `kinds=None` where the field's type is one of the four.

    `shown` names keys of the value shown that columns of the object's own row hold too, so that who asks for no more
    is answered from there. The first is null only where no value is shown.
    """

    def of_subject(parent: Row, row: Row) -> str:
        return f"{row['key']} = {parent[subject] if isinstance(subject, str) else subject(parent)}"

    return _field(description, Own("claimed", of_subject, "", kinds, shown), (), options)


def rows(
    description: str,
    select: Callable[..., str],
    *arguments: Argument,
    kinds: Kinds | None = None,
    root: bool = False,
    cost: int = 1,
    **options: Any,
) -> Any:
    """A list (or, by the field's type, the first) of the rows of `select(source, arguments)`; `root` adds `asOf`."""
    every = (*arguments, *AS_OF) if root else arguments
    return _field(description, Select(select, every, kinds, root, cost), every, options)


def connection(
    description: str,
    table: str,
    *,
    owned: bool = False,
    where: Where | None = None,
    filter: type | None = None,
    order: type | None = None,
    by: str = "",
    kinds: Kinds | None = None,
    select: Callable[..., str] | None = None,
    arguments: tuple[Argument, ...] = (),
    root: bool = False,
    moment: Argument | None = None,
    beside: Beside | None = None,
    runs: Callable[..., list[str]] | None = None,
    counted: Callable[..., str] | None = None,
    **options: Any,
) -> Any:
    """A keyset connection. `order` is an enum whose values are orders, "day" and "-day"; `by` the default order.

    An order names columns, all of one direction: "-created" or "day"; the row's key is added. `filter` is an input
    type with the helpers below. `select` reads a SELECT with a unique column `key` in place of the table's rows.
    `moment` is the argument `as_of` of a root field under another name; `beside` is found for a page at once; `runs`
    are the parts that a SELECT is read by, `counted` the number of its rows, where no filter is given, by a
    shorter way.
    Retracted objects are left out.
    """
    by = by or ("ord" if owned else "-created")
    at = AS_OF if moment is None else (moment, _MIN_POSITION)
    lists = (*arguments, *PAGE, *_filter(filter), *_order(order, by), *(at if root else ()))
    usual = RETRACTED_HIDDEN if table in TABLES and not TABLES[table].owned else None
    made = Listing(table, owned, where, by, filter, root, select, kinds, arguments, usual, beside, runs, counted)
    return _field(description, made, lists, options)


def listing(description: str, table: str, **options: Any) -> Any:
    """A connection as a root field: with `asOf` and `minPosition`."""
    return connection(description, table, root=True, **options)


def single(description: str, table: str | None = None, *, on: bool = True, **options: Any) -> Any:
    """A root field that reads one object by id; of the field's type, or whichever the id says for an interface."""
    return _field(description, Single(table, on), (_ID, *AS_OF, *((ON,) if on else ())), options)


def refetched(description: str, **options: Any) -> Any:
    """The root field `node`, by whose one argument Relay's compiler knows it: any other makes it refuse the schema."""
    return _field(description, Single(None, on=False), (_ID,), options)


def several(description: str, **options: Any) -> Any:
    """A root field that reads objects by their ids: a list of nullable items, in the order asked for."""
    arguments = (Argument("ids", list[strawberry.ID], "The ids."), *AS_OF)
    return _field(description, Several(), arguments, options)


def needs(*columns: str, cost: int = 0) -> Mapping[str, Reading]:
    """Metadata of a field with a Python resolver: the columns that it reads from `self`, as `self.<column>`."""
    return {KEY: Needs(columns, cost)}


def of_table(table: str) -> Callable[[type[T]], type[T]]:
    """Says from which table the objects of a type are read (above `strawberry.type`)."""

    def mark(cls: type[T]) -> type[T]:
        cls.__table__ = table  # type: ignore[attr-defined]
        return cls

    return mark


def _filter(kind: type | None) -> tuple[Argument, ...]:
    return () if kind is None else (Argument("filter", kind | None, "Only those for which all of this holds."),)


def _order(kind: type | None, by: str) -> tuple[Argument, ...]:
    if kind is None:
        return ()
    return (Argument("order_by", kind, "What to sort by.", kind(by), choice=True),)


def _field(description: str, reading: Reading, arguments: tuple[Argument, ...], options: dict[str, Any]) -> Any:
    made: StrawberryField = strawberry.field(description=description, metadata={KEY: reading}, **options)
    made.arguments = [
        StrawberryArgument(
            python_name=each.name,
            graphql_name=each.graphql_name,
            type_annotation=StrawberryAnnotation(each.type),
            description=each.description,
            default=each.default,
        )
        for each in arguments
    ]
    if not isinstance(reading, (Column, Embedded)):
        made.init = made.repr = made.compare = False
    return made
