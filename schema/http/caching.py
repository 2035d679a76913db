"""How long an answer by GET stays true: for ever at a moment that the operation names, else until the record grows.

An answer is fixed by its address, a position, and the rules of answers.
What is read elsewhere than in the replica, such as proofs and checkpoints, stays true for no time that is known.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    FieldNode,
    GraphQLSchema,
    IntValueNode,
    ObjectValueNode,
    TypeInfo,
    TypeInfoVisitor,
    ValueNode,
    VariableNode,
    Visitor,
    visit,
)

from schema.operation import Operation
from schema.plan.selection import reading_of
from schema.sql import Needs

FOR_EVER = "max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
NOT_KEPT = (b"cache-control", b"no-store")

_KEPT = "caching"


def is_of_replica(operation: Operation, declared: GraphQLSchema) -> bool:
    """Whether all of the operation is read from the replica, so that a position fixes it."""
    found = operation.kept.get(_KEPT)
    if found is None:
        info = TypeInfo(declared)
        visit(operation.document, TypeInfoVisitor(info, finder := _Elsewhere(info)))
        found = operation.kept[_KEPT] = not finder.found
    return bool(found)


class _Elsewhere(Visitor):
    """Looks for a field that is no SQL."""

    def __init__(self, info: TypeInfo) -> None:
        super().__init__()
        self._info = info
        self.found = False

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        name, definition = node.name.value, self._info.get_field_def()
        if definition is not None and not name.startswith("__"):
            self.found = self.found or isinstance(reading_of(definition, name), Needs)


def fixed_at(operation: Operation, variables: Mapping[str, Any]) -> int | None:
    """The position at which all of the operation is read; None if any of it is read now, or at a time."""
    found = list(_positions(operation, variables))
    positions = [one for one in found if isinstance(one, int) and not isinstance(one, bool)]
    return max(positions) if positions and len(positions) == len(found) else None


def etag(position: int, rules: str) -> bytes:
    """The validator of what is read at the position by the rules; weak, since it says nothing of the media type."""
    return f'W/"{position}.{rules}"'.encode()


def _positions(operation: Operation, variables: Mapping[str, Any]) -> Iterator[Any]:
    for selection in operation.definition.selection_set.selections:
        if not isinstance(selection, FieldNode):
            yield None
        elif selection.name.value != "__typename":
            moment = next((one.value for one in selection.arguments or () if one.name.value == "asOf"), None)
            yield _position(moment, variables)


def _position(moment: ValueNode | None, variables: Mapping[str, Any]) -> Any:
    if isinstance(moment, VariableNode):
        value = variables.get(moment.name.value)
        return value.get("position") if isinstance(value, dict) else None
    if not isinstance(moment, ObjectValueNode):
        return None
    named = next((field.value for field in moment.fields if field.name.value == "position"), None)
    if isinstance(named, VariableNode):
        return variables.get(named.name.value)
    return int(named.value) if isinstance(named, IntValueNode) else None
