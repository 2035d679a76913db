"""A real uvicorn server on a free port, in the test's own event loop, and a node with keys to serve from."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import uvicorn

from schema.context import Access
from schema.http import GraphQLApp, Manner
from service.keys import open_keys
from service.node import Node
from service.protocols import HttpProtocol, SocketProtocol
from service.settings import Settings
from tests.support.small_api import small_schema, small_services


class _Server(uvicorn.Server):
    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


@dataclass
class Served:
    """A server that answers, what it serves, and the key that may write."""

    app: Any
    port: int
    key: str
    server: uvicorn.Server

    @property
    def root(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"{self.root}/graphql"

    @property
    def socket(self) -> str:
        """The endpoint for WebSockets."""
        return f"ws://127.0.0.1:{self.port}/graphql"

    @property
    def writing(self) -> dict[str, str]:
        """The header that lets a request write."""
        return {"authorization": f"Bearer {self.key}"}


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[tuple[uvicorn.Server, int]]:
    """Serve an ASGI application while the block runs."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        log_level="error",
        http=HttpProtocol,
        ws=SocketProtocol,
        ws_max_size=262_144,
        ws_per_message_deflate=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0.005)
    try:
        yield server, server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


@contextmanager
def running(folder: Path, **settings: Any) -> Iterator[Node]:
    """A node without the first record, following its own log."""
    node = Node(replace(Settings(data_dir=folder, first_record=False, seal=False), **settings))
    node.start()
    try:
        yield node
    finally:
        node.stop()


@asynccontextmanager
async def served(folder: Path, manner: Manner | None = None, **settings: Any) -> AsyncIterator[Served]:
    """The small API of a node of its own."""
    with running(folder, **settings) as node:
        opened = open_keys(folder)

        def authenticate(token: str) -> Access | None:
            actor = opened.keys.actor(token)
            return Access(actor) if actor else None

        app = GraphQLApp(small_services(node, authenticate), small_schema().as_str(), manner=manner)
        try:
            async with serving(app) as (server, port):
                yield Served(app, port, opened.path.read_text().strip(), server)
        finally:
            app.close()
