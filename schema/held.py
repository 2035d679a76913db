"""What the arguments of an operation hold, in its document and in its variables: counted, so that it can be limited."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from graphql import (
    SKIP,
    ArgumentNode,
    ListValueNode,
    ObjectValueNode,
    StringValueNode,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
)
from graphql import visit as walk

from schema.operation import Operation

_KEPT = "held"


class Held(NamedTuple):
    """How much values hold."""

    objects: int = 0
    items: int = 0
    """Items of lists."""
    nesting: int = 0
    """How deep objects and lists lie within one another."""
    text: int = 0
    """Characters of the longest text."""


def in_document(operation: Operation) -> Held:
    """What the literals of its document hold; counted once."""
    found: Held | None = operation.kept.get(_KEPT)
    if found is None:
        walk(operation.document, finder := _Literals())
        found = operation.kept[_KEPT] = held_by(finder.found)
    return found


def held_by(values: Iterable[Any]) -> Held:
    """What values, or literals of a document, hold together."""
    objects = items = nesting = text = 0
    waiting = [(value, 1) for value in values]
    while waiting:
        value, level = waiting.pop()
        within: Iterable[Any]
        match value:
            case str() | StringValueNode():
                text = max(text, len(value if isinstance(value, str) else value.value))
                continue
            case dict() | ObjectValueNode():
                within = value.values() if isinstance(value, dict) else [field.value for field in value.fields]
                objects += 1
            case list() | ListValueNode():
                within = value if isinstance(value, list) else value.values
                items += len(within)
            case _:
                continue
        nesting = max(nesting, level)
        waiting.extend((each, level + 1) for each in within)
    return Held(objects, items, nesting, text)


def variables_in(node: ValueNode) -> list[str]:
    """The names of the variables that a literal holds, or is; each as often as it stands there."""
    found, waiting = [], [node]
    while waiting:
        match waiting.pop():
            case VariableNode(name=name):
                found.append(name.value)
            case ObjectValueNode(fields=fields):
                waiting.extend(field.value for field in fields)
            case ListValueNode(values=values):
                waiting.extend(values)
    return found


class _Literals(Visitor):
    """Collects the values of arguments and the defaults of variables."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Any] = []

    def enter_argument(self, node: ArgumentNode, *_: Any) -> Any:
        self.found.append(node.value)
        return SKIP

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: Any) -> Any:
        self.found.append(node.default_value)
        return SKIP
