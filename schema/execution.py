"""One door for all operations: what a transport hands in is prepared, checked and given to whoever executes it.

Transports know no GraphQL beyond this; executors know no transport.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from graphql import FieldNode, FragmentSpreadNode, GraphQLError, InlineFragmentNode, SelectionSetNode, execute_sync

from schema.context import NOBODY, Access, Context, Services, Stream
from schema.errors import ErrorCode, Rejected, coded, formatted, rejected
from schema.operation import Operation
from schema.recording import Recorder


@dataclass(frozen=True, kw_only=True)
class Request:
    """One operation as a transport understood it."""

    query: str
    name: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    extensions: Mapping[str, Any] = field(default_factory=dict)
    access: Access = NOBODY
    min_position: int = 0
    resume_after: str | None = None


class Executor:
    """Executes requests of every kind."""

    def __init__(self, services: Services) -> None:
        """Take the machinery."""
        self.services = services
        self._recorder = Recorder(services.schema)
        self._introspections: dict[bytes, bytes] = {}

    def prepare(self, request: Request) -> Operation:
        """The operation that is asked for. Raises Rejected."""
        return self.services.operations.prepare(request.query, request.name)

    async def execute(self, operation: Operation, request: Request) -> bytes:
        """The whole response of a query or mutation as JSON text, `data` first if there is any. Raises Rejected."""
        try:
            return await self._executed(operation, request)
        except Rejected:
            raise
        except Exception as error:
            raise Rejected(GraphQLError("", original_error=error), status=500) from error

    async def _executed(self, operation: Operation, request: Request) -> bytes:
        if operation.kind == "subscription":
            raise rejected(ErrorCode.BAD_REQUEST, "A subscription needs a transport for streams.")
        context = self._context(request)
        if operation.kind == "mutation":
            return await self._recorder.execute(operation, request.variables, context)
        if _introspects(operation):
            return self._introspected(operation, request.variables)
        return await self._queried(operation, request.variables, context)

    async def _queried(self, operation: Operation, variables: Mapping[str, Any], context: Context) -> bytes:
        settings = self.services.settings
        try:
            async with asyncio.timeout(settings.query_timeout + settings.min_position_timeout):
                return await self.services.engine.execute(operation, variables, context)
        except TimeoutError:
            raise rejected(ErrorCode.TIMEOUT, "This took longer than an operation may.", status=503) from None

    async def subscribe(self, operation: Operation, request: Request) -> Stream:
        """Begin the subscription. Raises Rejected."""
        if self.services.streams is None:
            raise rejected(ErrorCode.BAD_REQUEST, "This node has no subscriptions.")
        return await self.services.streams.subscribe(operation, request.variables, self._context(request))

    def _context(self, request: Request) -> Context:
        return Context(
            services=self.services,
            access=request.access,
            min_position=request.min_position,
            resume_after=request.resume_after,
            extensions=request.extensions,
        )

    def _introspected(self, operation: Operation, variables: Mapping[str, Any]) -> bytes:
        """The answer of an operation that asks about the schema alone: the same for as long as the process lives."""
        key = orjson.dumps([operation.text, operation.name, dict(variables)], option=orjson.OPT_SORT_KEYS)
        found = self._introspections.get(key)
        if found is None:
            found = self._introspect(operation, variables)
            if len(self._introspections) < 100:
                self._introspections[key] = found
        return found

    def _introspect(self, operation: Operation, variables: Mapping[str, Any]) -> bytes:
        result = execute_sync(
            self.services.schema, operation.document, variable_values=dict(variables), operation_name=operation.name
        )
        if result.data is None and result.errors and all(error.path is None for error in result.errors):
            raise Rejected(*coded(result.errors, ErrorCode.INPUT))
        answer = {"data": result.data} | ({"errors": formatted(result.errors)} if result.errors else {})
        return orjson.dumps(answer)

    def close(self) -> None:
        """Wait for what is being recorded."""
        self._recorder.close()


def refusal(error: Rejected) -> bytes:
    """The response of an operation that was not begun, as JSON text."""
    return orjson.dumps({"errors": formatted(error.errors)})


def _introspects(operation: Operation) -> bool:
    """Whether all root fields ask about the schema; decided without the variables, so that it can be remembered."""
    if "introspects" not in operation.kept:
        names = _root_fields(operation, operation.definition.selection_set, set())
        operation.kept["introspects"] = all(name.startswith("__") for name in names)
    return bool(operation.kept["introspects"])


def _root_fields(operation: Operation, selections: SelectionSetNode, seen: set[str]) -> Iterator[str]:
    for one in selections.selections:
        if isinstance(one, FieldNode):
            yield one.name.value
        elif isinstance(one, InlineFragmentNode):
            yield from _root_fields(operation, one.selection_set, seen)
        elif isinstance(one, FragmentSpreadNode) and one.name.value not in seen:
            seen.add(one.name.value)
            yield from _root_fields(operation, operation.fragments[one.name.value].selection_set, seen)
