"""A small schema with all mutations and three subscriptions, for tests of the transports; graphql-core reads it.

What the real fields answer is no matter here: objects and events are read from the registry.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from functools import cache
from typing import Any

import orjson
import strawberry
from graphql import ExecutionResult, execute, get_argument_values, get_variable_values
from strawberry.schema.config import StrawberryConfig

from schema.context import Context, Message, Services, Surroundings
from schema.errors import ErrorCode, coded, rejected
from schema.mutations import mutation_type
from schema.operation import Operation, Operations, sound
from schema.plan.engine import response
from schema.scalars import SCALARS, Position
from schema.sql import KEY, Computed
from service.node import Node as Running

COUNT = "subscription($to: Int!, $every: Float, $after: String) { count(to: $to, every: $every, after: $after) }"


@strawberry.interface
class Node:
    """Something with an id."""

    id: strawberry.ID


@strawberry.interface
class Event(Node):
    """An event."""

    type: str


@strawberry.type
class Happening(Event):
    """Any event."""

    summary: str


@strawberry.type
class Thing(Node):
    """Any object."""

    version: int
    titles: list[str]

    @strawberry.field
    def broken(self) -> str | None:
        raise RuntimeError("a secret of the machine")


@strawberry.input(one_of=True)
class AsOf:
    """A moment."""

    position: Position | None = strawberry.UNSET


OF_REPLICA = {KEY: Computed(str)}
"""Metadata of a field that the real schema would read from the replica."""


def _found(id: str, info: strawberry.Info) -> Node | None:
    stream, _, version = id.partition("@")
    aggregate = info.context.services.registry.load(stream)
    if version:
        fact = aggregate.facts[int(version) - 1]
        return Happening(id=strawberry.ID(id), type=fact.event, summary=fact.content.summary())
    titles = [getattr(fact.content, "title", None) for fact in aggregate.facts]
    known = Thing(id=strawberry.ID(id), version=aggregate.version, titles=[one for one in titles if one])
    return known if aggregate.version else None


@strawberry.type
class Query:
    """Reads."""

    @strawberry.field(metadata=OF_REPLICA)  # type: ignore[untyped-decorator]
    def node(self, info: strawberry.Info, id: strawberry.ID, as_of: AsOf | None = None) -> Node | None:
        return _found(id, info)

    @strawberry.field(metadata=OF_REPLICA)  # type: ignore[untyped-decorator]
    def nodes(self, info: strawberry.Info, ids: list[strawberry.ID], as_of: AsOf | None = None) -> list[Node | None]:
        return [_found(id, info) for id in ids]

    @strawberry.field
    def boom(self) -> str | None:
        raise RuntimeError("a secret of the machine")

    @strawberry.field(metadata=OF_REPLICA)  # type: ignore[untyped-decorator]
    def echo(self, text: str = "nothing") -> str:
        return text

    @strawberry.field
    def choice(self, which: AsOf) -> str:
        return f"position {which.position}"

    @strawberry.field
    async def slow(self, seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "slept"


@strawberry.type
class Subscription:
    """Streams; `SmallStreams` sends them."""

    @strawberry.subscription
    async def count(self, to: int, every: float = 0, after: str | None = None) -> AsyncIterator[int]:
        yield to

    @strawberry.subscription
    async def failing(self) -> AsyncIterator[int]:
        yield 0


class SmallEngine:
    """Reads by graphql-core."""

    def at_once(self, operation: Operation, variables: Mapping[str, Any], context: Surroundings) -> None:
        """Nothing: graphql-core may wait."""

    async def execute(self, operation: Operation, variables: Mapping[str, Any], context: Context) -> bytes:
        """The response."""
        found = execute(
            context.services.schema,
            operation.document,
            context_value=context,
            variable_values=dict(variables),
            operation_name=operation.name,
        )
        result = found if isinstance(found, ExecutionResult) else await found
        errors = result.errors or []
        if result.data is None and errors and all(error.path is None for error in errors):
            return response(None, coded(errors, ErrorCode.INPUT), began=False)
        return response(result.data, errors)


class Counting:
    """Counts from the cursor; its cursor is the last number that was handed over."""

    def __init__(self, to: int, every: float, cursor: str | None) -> None:
        self.to, self.every = to, every
        self.cursor: str | None = cursor or "0"
        self.closed = asyncio.Event()

    def __aiter__(self) -> "Counting":
        return self

    async def __anext__(self) -> Message:
        number = int(self.cursor or 0) + 1
        if number > self.to:
            raise StopAsyncIteration
        await asyncio.sleep(self.every)
        self.cursor = str(number)
        return Message(orjson.dumps({"data": {"count": number}}), self.cursor)

    def hand_to(self, take: Callable[[Message], bool]) -> None:
        """It has nothing to hand over before it is asked."""

    async def aclose(self) -> None:
        self.closed.set()


class Failing(Counting):
    """Breaks at its first message."""

    async def __anext__(self) -> Message:
        raise RuntimeError("a secret of the machine")


class SmallStreams:
    """Begins the small subscriptions."""

    def __init__(self) -> None:
        self.begun: list[Counting] = []

    async def subscribe(self, operation: Operation, variables: Mapping[str, Any], context: Context) -> Counting:
        """Begin to count."""
        schema = context.services.schema
        coerced = get_variable_values(schema, operation.definition.variable_definitions or (), dict(variables))
        assert not isinstance(coerced, list)
        field: Any = operation.definition.selection_set.selections[0]
        assert schema.subscription_type
        arguments = get_argument_values(schema.subscription_type.fields[field.name.value], field, coerced)
        cursor = context.resume_after or arguments.get("after")
        if cursor is not None and not cursor.isdigit():
            raise rejected(ErrorCode.BAD_CURSOR, "This cursor is not of this record.")
        kind = Failing if field.name.value == "failing" else Counting
        self.begun.append(kind(arguments.get("to", 0), arguments.get("every", 0), cursor))
        return self.begun[-1]


@cache
def small_schema() -> strawberry.Schema:
    """The schema."""
    return strawberry.Schema(
        query=Query,
        mutation=mutation_type(Node, Event),
        subscription=Subscription,
        types=[Thing, Happening],
        config=StrawberryConfig(scalar_map=SCALARS),
    )


def small_services(running: Running, authenticate: Any) -> Services:
    """Everything behind the transports, on a running node."""
    schema = sound(small_schema()._schema)
    return Services(
        schema=schema,
        operations=Operations(schema),
        registry=running.registry,
        replica=running.replica,
        engine=SmallEngine(),
        streams=SmallStreams(),
        settings=running.settings,
        authenticate=authenticate,
    )
