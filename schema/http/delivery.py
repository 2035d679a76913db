"""How every transport hands a stream over: message by message, until it ends or this node shuts down.

No queue: the next message is asked for when the one before was sent, so a slow reader holds nothing and delays nobody.
Where the next is awaited, it is written as it comes, without waking anybody, if the client reads fast enough.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import orjson
from graphql import GraphQLError

from schema.context import Message, Stream
from schema.errors import Rejected


class Drain:
    """The end of this node's streams: everybody who watches is told once."""

    def __init__(self) -> None:
        """Begin with nothing to end."""
        self.begun = False
        self._watchers: set[Callable[[], None]] = set()
        self._empty = asyncio.Event()

    def begin(self) -> None:
        """Tell all watchers to end. Call it on the event loop."""
        self.begun = True
        for watcher in tuple(self._watchers):
            watcher()

    @contextmanager
    def watch(self, watcher: Callable[[], None]) -> Iterator[None]:
        """Be told, at once if it has begun already; the drain waits for the end of the block."""
        self._watchers.add(watcher)
        if self.begun:
            watcher()
        try:
            yield
        finally:
            self._watchers.discard(watcher)
            if not self._watchers:
                self._empty.set()

    async def finished(self, seconds: float) -> bool:
        """Wait until nobody watches any more, at most so long; say whether that is so."""
        deadline = asyncio.get_running_loop().time() + seconds
        while self._watchers:
            self._empty.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._empty.wait()
            except TimeoutError:
                return False
        return True


class Delivery:
    """One stream on its way to one client."""

    def __init__(
        self,
        stream: Stream,
        send: Callable[[Message], Awaitable[None]],
        at_once: Callable[[Message], bool],
        drain: Drain,
    ) -> None:
        """Take the stream, two ways to send a message (the second says whether it could), and the drain to obey."""
        self._stream = stream
        self._send = send
        self._at_once = at_once
        self._drain = drain
        self._sending = False
        self._stopped = False
        self._interrupted = False
        self._task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Send everything; at a shutdown the last message says from where to resume.

        Raises Rejected where the stream cannot go on, also (masked) for what nobody foresaw.
        """
        self._task = asyncio.current_task()
        with self._drain.watch(self._stop):
            try:
                self._stream.hand_to(self._at_once)
                await self._all()
            except asyncio.CancelledError:
                if not self._interrupted or (self._task and self._task.uncancel()):
                    raise
            except Rejected:
                raise
            except Exception as error:
                raise Rejected(GraphQLError("", original_error=error), status=500) from error
            finally:
                self._sending, self._task = True, None  # nothing interrupts what follows
                await self._stream.aclose()
            if self._stopped:
                await self._send(farewell(self._stream.cursor))

    async def _all(self) -> None:
        async for message in self._stream:
            self._sending = True
            await self._send(message)
            self._sending = False
            if self._stopped:
                return

    def _stop(self) -> None:
        """End after the message that is being sent, or at once if none is."""
        self._stopped = True
        if not self._sending and self._task is not None:
            self._interrupted = True
            self._task.cancel()


def farewell(cursor: str | None) -> Message:
    """The last message of a stream that this node ends: from where another goes on."""
    return Message(orjson.dumps({"data": None, "extensions": {"resume": cursor}}), cursor)
