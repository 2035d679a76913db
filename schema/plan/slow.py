"""The slow path: graphql-core executes an operation over rows that the same plan fetched, so fields mean the same.

`prepare` puts the reading resolvers into a schema; they read a fetched row by response key, or fetch where a resolver
in Python gave the object.
"""

from collections.abc import Callable
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)

from schema.plan.compile import COLUMN
from schema.plan.selection import reading_of
from schema.sql import Column, Embedded, Needs

Fetch = Callable[[Any, GraphQLResolveInfo[Any]], Any]
"""Reads a field of an object that a Python resolver gave: the parsed JSON, or an awaitable of it."""


class Loaded:
    """A fetched object: values by response key, columns for resolvers as attributes."""

    __slots__ = ("values",)

    def __init__(self, values: dict[str, Any]) -> None:
        """Take the parsed JSON."""
        self.values = values

    @property
    def type_name(self) -> str | None:
        """Its GraphQL type."""
        return self.values.get(COLUMN)

    def __getattr__(self, name: str) -> Any:
        """A column that a resolver needs."""
        try:
            return self.values[COLUMN + name]
        except KeyError:
            raise AttributeError(f"{name} is not fetched: name it in needs(...)") from None


def prepare(schema: GraphQLSchema, fetch: Fetch) -> GraphQLSchema:
    """The schema with reading resolvers in place."""
    for kind in schema.type_map.values():
        if kind.name.startswith("__"):
            continue
        if isinstance(kind, GraphQLObjectType):
            _prepare_object(kind, fetch)
        elif isinstance(kind, (GraphQLInterfaceType, GraphQLUnionType)):
            kind.resolve_type = _typed(kind.resolve_type)
    return schema


def _prepare_object(kind: GraphQLObjectType, fetch: Fetch) -> None:
    if kind.is_type_of is not None:
        kind.is_type_of = _is_type_of(kind.is_type_of)
    for name, field in kind.fields.items():
        reading = reading_of(field, name)
        if not isinstance(reading, Needs):
            field.resolve = _resolver(field, fetch, isinstance(reading, (Column, Embedded)))


def _is_type_of(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda value, info: type(value) is Loaded or original(value, info)


def _typed(original: Callable[..., Any] | None) -> Callable[..., Any]:
    def type_of(value: Any, info: GraphQLResolveInfo[Any], kind: Any) -> Any:
        if type(value) is Loaded:
            return value.type_name
        assert original is not None
        return original(value, info, kind)

    return type_of


def _resolver(field: GraphQLField, fetch: Fetch, plain: bool) -> Callable[..., Any]:
    original = field.resolve
    as_given = _maker(field)

    def resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        if type(source) is Loaded:
            value = source.values[info.path.key]  # type: ignore[index]
            if isinstance(value, GraphQLError):
                raise value
            return as_given(value)
        if plain and original is not None:
            return original(source, info, **arguments)
        found = fetch(source, info)
        return _later(found, as_given) if hasattr(found, "__await__") else as_given(found)

    return resolve


async def _later(found: Any, as_given: Callable[[Any], Any]) -> Any:
    return as_given(await found)


def _maker(field: GraphQLField) -> Callable[[Any], Any]:
    """What makes of parsed JSON what graphql-core completes: objects, and members of enums."""
    named = get_named_type(field.type)
    if not is_leaf_type(named):
        return _objects
    if isinstance(named, GraphQLEnumType):
        members = {name: value.value for name, value in named.values.items()}
        return lambda value: _members(value, members)
    return _identity


def _identity(value: Any) -> Any:
    return value


def _objects(value: Any) -> Any:
    if isinstance(value, list):
        return [_objects(each) for each in value]
    return Loaded(value) if isinstance(value, dict) else value


def _members(value: Any, members: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_members(each, members) for each in value]
    return members.get(value, value)
