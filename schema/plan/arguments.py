"""Arguments as SQL sees them: bound values and the shape that remains, by which statements are cached."""

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any, NamedTuple

import orjson
from graphql import GraphQLInputObjectType, GraphQLInputType, GraphQLList, Undefined, get_named_type, get_nullable_type
from strawberry.types.base import get_object_definition

from schema.errors import ApiError, ErrorCode
from schema.filters import KNOWN, Condition, Every, Flag, Found, Having, Known, Neither, Some, Test, Value, Within
from schema.plan.source import Owned, Row
from schema.sql import KEY
from service.replica.tables import TABLES, index_name

DEFINITION = "strawberry-definition"
_NEVER = "(SELECT 0)"
"""False, in words that SQLite does not put in the place of the predicates beside it: those that an index needs."""


class Slot(NamedTuple):
    """A value of a statement that a variable gives as it is."""

    place: int
    variable: str
    most: int | None = None
    """The largest that it may be, where it is the size of a page."""


class Binder:
    """Collects the values of a statement; two requests of one shape share the SQL."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.shape: list[Any] = []
        self.slots: list[Slot] = []

    def given_by(self, variable: str, most: int | None = None) -> None:
        """Note that the variable gave the latest value."""
        self.slots.append(Slot(len(self.values) - 1, variable, most))

    def bind(self, value: Any, single: bool = False) -> Value:
        """The placeholder of a value."""
        self.values.append(plain(value))
        placeholder = Value(f"?{len(self.values)}")
        placeholder.single = single
        return placeholder

    def read(self, value: Any, type_: GraphQLInputType, choice: bool = False) -> Any:
        """An argument for SQL: placeholders for leaves and lists of them, mappings for objects, None for null."""
        if value is None or value is Undefined:
            self.shape.append(None)
            return None
        kind = get_nullable_type(type_)
        if isinstance(kind, GraphQLList):
            return self._list(value, kind.of_type, choice)
        if isinstance(kind, GraphQLInputObjectType):
            return self._object(value, kind)
        if choice or isinstance(value, bool):
            self.shape.append(value)
            return value
        self.shape.append("v")
        return self.bind(value)

    def _list(self, value: list[Any], item: GraphQLInputType, choice: bool) -> Any:
        if choice or isinstance(get_named_type(item), GraphQLInputObjectType):
            self.shape.append(len(value))
            return [self.read(each, item, choice) for each in value]
        self.shape.append("1" if len(value) == 1 else "n")
        items = [plain(each) for each in value]
        return self.bind(items[0], single=True) if len(value) == 1 else self.bind(orjson.dumps(items).decode())

    def _object(self, value: Mapping[str, Any], kind: GraphQLInputObjectType) -> dict[str, Any]:
        self.shape.append("{")
        made = {}
        for name, field in kind.fields.items():
            if name in value:
                self.shape.append(name)
                definition = field.extensions[DEFINITION]
                _refuse_slips(name, value[name], definition.metadata.get(KNOWN))
                made[definition.python_name] = self.read(value[name], field.type)
        self.shape.append("}")
        return made


def _refuse_slips(name: str, value: Any, known: Known | None) -> None:
    """Raise ApiError for a text that the filter's field can ask for in vain only."""
    if known is None or value is None:
        return
    for text in value if isinstance(value, list) else [value]:
        if reason := known(text):
            raise ApiError(ErrorCode.INPUT, f"filter: {name}: {reason}.")


def plain(value: Any) -> Any:
    """A value as SQLite takes it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (dict, list)):
        return orjson.dumps(value).decode()
    return value


def chosen(given: Mapping[str, Any] | None, kind: type, row: Row, few: bool = False) -> str:
    """The predicate that a row passes a filter; "1" for one that is absent or empty.

    `few` says that few rows are asked, so that none of them is looked up first by what it owns.
    """
    tests = [_test(condition, value, nested, row, few) for _, condition, value, nested in _given(given, kind)]
    # the last field first: of two bounds on one side an index takes the first, and `since` leaves out unknown days with
    # a bound that `until` betters, as `at_most` leaves out unknown values with one that `at_least` betters
    return " AND ".join(reversed(tests)) or "1"


def finders(given: Mapping[str, Any] | None, kind: type | None, row: Row) -> list[str]:
    """SELECTs of the ids (as `id`, perhaps repeated) of all rows that pass one part of a filter, by an index each."""
    found = (_finder(*each, row) for each in _given(given, kind))
    return [sql for sql in found if sql]


def is_light(given: Mapping[str, Any] | None, kind: type | None) -> bool:
    """Whether no part of a filter takes longer than to read indexes."""
    return all(condition.light for _, condition, *_ in _given(given, kind) if isinstance(condition, Found))


def breadth(given: Any) -> int:
    """How many values a filter holds, in all its parts."""
    if isinstance(given, Mapping):
        return sum(map(breadth, given.values()))
    return sum(map(breadth, given)) if isinstance(given, list) else int(given is not None)


def given_columns(given: Mapping[str, Any] | None, kind: type | None) -> dict[str, Value]:
    """The columns that a filter tests for one of a list."""
    tests = ((condition, value) for _, condition, value, _ in _given(given, kind))
    return {test.column: value for test, value in tests if isinstance(test, Test) and test.column}


class Bounds(NamedTuple):
    """A part of a filter that holds bounds on a column."""

    name: str
    column: str
    alone: bool
    """Whether it holds nothing else."""
    held: dict[str, Any]
    kind: type

    def sql(self, row: Row) -> str:
        """The predicate that a row keeps within them."""
        return chosen(self.held, self.kind, row)


def bounds_in(given: Mapping[str, Any] | None, kind: type | None) -> Iterator[Bounds]:
    """The parts of a filter that hold bounds on a column with an index."""
    for name, condition, value, nested in _given(given, kind):
        if isinstance(condition, Within):
            said = {each: one for each, one in value.items() if one is not None}
            held = {each: said[each] for each in condition.bounds if each in said}
            if held:
                yield Bounds(name, condition.column, len(held) == len(said), held, nested)


def _given(given: Mapping[str, Any] | None, kind: type | None) -> Iterator[tuple[str, Condition, Any, type]]:
    if given and kind is not None:
        for name, (condition, nested) in _conditions(kind).items():
            value = given.get(name)
            if value is None:
                continue
            if isinstance(condition, Every):
                for each in value:
                    yield from _given(each, nested)
            else:
                yield name, condition, value, nested


def _finder(name: str, condition: Condition, value: Any, nested: type, row: Row) -> str | None:
    match condition:
        case Test(_, "id"):
            return f"SELECT value AS id FROM {value.rows}"
        case Test(_, column) if column:
            return _by_index(row, column, value.is_in(row[column]))
        case Test(along=(column, bound)):
            return _by_index(row, column, bound(row, value))
        case Flag(_, ids) if ids is not None and value:
            return ids(row)
        case Found(_, ids, _):
            return ids(row, value)
        case Within(column, bounds):
            held = {bound: value.get(bound) for bound in bounds}
            return _by_index(row, column, chosen(held, nested, row)) if set(held.values()) - {None} else None
        case Having(related, selective, always) if any(value.get(each) for each in selective):
            return _owners(related(row), value, nested, always)
        case Some():
            return _by_any([finders(each, nested, row) for each in value])
    return None


def _by_any(branches: list[list[str]]) -> str | None:
    """A SELECT of the ids that pass one of several filters, if each has a finder."""
    if not all(branches):
        return None
    return " UNION ALL ".join(f"SELECT id FROM ({first})" for first, *_ in branches) or "SELECT '' AS id WHERE 0"


def _by_index(row: Row, column: str, test: str) -> str | None:
    order = next((each for each in TABLES[row.table].orders if each.split(", ")[0] == column), None)
    if order is None:
        return None
    name = index_name(row.table, order, row.scope.moment is not None)
    return f"SELECT {row['id']} AS id FROM {row.named} INDEXED BY {name} WHERE {row.alive} AND {test}"


def _owners(other: Row, value: Any, nested: type, always: Callable[[Row], str] | None) -> str:
    tests = [other.scope.holds(other.alias), chosen(value, nested, other), *([always(other)] if always else [])]
    return f"SELECT {other['owner']} AS id FROM {other.named} WHERE {' AND '.join(tests)}"


@cache
def _conditions(kind: type) -> dict[str, tuple[Condition, type]]:
    """The conditions of a filter by name, each with the class of its value."""
    fields = get_object_definition(kind, strict=True).fields
    return {field.python_name: (field.metadata[KEY], _class(field.resolve_type())) for field in fields}


def _test(condition: Condition, value: Any, nested: type, row: Row, few: bool) -> str:
    match condition:
        case Test(sql):
            return f"({sql(row, value)})"
        case Found(sql, ids, _):
            return f"({sql(row, value)})" if few else f"{row['id']} IN ({ids(row, value)})"
        case Flag(sql, _, denied):
            if denied is not None and not value:
                return f"({denied(row)})"
            held = row[sql] if isinstance(sql, str) else sql(row)
            return f"({held})" if value else f"NOT coalesce({held}, 0)"
        case Having(related, selective, always):
            other = related(row)
            if not few and any(value.get(name) for name in selective):
                return f"{row['id']} IN ({_owners(other, value, nested, always)})"
            by_owner = f"INDEXED BY sqlite_autoindex_{other.table}_1" if few and isinstance(other, Owned) else ""
            tests = chosen(value, nested, other, few)
            return f"EXISTS (SELECT 1 FROM {other.named} {by_owner} WHERE {other.alive} AND {tests})"
        case Within():
            return chosen(value, nested, row, few)
        case Some():
            return f"({' OR '.join(f'({chosen(each, nested, row, few)})' for each in value) or _NEVER})"
        case Neither():
            return f"NOT coalesce(({chosen(value, nested, row, few)}), 0)"
    raise TypeError(f"a filter's field says what it chooses, by a helper of schema.filters: {condition}")


def _class(type_: Any) -> type:
    """The class of an optional, list or lazy type; of a scalar, just `object`."""
    while not isinstance(type_, type):
        if hasattr(type_, "of_type"):
            type_ = type_.of_type
        elif hasattr(type_, "resolve_type"):
            type_ = type_.resolve_type()
        else:
            return object
    return type_
