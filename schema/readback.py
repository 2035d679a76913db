"""The part of a mutation that reads: its selections as queries of their own, so that each field is defined once.

Only documents are made here; the engine executes them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    Node,
    VariableNode,
    Visitor,
    print_ast,
    visit,
)

from schema.operation import Operation, choose, parsed

ID, IDS, AT = "_tamga_id", "_tamga_ids", "_tamga_at"


@dataclass(frozen=True)
class Reading:
    """A query made from the selections of fields of a mutation's answer."""

    operation: Operation
    root: str
    used: frozenset[str]
    """The variables of the mutation that it uses."""
    single: bool = False
    """Whether the first item of the root is meant, not the list."""

    def variables(self, given: Mapping[str, Any], **own: Any) -> dict[str, Any]:
        """The variables of the query: those of the mutation that it uses, and its own."""
        return {name: value for name, value in given.items() if name in self.used} | own

    def found(self, data: Mapping[str, Any]) -> Any:
        """What was asked for, in the data of its answer."""
        value = data.get(self.root)
        return value[0] if self.single and value else value

    def inside(self, path: Sequence[str | int]) -> Sequence[str | int]:
        """The rest of an error's path, below what was asked for."""
        return path[2 if self.single else 1 :]


def reading_object(operation: Operation, nodes: Sequence[FieldNode]) -> Reading:
    """The query `nodes(ids, asOf)` for one id, with the selections of the field nodes."""
    return _reading(operation, nodes, "nodes", f"ids: [${ID}]", f"${ID}: ID!", "", single=True)


def reading_events(operation: Operation, nodes: Sequence[FieldNode], event: str) -> Reading:
    """The query `nodes(ids, asOf)` with the selections of the field nodes on the interface of events."""
    return _reading(operation, nodes, "nodes", f"ids: ${IDS}", f"${IDS}: [ID!]!", f" on {event}")


def reading_proof(operation: Operation, nodes: Sequence[FieldNode]) -> Reading:
    """The query `inclusionProof(position)` with the selections of the field nodes."""
    return _reading(operation, nodes, "inclusionProof", "", "", "")


def _reading(
    operation: Operation,
    nodes: Sequence[FieldNode],
    root: str,
    argument: str,
    variable: str,
    on: str,
    single: bool = False,
) -> Reading:
    key = f"reading {' '.join(str(id(node)) for node in nodes)}"
    if key not in operation.kept:
        sets = [node.selection_set for node in nodes if node.selection_set is not None]
        spread = _spread(operation, sets)
        used = frozenset(_names(VariableNode, [*sets, *(operation.fragments[name] for name in spread)]))
        variables = [
            print_ast(one) for one in operation.definition.variable_definitions or () if one.variable.name.value in used
        ]
        selections = " ".join(f"...{on} {print_ast(one)}" for one in sets)
        head = f"query({', '.join([*variables, variable, f'${AT}: Position!'])})"
        asked = f"{argument}, asOf: {{position: ${AT}}}" if argument else f"position: ${AT}"
        text = f"{head} {{ {root}({asked}) {{ {selections} }} }}"
        text = "\n".join([text, *(print_ast(operation.fragments[name]) for name in spread)])
        operation.kept[key] = Reading(choose(parsed(text), text, None), root, used, single)
    found: Reading = operation.kept[key]
    return found


def _spread(operation: Operation, sets: Sequence[Node]) -> list[str]:
    """The names of the fragments that the selections reach."""
    found: dict[str, None] = {}
    waiting = list(sets)
    while waiting:
        for name in _names(FragmentSpreadNode, [waiting.pop()]):
            if name not in found:
                found[name] = None
                waiting.append(operation.fragments[name])
    return list(found)


class _Collector(Visitor):
    def __init__(self, kind: type[Any]) -> None:
        super().__init__()
        self.kind = kind
        self.found: list[str] = []

    def enter(self, node: Any, *_: Any) -> None:
        if isinstance(node, self.kind):
            self.found.append(node.name.value)


def _names(kind: type[Any], nodes: Iterable[Node]) -> list[str]:
    collector = _Collector(kind)
    for node in nodes:
        visit(node, collector)
    return collector.found
