"""What an operation selects, resolved against the schema once: fields by runtime type, and calls with arguments."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLField,
    GraphQLInputType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionNode,
    get_argument_values,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
)
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_fields, collect_subfields
from graphql.execution.values import VariableValues
from strawberry.types.field import StrawberryField

from schema.plan.arguments import DEFINITION
from schema.plan.variables import Argument, arguments_of, values_of
from schema.sql import KEY, Column, Computed, Embedded, Listing, Needs, Reading, Select, Several, Single

DESCRIPTION = ("__schema", "__type")
"""The root fields of introspection."""

ROOTS = (Single, Several, Listing, Select)
"""The readings of root fields that are SQL."""

ROOT_ARGUMENTS = ("as_of", "min_position", "on")
_NO_VARIABLES = VariableValues({}, {})

PAGE_ARGUMENTS = ("first", "after", "last", "before")


class Parameter(NamedTuple):
    """How an argument is read: by its name in Python; into the SQL itself (`choice`), bound, or neither."""

    name: str
    type: GraphQLInputType
    choice: bool
    for_sql: bool
    moment: bool
    """Whether it names a moment of the record."""


@dataclass(eq=False)
class Field:
    """A selected field of one runtime type."""

    key: str
    """The response key: the alias or name."""
    name: str
    parent: GraphQLObjectType
    node: FieldNode
    definition: GraphQLField
    reading: Reading
    call: "Call | None"
    children: dict[str, list["Field"]] = field(default_factory=dict)
    """The selected fields below, for each object type that may stand here."""

    def names_below(self) -> set[str]:
        """The names of all fields below; what types share is visited once."""
        found: set[str] = set()
        seen: set[int] = set()
        waiting = [self]
        while waiting:
            children = waiting.pop().children
            if id(children) not in seen:
                seen.add(id(children))
                fields = [each for fields in children.values() for each in fields]
                found.update(each.name for each in fields)
                waiting += fields
        return found


@dataclass(eq=False)
class Call:
    """A field with arguments; their values are constant unless a variable is among them."""

    definition: GraphQLField
    node: FieldNode
    reading: Reading
    arguments: tuple[Argument, ...] = field(init=False)
    parameters: dict[str, Parameter] = field(init=False)
    constant: dict[str, Any] | None = None
    slots: dict[str, str] = field(init=False)
    """The variables that give an argument, a leaf, as it is, by the argument's name in Python."""
    named: frozenset[str] = field(init=False)
    """The arguments that are given."""

    def __post_init__(self) -> None:
        """Look up what does not depend on the request."""
        self.arguments = arguments_of(self.definition, self.node)
        self.parameters = {name: _parameter(self.reading, each) for name, each in self.definition.args.items()}
        if all(each.variable is None and each.literal is None for each in self.arguments):
            self.constant = self.values(_NO_VARIABLES)
        self.named = frozenset(each.name.value for each in self.node.arguments or ())
        self.slots = {self.parameters[each.name].name: each.variable for each in self.arguments if each.variable}

    @property
    def key(self) -> str:
        """The response key: the alias or name."""
        return (self.node.alias or self.node.name).value

    @property
    def is_plain(self) -> bool:
        """Whether all arguments are constant but those that a variable gives as they are."""
        return all(
            each.literal is None and (each.variable is None or _is_bound(self.parameters[each.name]))
            for each in self.arguments
        )

    def values(self, variables: VariableValues) -> dict[str, Any]:
        """The coerced arguments by GraphQL name. Raises GraphQLError."""
        if self.constant is not None:
            return self.constant
        found = values_of(self.arguments, variables)
        return get_argument_values(self.definition, self.node, variables) if found is None else found


def _parameter(reading: Reading, argument: GraphQLArgument) -> Parameter:
    python_name = argument.extensions[DEFINITION].python_name
    own = reading.arguments if isinstance(reading, (Select, Computed, Listing)) else ()
    choice = python_name == "order_by" or any(each.choice and each.name == python_name for each in own)
    others = (*ROOT_ARGUMENTS, *PAGE_ARGUMENTS) if isinstance(reading, Listing) else ROOT_ARGUMENTS
    moment = get_named_type(argument.type).name == "AsOf"
    return Parameter(python_name, argument.type, choice, python_name not in others, moment)


def _is_bound(parameter: Parameter) -> bool:
    """Whether each value but null gives the same SQL."""
    bare = get_nullable_type(parameter.type)
    return is_leaf_type(bare) and bare is not GraphQLBoolean and not parameter.choice


@dataclass
class Selection:
    """An operation's fields, and whether all of them are SQL."""

    fields: list[Field]
    compiled: bool
    described: bool
    """Whether the description of the schema is asked for."""


class Selector:
    """Resolves the selection of one operation, for one set of @skip and @include values."""

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        operation: OperationDefinitionNode,
        variables: VariableValues,
    ) -> None:
        self._schema = schema
        self._operation = operation
        self._variables = variables
        self._fragments = {name: FragmentDetails(node) for name, node in fragments.items()}
        self._compiled = True
        self._calls: dict[tuple[Hashable, ...], Call] = {}
        self._below: dict[tuple[Hashable, ...], dict[str, list[Field]]] = {}

    def select(self) -> Selection:
        """The whole selection."""
        root = self._schema.get_root_type(self._operation.operation)
        assert root is not None
        found = collect_fields(self._schema, self._fragments, self._variables, root, self._operation)
        fields = self._fields(root, found.grouped_field_set)
        described = any(each.name in DESCRIPTION for each in fields)
        roots = all(isinstance(each.reading, ROOTS) or each.name.startswith("__") for each in fields)
        compiled = self._compiled and roots and self._operation.operation.value == "query"
        return Selection(fields, compiled, described)

    def below(self, parent: GraphQLObjectType, details: list[FieldDetails]) -> list[Field]:
        """The fields selected below field nodes that graphql-core is about to resolve."""
        found = collect_subfields(self._schema, self._fragments, self._variables, self._operation, parent, details)
        return self._fields(parent, found.grouped_field_set)

    def _fields(self, parent: GraphQLObjectType, groups: dict[str, list[FieldDetails]]) -> list[Field]:
        return [self.field(parent, key, details) for key, details in groups.items()]

    def field(self, parent: GraphQLObjectType, key: str, details: list[FieldDetails]) -> Field:
        """One field and all below it."""
        node = details[0].node
        definition = self._schema.get_field(parent, node.name.value)
        assert definition is not None
        reading = reading_of(definition, node.name.value)
        if isinstance(reading, Needs) and not node.name.value.startswith("__") and not parent.name.startswith("__"):
            self._compiled = False
        call = self._call(definition, node, reading)
        children = self._children(definition, details)
        return Field(key, node.name.value, parent, node, definition, reading, call, children)

    def _children(self, definition: GraphQLField, details: list[FieldDetails]) -> dict[str, list[Field]]:
        """The fields below; resolved once for all fields with equal selections, as where one fragment is spread."""
        kind = get_named_type(definition.type)
        if is_leaf_type(kind):
            return {}
        nodes = (each.node.selection_set for each in details)
        key = (kind.name, *(_place(each) for node in nodes if node is not None for each in node.selections))
        if key not in self._below:
            possible = self._schema.get_possible_types(kind) if is_abstract_type(kind) else [kind]
            types = cast("Sequence[GraphQLObjectType]", possible)
            self._below[key] = {each.name: self.below(each, details) for each in types}
        return self._below[key]

    def _call(self, definition: GraphQLField, node: FieldNode, reading: Reading) -> Call | None:
        if not definition.args or isinstance(reading, Needs):
            return None
        key = (id(node), likeness(reading))
        if key not in self._calls:
            self._calls[key] = Call(definition, node, reading)
        return self._calls[key]


def _place(selection: SelectionNode) -> Hashable:
    """Equal for what selects the same wherever it stands: the node itself, or the fragment that is spread."""
    if isinstance(selection, FragmentSpreadNode) and not selection.directives:
        return selection.name.value
    return id(selection)


def likeness(reading: Reading) -> Hashable:
    """Equal for readings that are the same, as those of a field that types have from one interface."""
    match reading:
        case Column(name):
            return ("column", name)
        case Embedded(str() as json, None):
            return ("embedded", json)
        case _:
            return id(reading)


def reading_of(definition: GraphQLField, name: str) -> Reading:
    """Where a field is read from."""
    made = definition.extensions.get(DEFINITION)
    if not isinstance(made, StrawberryField):
        return Needs()
    said: Reading | None = made.metadata.get(KEY)
    if said is None and made.base_resolver is not None:
        return Needs()
    if isinstance(said, Column) and said.name is not None:
        return said
    if isinstance(said, Embedded) and said.json is not None:
        return said
    if said is None or isinstance(said, (Column, Embedded)):
        kinds = said.kinds if isinstance(said, Embedded) else None
        own = str(made.python_name)
        return Column(own) if is_leaf_type(get_named_type(definition.type)) else Embedded(own, kinds)
    return said
