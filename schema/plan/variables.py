"""Variables and arguments coerced by types that are looked up once; graphql-core judges what does not fit."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from graphql import (
    GraphQLArgument,
    GraphQLError,
    GraphQLField,
    GraphQLInputType,
    GraphQLNonNull,
    GraphQLSchema,
    Undefined,
    get_nullable_type,
    get_variable_values,
    is_leaf_type,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.language import FieldNode, ValueNode, VariableNode, Visitor, visit
from graphql.utilities import coerce_input_value
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_literal

from schema.operation import MOST_ERRORS, Operation

_NONE = VariableValues({}, {})
_KEPT = "variables"


class _Known(NamedTuple):
    name: str
    signature: GraphQLVariableSignature
    coerce: Callable[[Any], Any]
    must: bool
    """Whether it must be given, or has a default."""


def coerced(
    schema: GraphQLSchema, operation: Operation, given: Mapping[str, Any] | None
) -> VariableValues | list[GraphQLError]:
    """The values of the operation's variables, or what is wrong with them."""
    known = operation.kept.get(_KEPT)
    if known is None:
        known = operation.kept[_KEPT] = _known(schema, operation)
    if known == ():
        return _NONE
    values = given or {}
    found = _coerced(known, values) if known else None
    if found is None:
        definitions = operation.definition.variable_definitions or ()
        return get_variable_values(schema, definitions, dict(values), max_errors=MOST_ERRORS)
    return found


def _known(schema: GraphQLSchema, operation: Operation) -> tuple[_Known, ...] | None:
    """What is known of the variables beforehand; None where their definitions are not sound."""
    made: list[_Known] = []
    for node in operation.definition.variable_definitions or ():
        signature = get_variable_signature(schema, node)
        if isinstance(signature, GraphQLError):
            return None
        must = node.default_value is not None or isinstance(signature.type, GraphQLNonNull)
        made.append(_Known(signature.name, signature, _coercing(signature.type), must))
    return tuple(made)


def _coerced(known: tuple[_Known, ...], given: Mapping[str, Any]) -> VariableValues | None:
    """The values; None where graphql-core has to say what is wrong, or to work out a default."""
    values: dict[str, Any] = {}
    sources: dict[str, VariableValueSource] = {}
    for name, signature, coerce, must in known:
        value = given.get(name, Undefined)
        sources[name] = VariableValueSource(signature, value)
        if value is Undefined:
            if must:
                return None
            continue
        try:
            values[name] = found = coerce(value)
        except Exception:
            return None
        if found is Undefined:
            return None
    return VariableValues(sources, values)


def _coercing(kind: GraphQLInputType) -> Callable[[Any], Any]:
    bare: Any = get_nullable_type(kind)
    if not is_leaf_type(bare):
        return lambda value: coerce_input_value(value, kind)
    read: Callable[[Any], Any] = bare.coerce_input_value
    absent = Undefined if isinstance(kind, GraphQLNonNull) else None
    return lambda value: absent if value is None else read(value)


class Argument(NamedTuple):
    """An argument that a selected field may have, with what is known of its value beforehand."""

    name: str
    type: GraphQLInputType
    required: bool
    value: Any
    """The value, or the default where a variable may give none; Undefined without either."""
    variable: str | None
    """The variable that gives the value."""
    literal: Any
    """The literal, where variables stand within it."""


def arguments_of(definition: GraphQLField, node: FieldNode) -> tuple[Argument, ...]:
    """The arguments in the order of the schema."""
    given = {each.name.value: each.value for each in node.arguments or ()}
    return tuple(_argument(name, each, given.get(name)) for name, each in definition.args.items())


def _argument(name: str, argument: GraphQLArgument, given: Any) -> Argument:
    required, literal = isinstance(argument.type, GraphQLNonNull), None
    variable = given.name.value if isinstance(given, VariableNode) else None
    if given is None or variable is not None:
        value = coerce_default_value(argument)
    elif has_variables(given):
        value, literal = Undefined, given
    else:
        value = coerce_input_literal(given, argument.type)
    return Argument(argument.out_name or name, argument.type, required, value, variable, literal)


def values_of(arguments: tuple[Argument, ...], variables: VariableValues) -> dict[str, Any] | None:
    """The coerced arguments by name, absent ones left out; None where graphql-core has to say what is wrong."""
    given, made = variables.coerced, {}
    for name, kind, required, known, variable, literal in arguments:
        value = known if variable is None else given.get(variable, known)
        if literal is not None and (value := coerce_input_literal(literal, kind, variables)) is Undefined:
            return None
        if value is Undefined or value is None:
            if required:
                return None
            if value is Undefined:
                continue
        made[name] = value
    return made


class _Finder(Visitor):
    found = False

    def enter_variable(self, *_: Any) -> None:
        self.found = True


def has_variables(value: ValueNode) -> bool:
    """Whether a variable stands in the literal, or is all of it."""
    finder = _Finder()
    visit(value, finder)
    return finder.found
