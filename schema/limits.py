"""What an operation may ask for: depth, fields and repetitions of its document, what it gives, and what it costs.

Every rule walks each selection set and each fragment once, so the time is linear in the document, whatever it spreads.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLList,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    SelectionSetNode,
    ValueNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_input_object_type,
    is_leaf_type,
    type_from_ast,
)
from graphql.language import ListValueNode, VariableNode

from schema.errors import ApiError, ErrorCode
from schema.held import Held, held_by, in_document, variables_in
from schema.operation import Operation
from schema.plan.selection import DESCRIPTION, reading_of
from schema.sql import Listing, Needs, Select, Several

_KEPT = "cost"
_MOST_COSTS = 64
_INTROSPECTION_LISTS = frozenset(("fields", "inputFields", "interfaces", "possibleTypes"))
_DESCRIBED_TWICE = 10
"""How many repeats a field of introspection counts that stands twice beside itself, under whatever alias."""
_ENDLESS = 10**12
_HELD = ("objects in arguments", "items of lists in arguments", "nesting of arguments", "characters of a text")
"""What `Held` counts."""
_MOST_HELD = Held(objects=100, items=10_000, nesting=30, text=10_000)


@dataclass(frozen=True, kw_only=True)
class Ceiling:
    """The most of each that one operation may have."""

    depth: int = 15
    fields: int = 2_000
    """Fields of the whole document with its fragments spread out."""
    repeats: int = 50
    """Fields of one name (or alias) beside each other, beyond the first, in the whole document."""
    directives: int = 200
    roots: int = 30
    introspections: int = 2
    """Roots of the schema's own description, and how often its lists may lie within one another."""
    held: Held = _MOST_HELD
    """What the arguments of a query may hold, in its document or in its variables."""
    cost: int = 50_000
    page_default: int = 20
    list_items: int = 4
    """How many items a list without pages is taken to have."""
    python_cost: int = 20
    """The cost of a field that is no SQL."""
    slow_cost: int = 5
    """The cost of any other field of an operation that has one of these: all of its fields are then made one by one."""
    part_cost: int = 10
    """The cost of an object in an argument, such as a part of a filter."""


class _Size(NamedTuple):
    """What a selection set comes to, with its fragments."""

    depth: int = 0
    fields: int = 0
    described: int = 0
    """How deep lists of the schema's own description lie within one another."""


@dataclass
class _Shape:
    """Measures one document, before it is known to be valid."""

    operation: Operation
    ceiling: Ceiling
    sizes: dict[str, _Size | None] = field(default_factory=dict)
    repeats: int = 0
    directives: int = 0

    def of(self, selections: SelectionSetNode | None, level: int = 1, described: bool = False) -> _Size:
        """The size of a selection set; `described` within introspection. Raises ApiError as soon as it is too deep."""
        if selections is None:
            return _Size()
        if level > self.ceiling.depth:
            raise _too("depth", self.ceiling.depth)
        names = Counter(_key(node, described) for node in selections.selections)
        self.repeats += (sum(names.values()) - len(names)) * (_DESCRIBED_TWICE if described else 1)
        sizes = [self._node(node, level, described) for node in selections.selections]
        return _Size(
            max((size.depth for size in sizes), default=0),
            min(sum(size.fields for size in sizes), _ENDLESS),
            max((size.described for size in sizes), default=0),
        )

    def _node(self, node: Any, level: int, described: bool) -> _Size:
        self.directives += len(node.directives or ())
        if isinstance(node, FieldNode):
            below = self.of(node.selection_set, level + 1, described or node.name.value in DESCRIPTION)
            lists = below.described + (node.name.value in _INTROSPECTION_LISTS)
            return _Size(below.depth + 1, below.fields + 1, lists)
        if isinstance(node, InlineFragmentNode):
            return self.of(node.selection_set, level, described)
        return self._fragment(node, level)

    def whole(self, fragment: FragmentDefinitionNode) -> _Size:
        """The size of a fragment."""
        described = fragment.type_condition.name.value.startswith("__")
        return self.of(fragment.selection_set, described=described)

    def _fragment(self, node: FragmentSpreadNode, level: int) -> _Size:
        name = node.name.value
        fragment = self.operation.fragments.get(name)
        if fragment is None:
            return _Size()
        if name not in self.sizes:
            self.sizes[name] = None  # a fragment within itself is an error of validation
            self.sizes[name] = self.whole(fragment)
        found = self.sizes[name] or _Size()
        if level - 1 + found.depth > self.ceiling.depth:
            raise _too("depth", self.ceiling.depth)
        return found


def _key(node: Any, described: bool) -> str:
    if isinstance(node, FieldNode):
        return node.alias.value if node.alias and not described else node.name.value
    if isinstance(node, FragmentSpreadNode):
        return f"...{node.name.value}"
    return f"...on {node.type_condition.name.value if node.type_condition else ''}"


def _too(what: str, most: int) -> ApiError:
    return ApiError(ErrorCode.TOO_COSTLY, f"The operation exceeds the limit of {what}, {most}.")


class Limits:
    """The limits of one schema: called with an operation before validation; `cost` once its variables are known."""

    def __init__(self, schema: GraphQLSchema, ceiling: Ceiling) -> None:
        """Take the schema and the ceilings."""
        self.schema = schema
        self.ceiling = ceiling

    def __call__(self, operation: Operation) -> Sequence[GraphQLError]:
        """The errors of a document that is too large in some way; empty if it is not."""
        try:
            self._check(operation)
        except ApiError as error:
            return [error]
        return []

    def _check(self, operation: Operation) -> None:
        shape = _Shape(operation, self.ceiling)
        size = shape.of(operation.definition.selection_set)
        for name in operation.fragments:
            if name not in shape.sizes:
                shape.sizes[name] = None
                shape.sizes[name] = shape.whole(operation.fragments[name])
        roots = operation.definition.selection_set.selections
        described = sum(isinstance(node, FieldNode) and node.name.value in ("__schema", "__type") for node in roots)
        for what, found, most in (
            ("fields", size.fields, self.ceiling.fields),
            ("repeated fields", shape.repeats, self.ceiling.repeats),
            ("directives", shape.directives, self.ceiling.directives),
            ("root fields", len(roots), self.ceiling.roots),
            ("introspection", max(described, size.described - 1), self.ceiling.introspections),
        ):
            if found > most:
                raise _too(what, most)

    def cost(self, operation: Operation, variables: Mapping[str, Any]) -> int:
        """What a valid operation costs: each field 1, times the items of the lists that it lies in."""
        known = operation.kept.get(_KEPT)
        if known is not None:
            found: int | None = known[1].get(_amounts(known[0], variables))
            if found is not None:
                return found
        costs = _Costs(self.schema, self.ceiling, operation, variables)
        cost = costs.whole()
        names: tuple[str, ...] = known[0] if known else tuple(costs.sizes)
        kept: dict[tuple[int | None, ...], int] = known[1] if known else {}
        if len(kept) >= _MOST_COSTS:
            kept.clear()
        kept[_amounts(names, variables)] = cost
        operation.kept[_KEPT] = names, kept
        return cost

    def check_held(self, operation: Operation, variables: Mapping[str, Any]) -> None:
        """Raise ApiError with code TOO_COSTLY for arguments, or variables as they were sent, that hold too much."""
        self._within(in_document(operation))
        longest = self.ceiling.held.text
        if others := [value for value in variables.values() if type(value) is not str or len(value) > longest]:
            self._within(held_by(others))

    def _within(self, held: Held) -> None:
        objects, items, nesting, text = self.ceiling.held
        if held.objects > objects or held.items > items or held.nesting > nesting or held.text > text:
            for what, found, most in zip(_HELD, held, self.ceiling.held, strict=True):
                if found > most:
                    raise _too(what, most)

    def check_cost(self, operation: Operation, variables: Mapping[str, Any]) -> int:
        """The cost. Raises ApiError with code TOO_COSTLY over the ceiling."""
        cost = self.cost(operation, variables)
        if cost > self.ceiling.cost:
            message = (
                f"The operation costs {cost}; the most is {self.ceiling.cost}. Ask for smaller pages or fewer fields."
            )
            raise ApiError(ErrorCode.TOO_COSTLY, message, extensions={"cost": cost})
        return cost


class _Costs:
    """Adds up one operation; fragments once."""

    def __init__(
        self, schema: GraphQLSchema, ceiling: Ceiling, operation: Operation, variables: Mapping[str, Any]
    ) -> None:
        self._schema = schema
        self._ceiling = ceiling
        self._operation = operation
        self._variables = variables
        self._fragments: dict[str, int] = {}
        self._each = 1
        self._is_slow = False
        self.sizes: dict[str, None] = {}
        """The variables that say how many items there are, or what arguments hold."""
        self._inputs = frozenset(
            one.variable.name.value
            for one in operation.definition.variable_definitions or ()
            if is_input_object_type(get_named_type(type_from_ast(schema, one.type)))
        )

    def whole(self) -> int:
        root = self._schema.get_root_type(self._operation.definition.operation)
        assert root is not None
        cost = self._selections(root, self._operation.definition.selection_set)
        if not self._is_slow:
            return cost
        self._each, self._fragments = self._ceiling.slow_cost, {}
        return self._selections(root, self._operation.definition.selection_set)

    def _selections(self, kind: GraphQLNamedType, selections: SelectionSetNode | None) -> int:
        if selections is None:
            return 0
        return min(sum(self._node(kind, node) for node in selections.selections), _ENDLESS)

    def _node(self, kind: GraphQLNamedType, node: Any) -> int:
        if isinstance(node, FieldNode):
            return self._field(kind, node)
        if isinstance(node, InlineFragmentNode):
            return self._selections(self._condition(node, kind), node.selection_set)
        name = node.name.value
        if name not in self._fragments:
            fragment = self._operation.fragments[name]
            self._fragments[name] = self._selections(self._condition(fragment, kind), fragment.selection_set)
        return self._fragments[name]

    def _condition(self, node: Any, kind: GraphQLNamedType) -> GraphQLNamedType:
        return self._schema.type_map[node.type_condition.name.value] if node.type_condition else kind

    def _field(self, kind: GraphQLNamedType, node: FieldNode) -> int:
        name = node.name.value
        found = self._schema.get_field(kind, name) if is_composite_type(kind) else None
        if found is None or name.startswith("__"):
            return self._each
        below = self._selections(get_named_type(found.type), node.selection_set)
        parts = sum(self._parts(argument.value) for argument in node.arguments or ())
        return self._own(found, name) + parts * self._ceiling.part_cost + below * self._items(found, name, node)

    def _own(self, found: GraphQLField, name: str) -> int:
        match reading_of(found, name):
            case Needs(cost=cost):
                self._is_slow = True
                return cost or self._ceiling.python_cost
            case Select(cost=cost):
                return max(cost, self._each)
        return self._each

    def _parts(self, node: ValueNode) -> int:
        """How many objects an argument holds, beyond one that is all of it."""
        used = [name for name in variables_in(node) if name in self._inputs]
        self.sizes |= dict.fromkeys(used)
        return max(0, held_by([node, *(self._variables.get(name) for name in used)]).objects - 1)

    def _items(self, found: GraphQLField, name: str, node: FieldNode) -> int:
        if is_leaf_type(get_named_type(found.type)):
            return 1
        given = {each.name.value: each.value for each in node.arguments or ()}
        match reading_of(found, name):
            case Listing():
                return self._number(self._ceiling.page_default, given.get("first"), given.get("last"))
            case Several():
                return self._number(1, given.get("ids"))
        if "first" in given:
            return self._number(self._ceiling.list_items, given["first"])
        is_page = name in ("edges", "nodes")  # its connection counts the items
        return self._ceiling.list_items if isinstance(get_nullable_type(found.type), GraphQLList) and not is_page else 1

    def _number(self, otherwise: int, *nodes: ValueNode | None) -> int:
        """How many items the first of the arguments that says so asks for."""
        said = [amount for amount in map(self._said, nodes) if amount is not None]
        return said[0] if said else otherwise

    def _said(self, node: ValueNode | None) -> int | None:
        if isinstance(node, VariableNode):
            self.sizes[node.name.value] = None
            return _amount(self._variables.get(node.name.value))
        if isinstance(node, IntValueNode):
            return max(1, int(node.value))
        return max(1, len(node.values)) if isinstance(node, ListValueNode) else None


def _amount(value: Any) -> int | None:
    if isinstance(value, dict):
        return held_by([value]).objects
    if isinstance(value, list):
        return held_by(value).objects or max(1, len(value))
    return max(1, value) if isinstance(value, int) else None


def _amounts(names: tuple[str, ...], variables: Mapping[str, Any]) -> tuple[int | None, ...]:
    return tuple([_amount(variables.get(name)) for name in names])
