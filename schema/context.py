"""What an operation is executed with: one context each, or each event of a stream; never one for a socket or batch.

What may be cached while executing belongs to the context; what outlives it belongs to `Services`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from graphql import GraphQLSchema

from schema.errors import ErrorCode, rejected
from schema.operation import Operation, Operations
from service.audit.audit import Audit
from service.registry import Registry
from service.replica.store import Replica
from service.settings import Settings


class Access(NamedTuple):
    """Who asks, and until when that is known."""

    actor: str | None = None
    """The opaque id that is recorded with commands; None for somebody without a key."""
    expires: float | None = None
    """When the credentials end, in seconds since 1970; None if they do not."""


NOBODY = Access()

Authenticate = Callable[[str], Access | None]
"""Who the bearer token belongs to; None if it is not known. Takes as long for a wrong token as for a right one."""


class Surroundings(Protocol):
    """What of a request decides how its query is read."""

    @property
    def min_position(self) -> int:
        """The position to wait for."""
        ...

    @property
    def extensions(self) -> Mapping[str, Any]:
        """The request's own `extensions`."""
        ...


class Engine(Protocol):
    """Executes queries."""

    def at_once(self, operation: Operation, variables: Mapping[str, Any], context: Surroundings) -> bytes | None:
        """The response where it has data alone and takes no waiting; None where `execute` must respond."""
        ...

    def execute(
        self, operation: Operation, variables: Mapping[str, Any], context: "Context"
    ) -> Coroutine[Any, Any, bytes]:
        """The whole response as JSON text, errors first if there are any.

        Errors of the client (variables, arguments, positions not reached) are in the response; nothing else is raised
        but what nobody foresaw.
        """
        ...


class Message(NamedTuple):
    """One message of a stream."""

    payload: bytes
    """The whole GraphQL response as JSON text."""
    cursor: str | None = None
    """From where to resume to get what comes after this message."""


class Stream(Protocol):
    """A running subscription. Cancelling `__anext__` loses nothing: `cursor` is behind the last message handed over."""

    @property
    def cursor(self) -> str | None:
        """From where to resume: behind the last message, or further where nothing matched."""
        ...

    def __aiter__(self) -> AsyncIterator[Message]:
        """Itself."""
        ...

    def __anext__(self) -> Awaitable[Message]:
        """The next message. Raises StopAsyncIteration at the end, Rejected where it cannot go on."""
        ...

    def hand_to(self, take: Callable[[Message], bool]) -> None:
        """Hand over messages as they come, `__anext__` being awaited; it gives those for which `take` says False."""
        ...

    async def aclose(self) -> None:
        """Give up what the stream holds."""
        ...


class Streams(Protocol):
    """Begins subscriptions."""

    async def subscribe(self, operation: Operation, variables: Mapping[str, Any], context: "Context") -> Stream:
        """Begin to read. Raises Rejected for variables, arguments and cursors that do not fit."""
        ...


@dataclass(frozen=True, kw_only=True)
class Services:
    """What outlives an operation: the schema and the machinery behind it, one for each process."""

    schema: GraphQLSchema
    operations: Operations
    registry: Registry
    replica: Replica
    engine: Engine
    streams: Streams | None = None
    audit: Audit | None = None
    settings: Settings = field(default_factory=Settings)
    authenticate: Authenticate = lambda token: None


@dataclass(kw_only=True)
class Context:
    """One operation's surroundings; the engine gives it to resolvers."""

    services: Services
    access: Access = NOBODY
    min_position: int = 0
    """What the request's header asks the replica to have reached; arguments of the operation can ask for more."""
    resume_after: str | None = None
    """Last-Event-ID of a reconnecting stream; it counts more than the `after` argument."""
    extensions: Mapping[str, Any] = field(default_factory=dict)
    """The request's own `extensions`."""
    kept: dict[str, Any] = field(default_factory=dict)
    """What resolvers cache while this operation runs."""

    @property
    def actor(self) -> str:
        """Who writes. Raises Rejected (401) without a key."""
        if self.access.actor is None:
            message = "Writing needs a key: send it as 'Authorization: Bearer <key>'."
            raise rejected(ErrorCode.UNAUTHENTICATED, message, status=401)
        return self.access.actor
