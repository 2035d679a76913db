"""Introspection without graphql-core's executor: the schema's own description, selected field by field and kept.

The values come from graphql-core's own resolvers of `__Schema`, `__Type` and the rest; each is asked for once.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from graphql import GraphQLObjectType, GraphQLSchema, get_argument_values, get_named_type, is_leaf_type
from graphql.execution.values import VariableValues

from schema.plan.selection import Field

Values = dict[tuple[int, GraphQLObjectType], dict[tuple[Any, ...], Any]]
"""What graphql-core's resolvers said: for each object as each type, by field and arguments."""


_NOTHING: Mapping[str, Any] = {}


class Describer:
    """Describes one schema, which does not change."""

    def __init__(self, schema: GraphQLSchema) -> None:
        """Take the schema."""
        self._schema = schema
        self._values: Values = {}
        self._latest: tuple[Field, bytes] | None = None

    def text(self, field: Field, variables: VariableValues) -> bytes:
        """The JSON text of a root field of introspection; the latest is kept, since tools ask the same again."""
        if self._latest is not None and self._latest[0] is field and not variables.coerced:
            return self._latest[1]
        made = orjson.dumps(_Described(self._schema, self._values, variables).root(field))
        if not variables.coerced:
            self._latest = field, made
        return made


class _Described:
    """One answer; equal selections of one object are made once."""

    def __init__(self, schema: GraphQLSchema, values: Values, variables: VariableValues) -> None:
        self._schema = schema
        self._values = values
        self._variables = variables
        self._arguments: dict[int, Mapping[str, Any]] = {}
        self._made: dict[tuple[int, int], dict[str, Any]] = {}

    def root(self, field: Field) -> Any:
        if field.name == "__schema":
            return self._completed(field, self._schema)
        return self._completed(field, self._schema.get_type(self._given(field)["name"]))

    def _given(self, field: Field) -> Mapping[str, Any]:
        if id(field) not in self._arguments:
            node = field.node
            self._arguments[id(field)] = get_argument_values(field.definition, node, self._variables)
        return self._arguments[id(field)]

    def _completed(self, field: Field, value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, list):
            return [self._completed(field, each) for each in value]
        ((_, fields),) = field.children.items()
        key = (id(fields), id(value))
        found = self._made.get(key)
        if found is None:
            known = self._values.setdefault((id(value), fields[0].parent), {})
            found = self._made[key] = {each.key: self._value(each, value, known) for each in fields}
        return found

    def _value(self, field: Field, source: Any, known: dict[tuple[Any, ...], Any]) -> Any:
        given = self._given(field) if field.definition.args else _NOTHING
        key = (field.name, *given.values())
        if key not in known:
            known[key] = field.parent.name if field.name == "__typename" else self._resolved(field, source, given)
        value = known[key]
        return self._completed(field, value) if field.children and value is not None else value

    def _resolved(self, field: Field, source: Any, given: Mapping[str, Any]) -> Any:
        """What graphql-core's resolver says: objects as they are (they are kept, so their ids stay), leaves as JSON."""
        resolve, arguments = field.definition.resolve, field.definition.args
        assert resolve is not None
        named = {arguments[name].out_name or name: each for name, each in given.items()}
        info: Any = _Info(self._schema)
        value = resolve(source, info, **named)
        kind: Any = get_named_type(field.definition.type)
        if value is None:
            return None
        if not is_leaf_type(kind):
            return list(value) if _is_list(field) else value
        return (
            [kind.coerce_output_value(each) for each in value] if _is_list(field) else kind.coerce_output_value(value)
        )


class _Info(NamedTuple):
    """The part of graphql-core's info that introspection looks at."""

    schema: GraphQLSchema


def _is_list(field: Field) -> bool:
    return "[" in str(field.definition.type)
