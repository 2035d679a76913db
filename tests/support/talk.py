"""A WebSocket and short words for the messages of graphql-transport-ws, for tests of the protocol."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.server import Served


class Talk:
    """A socket and short words for its messages."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, value: Any) -> None:
        await self.socket.send(value if isinstance(value, (str, bytes)) else orjson.dumps(value).decode())

    async def hear(self) -> Any:
        async with asyncio.timeout(30):
            text = await self.socket.recv()
        assert isinstance(text, str), "frames are text"
        return orjson.loads(text)

    async def begin(self, **payload: Any) -> None:
        await self.say({"type": "connection_init", "payload": payload})
        assert await self.hear() == {"type": "connection_ack"}

    async def subscribe(self, id: str, query: str, **variables: Any) -> None:
        await self.say({"id": id, "type": "subscribe", "payload": {"query": query, "variables": variables}})

    async def until_complete(self, id: str) -> list[Any]:
        """The payloads of an operation, up to its end."""
        payloads = []
        while (message := await self.hear())["type"] != "complete":
            assert (message["id"], message["type"]) == (id, "next")
            payloads.append(message["payload"])
        return payloads

    async def closing(self) -> tuple[int, str]:
        """The code and reason with which the server closes, messages before it skipped."""
        async with asyncio.timeout(30):
            try:
                while True:
                    await self.socket.recv()
            except ConnectionClosed as closed:
                return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")


@asynccontextmanager
async def talking(api: Served, **options: Any) -> AsyncIterator[Talk]:
    options = {"subprotocols": ["graphql-transport-ws"], "proxy": None, **options}
    async with connect(api.socket, **options) as socket:
        yield Talk(socket)
