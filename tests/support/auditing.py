"""A whole node behind its real server, as an auditor meets it: asked over HTTP, and recorded into."""

import asyncio
import hashlib
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from domain.catalogue import read_fact
from schema.audit import wait_sealed
from service.app import create_app
from service.node import Node
from service.registry import Receipt
from service.settings import Settings
from tests.support.server import serving


class Api:
    """A served node."""

    def __init__(self, node: Node, client: httpx.AsyncClient, root: str) -> None:
        """Take the node and where it is served."""
        self.node = node
        self._client = client
        self._root = root
        self._key = (node.settings.data_dir / "recorder.key").read_text().strip()

    async def text(self, query: str, **variables: Any) -> bytes:
        """The whole response as it came."""
        body = {"query": query, "variables": variables}
        headers = {"authorization": f"Bearer {self._key}"}
        return (await self._client.post(f"{self._root}/graphql", json=body, headers=headers)).content

    async def response(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole response."""
        body = {"query": query, "variables": variables}
        headers = {"authorization": f"Bearer {self._key}"}
        found: dict[str, Any] = (await self._client.post(f"{self._root}/graphql", json=body, headers=headers)).json()
        return found

    async def ask(self, query: str, **variables: Any) -> Any:
        """The data of a response without errors."""
        answer = await self.response(query, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def refused(self, query: str, **variables: Any) -> str:
        """The code of the one error of a response."""
        (error,) = (await self.response(query, **variables))["errors"]
        code: str = error["extensions"]["code"]
        return code

    async def file(self, path: str) -> httpx.Response:
        """One of the plain files beside GraphQL."""
        return await self._client.get(f"{self._root}{path}", headers={"authorization": f"Bearer {self._key}"})

    async def lines(self, subscription: str) -> AsyncIterator[str]:
        """The lines of a subscription as an event stream."""
        headers = {"accept": "text/event-stream"}
        body = {"query": subscription}
        async with self._client.stream("POST", f"{self._root}/graphql", json=body, headers=headers) as answer:
            async for line in answer.aiter_lines():
                yield line

    async def get(self, path: str) -> bytes:
        """A file of the log, as served."""
        answer = await self._client.get(f"{self._root}/log/{path}")
        assert answer.status_code == 200
        return answer.content

    async def record(self, *facts: dict[str, Any], actor: str = "key:test") -> Receipt:
        """Record facts and wait until they are read and sealed."""
        made = [read_fact(fact) for fact in facts]
        receipt = await asyncio.to_thread(self.node.registry.record, made, actor=actor)
        assert await self.node.replica.reached(receipt.position, 30)
        if self.node.settings.seal:
            await sealed(self.node)
        return receipt


async def sealed(node: Node) -> None:
    """Wait until a checkpoint covers the log."""
    async with asyncio.timeout(30):
        while not await wait_sealed(node.audit, node.log.head().position):
            pass


@asynccontextmanager
async def audited_api(folder: Path, **settings: Any) -> AsyncIterator[Api]:
    """A node with the first record, sealed unless it is told not to."""
    node = Node(Settings(data_dir=folder, **settings))
    await asyncio.to_thread(node.start)
    app = create_app(node)
    app.health.started = True
    try:
        async with serving(app) as (_, port), httpx.AsyncClient(timeout=30, verify=False) as client:
            if node.settings.seal:
                await sealed(node)
            yield Api(node, client, f"http://127.0.0.1:{port}")
    finally:
        app.close()
        await asyncio.to_thread(node.stop)


def root_by_hand(entry: str, index: int, size: int, path: list[str]) -> bytes:
    """The root that an inclusion path leads to: RFC 9162, 2.1.3.2, written here anew with nothing of ours."""
    number, last = index, size - 1
    found = hashlib.sha256(b"\0" + entry.encode()).digest()
    for step in map(b64decode, path):
        if number % 2 or number == last:
            found = hashlib.sha256(b"\1" + step + found).digest()
            while number % 2 == 0 and number:
                number, last = number // 2, last // 2
        else:
            found = hashlib.sha256(b"\1" + found + step).digest()
        number, last = number // 2, last // 2
    assert last == 0, "the path is too short"
    return found
