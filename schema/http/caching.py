"""How long an answer by GET stays true: for ever at a moment that the operation names, else until the record grows.

An answer is fixed by its address, a position and the rules by which this version reads events.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import FieldNode, IntValueNode, ObjectValueNode, ValueNode, VariableNode

from schema.operation import Operation

FOR_EVER = "max-age=31536000, immutable"
ASK_AGAIN = "no-cache"


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
