"""A message as JSON text: one statement for each type of message that a selection can meet, else graphql-core.

Subscriptions that select the same share a rendering, whatever they filter by.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, cast

import orjson
from graphql import ExecutionResult, FieldNode, GraphQLObjectType, GraphQLSchema, Node, execute, print_ast, visit
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_fields
from graphql.execution.values import VariableValues
from graphql.language import VariableNode, Visitor

from schema.context import Context
from schema.context import Message as Sent
from schema.errors import ErrorCode, rejected
from schema.operation import Operation
from schema.plan.compile import Compiler
from schema.plan.engine import response
from schema.plan.island import Given
from schema.plan.paging import Ceilings, Moment, Reader
from schema.plan.pieces import MISSING, quoted
from schema.plan.plan import calls_in
from schema.plan.run import Job, Statement
from schema.plan.selection import Field, Selector
from schema.plan.source import Row, Scope
from schema.sql import Needs
from schema.streams import Message
from service.streaming import Note

_KEPT = "streams"
_MISSING = MISSING.encode()


@dataclass(frozen=True)
class Asked:
    """The one root field of a subscription, and what of the operation its messages depend on."""

    key: str
    """The response key."""
    details: list[FieldDetails]
    node: FieldNode
    printed: str
    variables: frozenset[str]
    """Variables that the messages depend on."""


def asked(schema: GraphQLSchema, operation: Operation, variables: VariableValues) -> Asked:
    """The root field of a subscription. Raises Rejected if it is skipped."""
    root = cast("GraphQLObjectType", schema.subscription_type)
    fragments = {name: FragmentDetails(node) for name, node in operation.fragments.items()}
    groups = collect_fields(schema, fragments, variables, root, operation.definition).grouped_field_set
    if len(groups) != 1:
        raise rejected(ErrorCode.INPUT, "A subscription selects one field.")
    key, details = next(iter(groups.items()))
    printed, names = _dependence(operation, details)
    return Asked(key, details, details[0].node, printed, names)


def _dependence(operation: Operation, details: list[FieldDetails]) -> tuple[str, frozenset[str]]:
    """The selection as text, and the variables in it; kept with the operation."""
    node = details[0].node
    kept = operation.kept.setdefault(_KEPT, {})
    if (found := kept.get(id(node))) is None:
        nodes = [each.node.selection_set for each in details if each.node.selection_set is not None]
        every: list[Node] = [*nodes, *operation.fragments.values()]
        found = kept[id(node)] = ("\n".join(map(print_ast, every)), frozenset(_variables(every)))
    return cast("tuple[str, frozenset[str]]", found)


class _Names(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.found.add(node.name.value)


def _variables(nodes: list[Node]) -> set[str]:
    finder = _Names()
    for node in nodes:
        visit(node, finder)
    return finder.found


@dataclass(frozen=True)
class _Made:
    """One type of message as SQL."""

    statement: Statement
    fixed: list[Any]
    """Values of arguments; the position to read at and the message's own follow."""
    names: list[str]


class Rendering:
    """How one selection shows messages."""

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: Operation,
        variables: tuple[VariableValues, Mapping[str, Any]],
        asked: Asked,
        moment: Moment,
        ceilings: Ceilings,
    ) -> None:
        """Take the selection, variables coerced and as given; compile what is SQL. Raises GraphQLError."""
        self._schema = schema
        self._operation = operation
        self._coerced, self._variables = variables
        self._moment = moment
        self._ceilings = ceilings
        self._start = b'{"data":{%b:' % orjson.dumps(asked.key)
        selector = Selector(schema, operation.fragments, operation.definition, self._coerced)
        field = selector.field(cast("GraphQLObjectType", schema.subscription_type), asked.key, asked.details)
        self._made = {name: self._compiled(name, fields) for name, fields in field.children.items()}
        self.newest: tuple[Note | None, Sent | None] = (None, None)
        """The note that was shown last and how, for everybody who is told of it next."""

    @property
    def compiled(self) -> bool:
        """Whether every message is SQL, so that what it shows depends on nobody's access."""
        return all(each is not None for each in self._made.values())

    def job(self, message: Message) -> Job | None:
        """The statement that makes the message; None where graphql-core has to."""
        made = self._made.get(type(message).__name__)
        if made is None:
            return None
        return made.statement.job([*made.fixed, message.read_at, *(getattr(message, name) for name in made.names)])

    def framed(self, text: bytes) -> bytes | None:
        """The whole response; None where graphql-core has to place an error."""
        return None if _MISSING in text else b"%b%b}}" % (self._start, text)

    async def executed(self, message: Message, context: Context) -> bytes:
        """The whole response, by graphql-core."""
        found = execute(
            self._schema,
            self._operation.document,
            root_value=message,
            context_value=context,
            variable_values=dict(self._variables),
            operation_name=self._operation.name,
        )
        result = found if isinstance(found, ExecutionResult) else await found
        return response(result.data, result.errors or [])

    def _compiled(self, name: str, fields: list[Field]) -> _Made | None:
        if any(isinstance(each.reading, Needs) and each.name != "__typename" for each in _all(fields)):
            return None
        reader = Reader(self._moment, self._ceilings, {})
        calls = [call for field in fields for call in calls_in(field)]
        prepared = {call: reader.read_within(call, call.values(self._coerced)) for call in calls}
        for call, one in prepared.items():
            if one.position is not None:
                message = f"{call.key}: Messages are read each at its own position, so that no cursor fits in all."
                raise rejected(ErrorCode.BAD_CURSOR, message)
        fixed = list(reader.binder.values)
        given = Given(reader.binder, _Anything())
        row = Row("", "", Scope(reader.binder.bind(0)), count(1), given=given)
        sql = Compiler(self._schema, prepared, loaded=False).object(fields, row, quoted(name))
        return _Made(Statement(f"SELECT CAST({sql} AS BLOB)"), fixed, list(given))


class _Anything:
    """Stands for a message while it is compiled."""

    def __getattr__(self, name: str) -> int:
        return 0


def _all(fields: list[Field]) -> Iterator[Field]:
    for field in fields:
        yield field
        for below in field.children.values():
            yield from _all(below)
