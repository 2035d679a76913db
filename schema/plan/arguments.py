"""Arguments as SQL sees them: bound values and the shape that remains, by which statements are cached."""

from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any

import orjson
from graphql import GraphQLInputObjectType, GraphQLInputType, GraphQLList, Undefined, get_named_type, get_nullable_type
from strawberry.types.base import get_object_definition

from schema.filters import Condition, Every, Flag, Having, Neither, Some, Test, Value, Within
from schema.plan.source import Row
from schema.sql import KEY

DEFINITION = "strawberry-definition"


class Binder:
    """Collects the values of a statement; two requests of one shape share the SQL."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.shape: list[Any] = []

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
                made[field.extensions[DEFINITION].python_name] = self.read(value[name], field.type)
        self.shape.append("}")
        return made


def plain(value: Any) -> Any:
    """A value as SQLite takes it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (dict, list)):
        return orjson.dumps(value).decode()
    return value


def chosen(given: Mapping[str, Any] | None, kind: type, row: Row) -> str:
    """The predicate that a row passes a filter; "1" for one that is absent or empty."""
    if not given:
        return "1"
    tests = [
        _test(condition, given[name], nested, row)
        for name, (condition, nested) in _conditions(kind).items()
        if given.get(name) is not None
    ]
    return " AND ".join(tests) or "1"


@cache
def _conditions(kind: type) -> dict[str, tuple[Condition, type]]:
    """The conditions of a filter by name, each with the class of its value."""
    fields = get_object_definition(kind, strict=True).fields
    return {field.python_name: (field.metadata[KEY], _class(field.resolve_type())) for field in fields}


def _test(condition: Condition, value: Any, nested: type, row: Row) -> str:
    match condition:
        case Test(sql):
            return f"({sql(row, value)})"
        case Flag(sql):
            held = row[sql] if isinstance(sql, str) else sql(row)
            return f"({held})" if value else f"NOT coalesce({held}, 0)"
        case Having(related, selective):
            other = related(row)
            tests = chosen(value, nested, other)
            if any(value.get(name) is not None for name in selective):
                living = other.scope.holds(other.alias)
                return f"{row['id']} IN (SELECT {other['owner']} FROM {other.named} WHERE {living} AND {tests})"
            return f"EXISTS (SELECT 1 FROM {other.rows} AND {tests})"
        case Within():
            return chosen(value, nested, row)
        case Every():
            return " AND ".join(f"({chosen(each, nested, row)})" for each in value) or "1"
        case Some():
            return f"({' OR '.join(f'({chosen(each, nested, row)})' for each in value) or '0'})"
        case Neither():
            return f"NOT coalesce(({chosen(value, nested, row)}), 0)"
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
