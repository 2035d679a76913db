"""A response that stays open: its head, its pieces, a sign of life when it is quiet, its end when the client goes."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress

from starlette.types import Receive, Send


class Outflow:
    """One open response."""

    def __init__(self, send: Send, media: str) -> None:
        """Take where to send, and the media type."""
        self._send = send
        self._media = media
        self._writes = 0

    async def begin(self, first: bytes = b"") -> None:
        """Send the head, and at once a first piece, so that the client knows that it is through."""
        headers = [
            (b"content-type", self._media.encode() if ";" in self._media else f"{self._media}; charset=utf-8".encode()),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
        ]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        if first:
            await self.write(first)

    async def write(self, piece: bytes) -> None:
        """Send a piece; waits where the client reads slowly."""
        self._writes += 1
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def end(self) -> None:
        """End the response."""
        await self._send({"type": "http.response.body", "body": b""})

    async def while_connected(
        self, work: Coroutine[object, object, None], receive: Receive, quiet: float, sign: bytes
    ) -> None:
        """Do the work, then end; give the work up when the client goes. After `quiet` seconds send a sign of life."""
        task = asyncio.ensure_future(work)
        watch = asyncio.ensure_future(self._watch(task, receive, quiet, sign))
        try:
            await asyncio.wait({task})
        finally:
            for one in (watch, task):
                one.cancel()
                with suppress(asyncio.CancelledError):
                    await one
        if not task.cancelled():
            await self.end()

    async def _watch(self, work: "asyncio.Task[None]", receive: Receive, quiet: float, sign: bytes) -> None:
        while True:
            written = self._writes
            try:
                async with asyncio.timeout(quiet):
                    message = await receive()
            except TimeoutError:
                if self._writes == written:
                    await self.write(sign)
                continue
            if message["type"] == "http.disconnect":
                work.cancel()
                return
