"""Clients of streams over the network: a WebSocket with many subscriptions, and an event stream with one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson
from websockets.asyncio.client import ClientConnection, connect

from tests.support.examples import Json


class Ended(Exception):
    """The stream ended: with `complete`, or an `error` that is told."""

    def __init__(self, errors: list[Json] | None = None) -> None:
        super().__init__(errors)
        self.errors = errors


@asynccontextmanager
async def socket(url: str, **options: Any) -> AsyncIterator[ClientConnection]:
    """A socket that has been acknowledged."""
    options.setdefault("close_timeout", 0.2)  # whoever stops reading hears no farewell
    async with connect(url, subprotocols=["graphql-transport-ws"], compression=None, **options) as opened:  # type: ignore[list-item]
        await opened.send('{"type":"connection_init"}')
        assert orjson.loads(await opened.recv()) == {"type": "connection_ack"}
        yield opened


async def ask(opened: ClientConnection, query: str, id: str = "1", **variables: Any) -> None:
    """Begin a subscription."""
    payload = {"query": query, "variables": variables}
    await opened.send(orjson.dumps({"id": id, "type": "subscribe", "payload": payload}).decode())


async def hear(opened: ClientConnection, seconds: float = 30) -> Json:
    """The next payload, whichever subscription it belongs to. Raises Ended."""
    while True:
        async with asyncio.timeout(seconds):
            message: Json = orjson.loads(await opened.recv())
        if message["type"] == "ping":
            await opened.send('{"type":"pong"}')
        elif message["type"] == "next":
            payload: Json = message["payload"]
            return payload
        else:
            raise Ended(message.get("payload"))


@asynccontextmanager
async def messages_over_socket(url: str, query: str, **variables: Any) -> AsyncIterator[AsyncIterator[Json]]:
    """The payloads of one subscription on a socket of its own."""
    async with socket(url) as opened:
        await ask(opened, query, **variables)
        yield _heard(opened)


async def _heard(opened: ClientConnection) -> AsyncIterator[Json]:
    while True:
        try:
            yield await hear(opened, 60)
        except Ended as ended:
            if ended.errors:
                raise
            return


@asynccontextmanager
async def messages_over_sse(
    client: httpx.AsyncClient, url: str, query: str, last: str | None = None, **variables: Any
) -> AsyncIterator[AsyncIterator[Json]]:
    """The payloads of one event stream; each must carry the cursor as its id."""
    headers = {"accept": "text/event-stream"} | ({"last-event-id": last} if last else {})
    body = {"query": query, "variables": variables}
    async with client.stream("POST", url, json=body, headers=headers, timeout=60) as answer:
        if answer.status_code != 200:
            raise Ended(orjson.loads(await answer.aread())["errors"])
        yield _events(answer)


async def _events(answer: httpx.Response) -> AsyncIterator[Json]:
    kind = id = ""
    async for line in answer.aiter_lines():
        name, _, value = line.partition(": ")
        if name == "event":
            kind, id = value, ""
        elif name == "id":
            id = value
        elif line.startswith("data") and kind == "complete":
            return
        elif name == "data":
            payload: Json = orjson.loads(value)
            if "errors" in payload:
                raise Ended(payload["errors"])
            yield {**payload, "id": id}
