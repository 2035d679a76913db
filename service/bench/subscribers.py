"""Subscribers by the thousand, in a process of their own: they read WebSockets and event streams by hand.

Run as a process it reads what to do, a line of JSON each, and prints what came of it; `Subscribers` talks to it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import resource
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from itertools import combinations
from typing import Any, cast

import orjson
import pycountry
import uvloop

from service.bench.server import pin

WEBSOCKET, SSE = "WebSocket", "SSE"

DEALS = """subscription($filter: StreamFilter, $after: String) {
  newDeals(filter: $filter, after: $after) {
    __typename
    ... on NewDealMessage { cursor position change event { recordedAt } deal { id title commitment } }
    ... on CaughtUp { cursor position }
  }
}"""
EVENTS = """subscription($until: Until) {
  events(until: $until) {
    ... on EventRecorded { cursor position event { id type summary recordedAt } object { id } }
  }
}"""
_RECORDED = re.compile(rb'"recordedAt":"([^"]+)"')
_UPGRADE = (
    b"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
_AT_ONCE = 100
"""Subscribers that are opened at the same time."""


class Subscribers:
    """The process with the subscribers, on a core of its own where there are two."""

    def __init__(self, port: int, over: str) -> None:
        """Start it; `over` is WEBSOCKET or SSE."""
        line = [sys.executable, "-m", "service.bench.subscribers", str(port), over]
        self._process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def open(self, count: int) -> None:
        """Add so many with different filters, all of which match what is announced; wait until all are live."""
        self._asked(open=count)

    def replay(self, events: int) -> None:
        """Add one that replays so many events from the first; wait until it has all."""
        self._asked(replay=events)

    def delays(self, messages: int) -> list[float]:
        """Wait for so many messages; milliseconds from the log's own time of the event to the arrival of each."""
        return [microseconds / 1000 for microseconds in self._asked(hear=messages)["delays"]]

    def ended(self, count: int) -> None:
        """Wait until so many were told from where to resume, and that this is the end."""
        self._asked(ended=count)

    def _asked(self, **what: int) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        self._process.stdin.flush()
        told: dict[str, Any] = json.loads(self._process.stdout.readline() or b'{"fault": "the subscribers ended"}')
        if "fault" in told:
            raise RuntimeError(f"subscribers: {told['fault']}")
        return told

    def close(self) -> None:
        """Cut all connections."""
        self._process.communicate()


@dataclass
class Told:
    """What the subscribers received."""

    caught_up: int = 0
    messages: int = 0
    resumable: int = 0
    completed: int = 0
    delays: list[int] = field(default_factory=list)
    """Microseconds from the log's own time of an event, which is taken before its commit, to its arrival."""
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, message: bytes) -> None:
        """Note one message; what is no `data` says how the stream goes on."""
        if (found := _RECORDED.search(message)) is not None:
            self.delays.append(int((time.time() - _seconds(found[1])) * 1e6))
            self.messages += 1
        elif b'"CaughtUp"' in message:
            self.caught_up += 1
        elif b'"extensions":{"resume"' in message:
            self.resumable += 1
        elif b'"data"' in message:
            self.messages += 1
        elif b"complete" in message:
            self.completed += 1
        self.moved.set()

    async def until(self, done: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until something holds of what was received."""
        async with asyncio.timeout(seconds):
            while not done():
                self.moved.clear()
                await self.moved.wait()


@cache
def _seconds(recorded_at: bytes) -> float:
    return datetime.fromisoformat(recorded_at.decode()).timestamp()


class Subscriber(asyncio.Protocol):
    """One connection with one subscription, which does nothing but note when messages come."""

    def __init__(self, told: Told, document: str, variables: dict[str, Any]) -> None:
        """Take where to note, and what to ask."""
        self._payload = {"query": document, "variables": variables}
        self._told = told
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def _ask(self) -> None:
        raise NotImplementedError


class EventStream(Subscriber):
    """A subscriber by SSE; it does not look at chunks, whose sizes stand between events."""

    def _ask(self) -> None:
        body = orjson.dumps(self._payload)
        head = "POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        head += f"Accept: text/event-stream\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)

    def data_received(self, data: bytes) -> None:
        """Take the whole events."""
        *events, self._rest = (self._rest + data).split(b"\n\n")
        for event in events:
            self._told.take(event)


class Socket(Subscriber):
    """A subscriber by WebSocket."""

    _open = False

    def _ask(self) -> None:
        self._transport.write(_UPGRADE)

    def data_received(self, data: bytes) -> None:
        """Take what came apart into frames."""
        self._rest += data
        if not self._open:
            _head, end, rest = self._rest.partition(b"\r\n\r\n")
            if not end:
                return
            self._open, self._rest = True, rest
            ask = orjson.dumps({"id": "1", "type": "subscribe", "payload": self._payload})
            self._transport.write(_masked(b'{"type":"connection_init"}') + _masked(ask))
        while (frame := self._frame()) is not None:
            if frame == b'{"type":"ping"}':
                self._transport.write(_masked(b'{"type":"pong"}'))
            else:
                self._told.take(frame)

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


def _masked(text: bytes) -> bytes:
    """A frame from a client; its mask is zero, which leaves the text as it is."""
    length = len(text)
    head = struct.pack(">BB", 0x81, 0x80 | length) if length < 126 else struct.pack(">BBH", 0x81, 0xFE, length)
    return head + b"\0\0\0\0" + text


@cache
def _pairs() -> list[tuple[str, str]]:
    """Countries by two, each pair once."""
    return list(combinations((country.alpha_3 for country in pycountry.countries if country.alpha_3 != "UZB"), 2))


def different(number: int) -> dict[str, Any]:
    """The filter of one subscriber: it is different from all others, and matches what is announced."""
    asked = [
        {"kind": ["PROCUREMENT"], "country": ["UZB", *_pairs()[number]]},
        {"party": ["party:bench-0", f"party:{number}"]},
        {"sector": ["bench", f"sector-{number}"]},
        {"type": ["DealAnnounced"], "sector": ["bench", f"other-{number}"]},
    ]
    return asked[number % len(asked)]


class _Crowd:
    """All subscribers of this process."""

    def __init__(self, port: int, over: str) -> None:
        self._port = port
        self._made = Socket if over == WEBSOCKET else EventStream
        self._told = Told()
        self._opened: list[Subscriber] = []

    async def do(self, open: int = 0, replay: int = 0, hear: int = 0, ended: int = 0) -> dict[str, Any]:
        """One line of work."""
        told = self._told
        for number in range(open):
            await self._connect(DEALS, {"filter": different(number)})
            await told.until(lambda: told.caught_up + _AT_ONCE > len(self._opened))
        await told.until(lambda: told.caught_up == len(self._opened))
        if replay:
            await self._connect(EVENTS, {"until": {"position": replay}})
            await told.until(lambda: told.completed > 0, 600)
        await told.until(lambda: told.messages >= hear and min(told.resumable, told.completed) >= ended)
        gc.freeze()
        delays, told.delays, told.messages = told.delays, [], 0
        return {"delays": [] if replay else delays}

    async def _connect(self, document: str, variables: dict[str, Any]) -> None:
        one = self._made(self._told, document, variables)
        await asyncio.get_running_loop().create_connection(lambda: one, "127.0.0.1", self._port)
        self._opened.append(one)


async def _serve(port: int, over: str) -> None:
    crowd = _Crowd(port, over)
    while line := await asyncio.to_thread(sys.stdin.readline):
        try:
            told = await crowd.do(**json.loads(line))
        except (OSError, TimeoutError) as error:
            told = {"fault": f"{type(error).__name__}: {error}"}
        print(json.dumps(told), flush=True)


def main(port: str, over: str) -> None:
    """Serve what is asked on the standard input."""
    pin(0, -1)
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    gc.disable()
    uvloop.run(_serve(int(port), over))


if __name__ == "__main__":
    main(*sys.argv[1:])
