"""Subscriptions over a small record, without transports: what is told up to now, and what comes next."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson

from schema.context import NOBODY, Access, Context, Services
from schema.streaming import Subscriptions
from schema.streaming.subscriptions import Subscribed
from tests.support.examples import Json
from tests.support.reading import Reading, reading

EVENTS = """subscription($filter: StreamFilter, $after: String, $until: Until) {
  events(filter: $filter, after: $after, until: $until) {
    __typename
    ... on EventRecorded { cursor position event { id type } object { id } }
    ... on CaughtUp { cursor position }
  }
}"""
DEALS = """subscription($filter: StreamFilter, $after: String) {
  newDeals(filter: $filter, after: $after) {
    __typename
    ... on NewDealMessage {
      cursor position change event { id } object { id } deal { title commitment } agreement { id } investment { id }
    }
    ... on CaughtUp { cursor position }
  }
}"""


class Streaming:
    """A record and its streams."""

    def __init__(self, record: Reading) -> None:
        """Take what is streamed."""
        self.record = record
        self.streams = Subscriptions(record.schema, record.replica)
        self.services = Services(
            schema=record.schema,
            operations=record.operations,
            registry=record.registry,
            replica=record.replica,
            engine=record.engine,
            streams=self.streams,
        )

    async def subscribe(self, query: str, access: Access = NOBODY, last: str | None = None, **asked: Any) -> Subscribed:
        """Begin a subscription."""
        context = Context(services=self.services, access=access, resume_after=last)
        return await self.streams.subscribe(self.record.operations.prepare(query), asked, context)

    @asynccontextmanager
    async def open(self, query: str, **asked: Any) -> AsyncIterator[Subscribed]:
        """A subscription that is given up at the end."""
        stream = await self.subscribe(query, **asked)
        try:
            yield stream
        finally:
            await stream.aclose()

    async def told(self, query: str, **asked: Any) -> list[Json]:
        """All messages up to the one that says that the rest is live, or the end."""
        asked.setdefault("after", "0")
        async with self.open(query, **asked) as stream:
            return await until_live(stream)

    async def add(self, *facts: Json, actor: str = "key:test") -> int:
        """Record facts from a thread; the position of the last."""
        receipt = await asyncio.to_thread(lambda: self.record.record(*facts, actor=actor))
        return receipt.position


async def hear(stream: Subscribed, seconds: float = 30) -> Json:
    """The next message: the value of the one field."""
    async with asyncio.timeout(seconds):
        sent = await stream.__anext__()
    answer = orjson.loads(sent.payload)
    assert "errors" not in answer, answer
    value: Json = next(iter(answer["data"].values()))
    assert value.get("cursor", sent.cursor) == sent.cursor
    return value


async def until_live(stream: Subscribed) -> list[Json]:
    """The messages up to CaughtUp or the end, without that one."""
    found: list[Json] = []
    while True:
        try:
            value = await hear(stream)
        except StopAsyncIteration:
            return found
        if value["__typename"] == "CaughtUp":
            return found
        found.append(value)


@asynccontextmanager
async def streaming(folder: Path, url: str = "") -> AsyncIterator[Streaming]:
    """A record at this address, or in the folder, with its streams."""
    with reading(folder, url) as record:
        opened = Streaming(record)
        try:
            yield opened
        finally:
            opened.streams.close()
            await asyncio.sleep(0)
