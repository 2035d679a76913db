"""The whole schema for tests. Making one takes tenths of a second, so it is used again, by one test at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema, is_abstract_type

from schema.operation import sound
from schema.schema import build

_free: list[GraphQLSchema] = []


@contextmanager
def whole_schema() -> Iterator[GraphQLSchema]:
    """A schema that is nobody else's while the block runs: an engine puts its own resolvers into it."""
    schema = _free.pop() if _free else sound(build()._schema)
    before = list(_resolvers(schema))
    try:
        yield schema
    finally:
        for owner, name, resolver in before:
            setattr(owner, name, resolver)
        _free.append(schema)


def _resolvers(schema: GraphQLSchema) -> Iterator[tuple[Any, str, Any]]:
    """Whatever an engine replaces: its owner, its name, itself."""
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType):
            yield kind, "is_type_of", kind.is_type_of
            yield from ((field, "resolve", field.resolve) for field in kind.fields.values())
        elif is_abstract_type(kind):
            yield kind, "resolve_type", kind.resolve_type
