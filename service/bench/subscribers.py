"""Subscribers by the thousand: they speak WebSocket by hand, so that they take little of what is measured."""

import asyncio
import re
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, cast

import orjson

DOCUMENT = """subscription($filter: StreamFilter, $after: String) {
  newDeals(filter: $filter, after: $after) {
    __typename
    ... on NewDealMessage { cursor position change event { recordedAt } deal { id title commitment } }
    ... on CaughtUp { cursor position }
  }
}"""
REPLAY = """subscription($until: Until) {
  events(until: $until) {
    ... on EventRecorded { cursor position event { id type summary recordedAt } object { id } }
  }
}"""
_RECORDED = re.compile(rb'"recordedAt":"([^"]+)"')
_UPGRADE = (
    "GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


@dataclass
class Told:
    """What the subscribers of a run received."""

    caught_up: int = 0
    messages: int = 0
    completed: int = 0
    delays: list[float] = field(default_factory=list)
    """Milliseconds from the log's own time of an event, which is taken before its commit, to its arrival."""
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def are_live(self, count: int) -> bool:
        """Whether so many have caught up."""
        return self.caught_up >= count

    def have(self, count: int) -> bool:
        """Whether so many messages have come."""
        return self.messages >= count

    async def until(self, done: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until something holds of what was received."""
        async with asyncio.timeout(seconds):
            while not done():
                self.moved.clear()
                await self.moved.wait()


class Subscriber(asyncio.Protocol):
    """One socket with one subscription, which does nothing but note when messages come."""

    def __init__(self, told: Told, document: str, variables: dict[str, Any]) -> None:
        """Take where to note, and what to ask."""
        payload = {"query": document, "variables": variables}
        self._asks = orjson.dumps({"id": "1", "type": "subscribe", "payload": payload})
        self._told = told
        self._rest = b""
        self._open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for everything at once."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(_UPGRADE.encode())

    def data_received(self, data: bytes) -> None:
        """Take what came apart into frames."""
        now = time.time()
        self._rest += data
        if not self._open:
            head, end, self._rest = self._rest.partition(b"\r\n\r\n")
            if not end:
                self._rest = head
                return
            self._open = True
            self._transport.write(_masked(b'{"type":"connection_init"}') + _masked(self._asks))
        while (frame := self._frame()) is not None:
            self._take(frame, now)

    def _frame(self) -> bytes | None:
        rest = self._rest
        if len(rest) < 2:
            return None
        length, start = rest[1] & 127, 2
        if length == 126 and len(rest) >= 4:
            (length,), start = struct.unpack_from(">H", rest, 2), 4
        elif length == 127 and len(rest) >= 10:
            (length,), start = struct.unpack_from(">Q", rest, 2), 10
        elif length >= 126:
            return None
        if len(rest) < start + length:
            return None
        self._rest = rest[start + length :]
        return rest[start : start + length]

    def _take(self, frame: bytes, now: float) -> None:
        told = self._told
        if b'"CaughtUp"' in frame:
            told.caught_up += 1
        elif b'"type":"complete"' in frame[:60]:
            told.completed += 1
        elif b'"data"' in frame:
            told.messages += 1
            if (found := _RECORDED.search(frame)) is not None:
                told.delays.append((now - datetime.fromisoformat(found[1].decode()).timestamp()) * 1000)
        elif b'"ping"' in frame:
            self._transport.write(_masked(b'{"type":"pong"}'))
            return
        told.moved.set()

    def close(self) -> None:
        """Cut the connection."""
        self._transport.abort()


def _masked(text: bytes) -> bytes:
    """A frame from a client; its mask is zero, which leaves the text as it is."""
    length = len(text)
    head = struct.pack(">BB", 0x81, 0x80 | length) if length < 126 else struct.pack(">BBH", 0x81, 0xFE, length)
    return head + b"\0\0\0\0" + text


def different(number: int) -> dict[str, Any]:
    """The filter of one subscriber: it is different from all others, and matches what is recorded."""
    asked = [
        {"kind": ["PROCUREMENT"], "country": ["UZB", f"X{number}"]},
        {"party": ["party:bench-0", f"party:{number}"]},
        {"sector": ["bench", f"sector-{number}"]},
        {"type": ["DealAnnounced"], "sector": ["bench", f"other-{number}"]},
    ]
    return asked[number % len(asked)]


async def subscribers(port: int, count: int, told: Told) -> list[Subscriber]:
    """So many sockets, each with a filter of its own, all caught up."""
    made = []
    for number in range(count):
        made.append(await connected(port, Subscriber(told, DOCUMENT, {"filter": different(number)})))
        if number % 100 == 99:
            await told.until(partial(told.are_live, number))
    await told.until(partial(told.are_live, count))
    return made


async def connected(port: int, subscriber: Subscriber) -> Subscriber:
    """The subscriber, on a socket."""
    await asyncio.get_running_loop().create_connection(lambda: subscriber, "127.0.0.1", port)
    return subscriber
