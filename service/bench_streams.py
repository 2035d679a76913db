"""Measures streams: commit to subscriber, memory of idle subscribers, replay, and filters that cannot match.

The server is a process of its own; the client speaks WebSocket by hand, so that it takes little of what is measured.
"""

import asyncio
import re
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import orjson

from domain.catalogue import read_fact
from service.log import open_log
from service.registry import Registry
from service.streaming.filter import Filter, Kind
from service.streaming.group import Group, Index
from service.streaming.happening import Happening, State, Touched
from service.streaming.match import notes_of

ACTOR = "key:bench"
DOCUMENT = """subscription($filter: StreamFilter, $after: String) {
  newDeals(filter: $filter, after: $after) {
    __typename
    ... on NewDealMessage { cursor position change event { recordedAt } deal { id title commitment } }
    ... on CaughtUp { cursor position }
  }
}"""
REPLAY = """subscription {
  events(after: "0") {
    __typename
    ... on EventRecorded { cursor position event { id type summary recordedAt } object { id } }
    ... on CaughtUp { position }
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
    delays: list[float] = field(default_factory=list)
    """Milliseconds from the log's own time of an event, which is taken before its commit, to its arrival."""
    moved: asyncio.Event = field(default_factory=asyncio.Event)

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
        {"recordedBy": [ACTOR, f"key:{number}"]},
        {"party": ["party:bench-0", f"party:{number}"]},
        {"sector": ["bench", f"sector-{number}"]},
        {"type": ["DealAnnounced"], "sector": ["bench", f"other-{number}"]},
    ]
    return asked[number % len(asked)]


async def subscribers(port: int, count: int, told: Told, document: str = DOCUMENT) -> list[Subscriber]:
    """So many sockets, each with a filter of its own, all caught up."""
    loop, made = asyncio.get_running_loop(), []
    for number in range(count):
        asked = Subscriber(told, document, {"filter": different(number)} if document is DOCUMENT else {})
        await loop.create_connection(lambda asked=asked: asked, "127.0.0.1", port)  # type: ignore[misc]
        made.append(asked)
        if number % 100 == 99:
            await told.until(lambda number=number: told.caught_up > number)  # type: ignore[misc]
    await told.until(lambda: told.caught_up >= count or document is REPLAY)
    return made


async def latency(
    port: int, registry: Registry, count: int, rounds: int, memory: Callable[[], float]
) -> dict[str, Any]:
    """Commit to subscriber with so many that all match, and what each takes while idle."""
    before, told = memory(), Told()
    made = await subscribers(port, count, told)
    await asyncio.sleep(0.5)
    idle = (memory() - before) * 1024 / count
    for _ in range(rounds):
        wanted = told.messages + count
        await asyncio.to_thread(_record, registry)
        await told.until(lambda wanted=wanted: told.messages >= wanted)  # type: ignore[misc]
        await asyncio.sleep(0.05)
    for each in made:
        each.close()
    delays = sorted(told.delays[count:])
    return {
        "subscribers": count,
        "p50_ms": round(delays[len(delays) // 2], 2),
        "p99_ms": round(delays[int(len(delays) * 0.99)], 2),
        "idle_kb_each": round(idle, 1),
        "messages": told.messages,
    }


_next = iter(range(1_000_000))


def _record(registry: Registry) -> None:
    number = next(_next)
    data = {
        "title": f"Deal {number}",
        "parties": [{"party": "party:bench-0", "role": "BUYER"}],
        "sectors": [{"scheme": "AS_STATED", "code": "bench"}],
    }
    fact = {
        "event": "DealAnnounced",
        "id": f"deal:bench-{number}",
        "data": data,
        "sources": [{"source": "source:bench"}],
    }
    registry.record([read_fact(fact)], actor=ACTOR)


async def replay(port: int) -> dict[str, Any]:
    """How fast the whole history comes over one socket."""
    told, began = Told(), time.perf_counter()
    made = await subscribers(port, 1, told, REPLAY)
    await told.until(lambda: told.caught_up > 0, 120)
    seconds = time.perf_counter() - began
    made[0].close()
    return {"events": told.messages, "events_per_second": round(told.messages / seconds)}


def non_matching(filters: int = 1000, events: int = 2000) -> dict[str, Any]:
    """What an event costs for each filter that cannot match, by difference to having none."""
    happening = _happening()
    index = Index()
    alone = _per_event(index, happening, events)
    for number in range(filters):
        kind = Kind.DEALS if number % 2 else Kind.EVENTS
        index.add(Group(kind, _other(number), 0))
    whole = _per_event(index, happening, events)
    return {"filters": filters, "nanoseconds_per_filter_and_event": round((whole - alone) / filters * 1e9, 1)}


def _other(number: int) -> Filter:
    """A filter that the happening does not match; a fifth of them share its party, and are looked at."""
    name = frozenset([f"other-{number}"])
    choices = (
        Filter(parties=name),
        Filter(types=frozenset(["DealCancelled"]), recorded_by=name),
        Filter(countries=frozenset(["KAZ"]), sectors=frozenset(["bench"])),
        Filter(parties=frozenset(["party:bench-0"]), commitments=frozenset(["COMPLETED"]), kinds=name),
        Filter(nouns=frozenset(["agreement"])),
    )
    return choices[number % len(choices)]


def _happening() -> Happening:
    shows = (frozenset(["party:bench-0"]), frozenset(["UZB"]), frozenset(["bench"]))
    now = State(1, False, "PROCUREMENT", "ANNOUNCED", None, *shows)
    made = Happening(1, "deal:x@1", "deal:x", "deal", "DealAnnounced", ACTOR)
    made.objects.append(Touched("deal:x", "deal", now, None))
    return made


def _per_event(index: Index, happening: Happening, events: int) -> float:
    began = time.perf_counter()
    for _ in range(events):
        for group in index.candidates(happening):
            notes_of(group.kind, group.filter, happening, lambda id, position: [])
    return (time.perf_counter() - began) / events


def prepare(log_url: str, events: int) -> None:
    """Fill a log with deals to replay."""
    log = open_log(log_url)
    try:
        registry = Registry(log)
        source = {"event": "SourceRegistered", "id": "source:bench", "data": {"kind": "NEWS", "title": "A paper"}}
        party = {
            "event": "PartyRegistered",
            "id": "party:bench-0",
            "sources": [{"source": "source:bench"}],
            "data": {"kind": "COMPANY", "name": "A buyer"},
        }
        registry.record([read_fact(source), read_fact(party)], actor=ACTOR)
        for first in range(0, events, 500):
            registry.record([read_fact(_deal(number)) for number in range(first, first + 500)], actor="key:before")
    finally:
        log.close()


def _deal(number: int) -> dict[str, Any]:
    data = {"title": f"Before {number}"}
    return {
        "event": "DealAnnounced",
        "id": f"deal:before-{number}",
        "data": data,
        "sources": [{"source": "source:bench"}],
    }


async def measure(
    port: int, log_url: str, memory: Callable[[], float], counts: tuple[int, ...] = (1, 1000)
) -> list[Any]:
    """All figures against a server of this log that listens on the port; `memory` gives its megabytes."""
    log = open_log(log_url)
    try:
        found: list[Any] = [non_matching(), await replay(port)]
        for count in counts:
            rounds = 40 if count < 5000 else 5
            found += [await latency(port, Registry(log), count, rounds, memory)]
        return found
    finally:
        log.close()


def memory_of(pid: int) -> float:
    """Megabytes that a process holds beside the pages of files."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    return 0.0


__all__ = ["measure", "memory_of", "non_matching", "prepare"]
