"""One door for all operations: what a transport hands in is prepared, checked and given to whoever executes it.

Transports know no GraphQL beyond this; executors know no transport.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from graphql import GraphQLError

from schema.context import NOBODY, Access, Context, Services, Stream
from schema.errors import ErrorCode, Rejected, formatted, rejected
from schema.operation import Operation
from schema.patience import within
from schema.recording import Recorder

_NOTHING: Mapping[str, Any] = {}


class Request(NamedTuple):
    """One operation as a transport understood it."""

    query: str
    name: str | None = None
    variables: Mapping[str, Any] = _NOTHING
    extensions: Mapping[str, Any] = _NOTHING
    access: Access = NOBODY
    min_position: int = 0
    resume_after: str | None = None


class Executor:
    """Executes requests of every kind."""

    def __init__(self, services: Services) -> None:
        """Take the machinery."""
        self.services = services
        self._recorder = Recorder(services.schema)

    def prepare(self, request: Request) -> Operation:
        """The operation that is asked for. Raises Rejected."""
        return self.services.operations.prepare(request.query, request.name)

    def at_once(self, operation: Operation, request: Request) -> bytes | None:
        """The response of a query that has data alone and takes no waiting; None where `execute` must respond."""
        if operation.kind != "query":
            return None
        return self.services.engine.at_once(operation, request.variables, request)

    async def execute(self, operation: Operation, request: Request) -> bytes:
        """The whole response of a query or mutation as JSON text, errors first if there are any. Raises Rejected."""
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
        return await self._queried(operation, request.variables, context)

    async def _queried(self, operation: Operation, variables: Mapping[str, Any], context: Context) -> bytes:
        settings = self.services.settings
        try:
            work = self.services.engine.execute(operation, variables, context)
            return await within(settings.query_timeout + settings.min_position_timeout, work)
        except TimeoutError:
            raise rejected(ErrorCode.TIMEOUT, "This took longer than an operation may.", status=503) from None

    async def subscribe(self, operation: Operation, request: Request) -> Stream:
        """Begin the subscription. Raises Rejected, also (masked) for what nobody foresaw."""
        if self.services.streams is None:
            raise rejected(ErrorCode.BAD_REQUEST, "This node has no subscriptions.")
        try:
            return await self.services.streams.subscribe(operation, request.variables, self._context(request))
        except Rejected:
            raise
        except Exception as error:
            raise Rejected(GraphQLError("", original_error=error), status=500) from error

    def _context(self, request: Request) -> Context:
        return Context(
            services=self.services,
            access=request.access,
            min_position=request.min_position,
            resume_after=request.resume_after,
            extensions=request.extensions,
        )

    def close(self) -> None:
        """Wait for what is being recorded."""
        self._recorder.close()


def refusal(error: Rejected) -> bytes:
    """The response of an operation that was not begun, as JSON text."""
    return orjson.dumps({"errors": formatted(error.errors)})
