"""Begins subscriptions and hands out their messages; equal ones share what is read, matched and made into JSON."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast
from weakref import WeakValueDictionary

import apsw
import orjson
from eventsourcing.persistence import PersistenceError
from graphql import GraphQLError, GraphQLSchema, get_argument_values
from graphql.execution.values import VariableValues

from schema.context import Context
from schema.context import Message as Sent
from schema.errors import ErrorCode, Rejected, coded, rejected
from schema.limits import Ceiling, Limits
from schema.operation import Operation
from schema.plan.paging import Ceilings, Moment
from schema.plan.run import Runner
from schema.plan.variables import coerced as variables_of
from schema.scalars import Position
from schema.streaming.asked import filter_of, until_of
from schema.streaming.render import Asked, Rendering, asked
from schema.streams import CaughtUp, EventRecorded, Message, NewDealMessage
from service.asking import ask_log
from service.cursor import BadCursor
from service.log import Log
from service.replica.store import Replica
from service.streaming import CaughtUp as Reached
from service.streaming import Hub, Kind, Note, Place, Reading, whole
from service.streaming.filter import ORDER
from service.streaming.note import WHOLE
from service.streaming.place import cursor_text, place_of

_ROOM = 8_000_000
"""Bytes of rendered messages that are kept for others."""
_EXPIRY_GRACE = 0.25
"""Seconds that a socket has to close itself when credentials end."""


class Subscriptions:
    """Executes subscriptions on one schema and replica. One for each process, used on its event loop."""

    def __init__(
        self,
        schema: GraphQLSchema,
        replica: Replica,
        ceilings: Ceilings | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Take what the engine has; its schema must be prepared by it."""
        self._schema = schema
        self._replica = replica
        self._ceilings = ceilings or Ceilings()
        self._limits = limits or Limits(schema, Ceiling(page_default=self._ceilings.page_default))
        self._runner = Runner(replica, self._ceilings.time_limit, self._ceilings.threads)
        self._hub = Hub(replica)
        self._renderings: WeakValueDictionary[Hashable, Rendering] = WeakValueDictionary()
        self._kept: OrderedDict[tuple[Rendering, Note | Reached], Sent | asyncio.Task[Sent]] = OrderedDict()
        self._room = _ROOM
        self.told = 0
        """How many messages were handed over."""

    async def subscribe(self, operation: Operation, variables: Mapping[str, Any], context: Context) -> "Subscribed":
        """Begin to read. Raises Rejected for variables, arguments and cursors that do not fit.

        Also for what costs too much: a message costs what its selection costs in a query.
        """
        try:
            return await self._begun(operation, variables, context)
        except GraphQLError as error:
            raise Rejected(*coded([error], ErrorCode.INPUT)) from None
        except apsw.CantOpenError:
            raise rejected(ErrorCode.UNAVAILABLE, "This node is still building its replica.", status=503) from None

    async def _begun(self, operation: Operation, variables: Mapping[str, Any], context: Context) -> "Subscribed":
        coerced = self._coerced(operation, variables)
        self._limits.check_cost(operation, coerced.coerced)
        field = asked(self._schema, operation, coerced)
        root = self._schema.subscription_type
        assert root is not None
        given = get_argument_values(root.fields[field.node.name.value], field.node, coerced)
        rendering = self._rendering(operation, (coerced, variables), field, context)
        kind = Kind(field.node.name.value)
        filter, until = filter_of(kind, given.get("filter")), until_of(given.get("until"))
        place = await self._place(given.get("after"), context)
        if place is None and until is not None:
            place = whole(0)
        reading = Reading(self._hub, kind, filter, place, until)
        return Subscribed(self, reading, rendering, context)

    def _coerced(self, operation: Operation, variables: Mapping[str, Any]) -> VariableValues:
        self._limits.check_held(operation, variables)
        coerced = variables_of(self._schema, operation, variables)
        if isinstance(coerced, list):
            raise Rejected(*coded(coerced, ErrorCode.INPUT))
        return coerced

    def _rendering(
        self,
        operation: Operation,
        variables: tuple[VariableValues, Mapping[str, Any]],
        field: Asked,
        context: Context,
    ) -> Rendering:
        values = {name: variables[0].coerced.get(name) for name in field.variables}
        key = (
            field.key,
            field.node.name.value,
            field.printed,
            orjson.dumps(values, default=str, option=orjson.OPT_SORT_KEYS),
        )
        for each in (key, (*key, context.access.actor)):
            if (found := self._renderings.get(each)) is not None:
                return found
        moment = Moment(self._replica.record_id, self._replica.position)
        made = Rendering(self._schema, operation, variables, field, moment, self._ceilings)
        self._renderings[key if made.compiled else (*key, context.access.actor)] = made
        return made

    async def _place(self, after: str | None, context: Context) -> Place | None:
        """Where to begin, when the replica is there; None for now."""
        text = context.resume_after or after
        try:
            place = None if text is None else place_of(self._replica.record_id, text)
        except BadCursor as error:
            named = "Last-Event-ID" if context.resume_after else "after"
            raise rejected(ErrorCode.BAD_CURSOR, f"{named}: {error}") from None
        least = max(context.min_position, place[0] if place else 0)
        if least and not await self._replica.reached(least, self._ceilings.wait):
            raise await self._not_reached(least, place, context)
        return place

    async def _not_reached(self, least: int, place: Place | None, context: Context) -> Rejected:
        """Why a stream cannot begin: the cursor is beyond the record, or this node is behind it for now."""
        now = self._replica.position
        if place is not None and place[0] > now:
            head = await _head(context)
            if head is not None and place[0] > head:
                message = f"This cursor is from the future: it stands at {place[0]}, the record at {head}."
                return rejected(ErrorCode.BAD_CURSOR, message, extensions={"position": head})
        message = f"Position {least} was not there within {self._ceilings.wait:g} seconds; this node is at {now}."
        return rejected(ErrorCode.NOT_REACHED, message, status=503, extensions={"position": now})

    def cursor(self, place: Place) -> str:
        """The cursor of a place."""
        return cursor_text(self._replica.record_id, place)

    async def sent(self, rendering: Rendering, item: Note | Reached, context: Context) -> Sent:
        """The message that shows an item; made once for everybody who selects the same."""
        found = self._kept.get((rendering, item))
        if found is None:
            found = self._keep(rendering, item, self._made(rendering, item, context))
        if isinstance(found, Sent):
            return found
        try:
            return await asyncio.shield(found)
        except GraphQLError as error:
            self._forget((rendering, item))
            raise Rejected(error, status=503) from None

    async def make(self, rendering: Rendering, notes: Sequence[Note]) -> None:
        """Make the messages of some notes together, if they are SQL; what fails is left for `sent` to tell of."""
        messages = [(note, self._message(note)) for note in notes if (rendering, note) not in self._kept]
        jobs = [job for _, message in messages if (job := rendering.job(message)) is not None]
        if len(jobs) < max(2, len(messages)):
            return
        with suppress(GraphQLError):
            for (note, message), text in zip(messages, await self._runner.answers(jobs), strict=True):
                if (payload := rendering.framed(text)) is not None:
                    self._keep(rendering, note, Sent(payload, message.cursor))

    def ready(self, rendering: Rendering, note: Note, context: Context | None) -> Sent | None:
        """The message, if it takes no waiting: if it is made already or, in a context, if it can be made at once.

        None also where making it fails, of which `sent` tells.
        """
        newest, sent = rendering.newest
        if newest is note:
            return sent
        found = self._kept.get((rendering, note))
        if found is None and context is not None:
            with suppress(Exception):
                found = self._keep(rendering, note, self._made(rendering, note, context))
        if not isinstance(found, Sent):
            return None
        rendering.newest = note, found
        return found

    def _keep(
        self, rendering: Rendering, item: Note | Reached, made: "Sent | asyncio.Task[Sent]"
    ) -> "Sent | asyncio.Task[Sent]":
        self._forget((rendering, item))
        self._kept[rendering, item] = made
        self._room -= _size(made)
        while self._room < 0:
            self._room += _size(self._kept.popitem(last=False)[1])
        return made

    def _made(self, rendering: Rendering, item: Note | Reached, context: Context) -> "Sent | asyncio.Task[Sent]":
        message = self._message(item)
        payload = self._at_once(rendering, message)
        if payload is not None:
            return Sent(payload, message.cursor)
        return asyncio.ensure_future(self._later(rendering, message, replace(context, kept={})))

    def _at_once(self, rendering: Rendering, message: Message) -> bytes | None:
        job = rendering.job(message)
        texts = None if job is None else self._runner.at_once([job])
        return None if texts is None else rendering.framed(texts[0])

    async def _later(self, rendering: Rendering, message: Message, context: Context) -> Sent:
        job = rendering.job(message)
        text = None if job is None else rendering.framed((await self._runner.in_thread([job]))[0])
        return Sent(text or await rendering.executed(message, context), message.cursor)

    def _forget(self, key: tuple[Rendering, Note | Reached]) -> None:
        if (found := self._kept.pop(key, None)) is not None:
            self._room += _size(found)

    def _message(self, item: Note | Reached) -> Message:
        cursor, position = self.cursor(item.place), Position(item.position)
        if isinstance(item, Reached):
            return CaughtUp(cursor=cursor, position=position)
        _, key, change = item.place
        if key == WHOLE:
            return EventRecorded(cursor=cursor, position=position, object_id=item.object)
        return NewDealMessage(cursor=cursor, position=position, change=ORDER[change], object_id=item.object)

    @property
    def open(self) -> int:
        """How many streams are open."""
        return self._hub.members

    def close(self) -> None:
        """End the work behind all streams, from any thread; end the streams first."""
        self._hub.close()
        self._runner.close()


async def _head(context: Context) -> int | None:
    """Where the record is; None where the log does not answer."""
    log = cast("Log", context.services.registry.recorder)
    try:
        return (await ask_log(log.head)).position
    except PersistenceError:
        return None


def _size(made: Sent | asyncio.Task[Sent]) -> int:
    return 500 + len(made.payload) if isinstance(made, Sent) else 10_000


class Subscribed:
    """A running subscription."""

    __slots__ = ("_context", "_reading", "_rendering", "_streams", "_take")

    def __init__(self, streams: Subscriptions, reading: Reading, rendering: Rendering, context: Context) -> None:
        """Take what to read, and how to show it."""
        self._streams = streams
        self._reading = reading
        self._rendering = rendering
        self._context = context

    @property
    def cursor(self) -> str:
        """From where to resume: behind the last message, or further where nothing matched."""
        return self._streams.cursor(self._reading.resume)

    def __aiter__(self) -> "Subscribed":
        """Itself."""
        return self

    def __anext__(self) -> Awaitable[Sent]:
        """The next message. Raises StopAsyncIteration at the end, Rejected when the credentials end."""
        expires = self._context.access.expires
        return self._sent() if expires is None else self._in_time(expires)

    async def _in_time(self, expires: float) -> Sent:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, expires + _EXPIRY_GRACE - time.time())):
                return await self._sent()
        raise rejected(ErrorCode.UNAUTHENTICATED, "The credentials of this stream have ended.", status=401)

    async def _sent(self) -> Sent:
        item = await self._reading.next()
        if item is None:
            raise StopAsyncIteration
        if ahead := self._reading.ahead:
            await self._streams.make(self._rendering, ahead)
        sent = await self._streams.sent(self._rendering, item, self._context)
        self._reading.took(item)
        self._streams.told += 1
        return sent

    def hand_to(self, take: Callable[[Sent], bool]) -> None:
        """Hand over messages as they come, `__anext__` being awaited; it gives those for which `take` says False."""
        self._take = take
        self._reading.hand_to(self._taken)

    def _taken(self, note: Note, live: bool) -> bool:
        streams = self._streams
        sent = streams.ready(self._rendering, note, self._context if live else None)
        if sent is None or not self._take(sent):
            return False
        streams.told += 1
        return True

    async def aclose(self) -> None:
        """Give up what the stream holds."""
        self._reading.close()
