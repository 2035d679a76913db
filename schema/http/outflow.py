"""A response that stays open: its head, its pieces, a sign of life when it is quiet, its end when the client goes."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import NamedTuple

from starlette.types import Receive, Scope, Send

from schema.errors import ErrorCode, rejected


def writer(scope: Scope) -> Callable[[bytes], bool]:
    """Writes at once, if the server knows how and the client reads fast enough; says whether it did."""
    found: Callable[[bytes], bool] = scope.get("extensions", {}).get("tamga.write", _never)
    return found


def takes_whole(scope: Scope) -> bool:
    """Whether the server takes a response's head and body in one message."""
    return "tamga.whole" in scope.get("extensions", ())


def _never(piece: bytes) -> bool:
    return False


class Wire(NamedTuple):
    """What a request came by and its response goes by."""

    receive: Receive
    send: Send
    write: Callable[[bytes], bool]
    """Of `writer`, for pieces of a response that has begun."""
    whole: bool = False
    """Of `takes_whole`."""


class Outflow:
    """One open response."""

    def __init__(self, wire: Wire, media: str, quiet: float = 0, expires: float | None = None) -> None:
        """Take where to send, and the media type; after `quiet` seconds a sign of life is sent.

        `expires` is when the client's credentials end, in seconds since 1970.
        """
        self._receive, self._send, self._write_at_once, _ = wire
        self._media = media
        self._quiet = quiet
        self._expires = expires
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
        if not self.write_at_once(piece):
            self._writes += 1
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    def write_at_once(self, piece: bytes) -> bool:
        """Send a piece if that takes no waiting; says whether it did."""
        written = self._write_at_once(piece)
        self._writes += written
        return written

    async def end(self) -> None:
        """End the response."""
        await self._send({"type": "http.response.body", "body": b""})

    async def until_expiry(self, work: Awaitable[None]) -> None:
        """Do the work. Raises Rejected when the client's credentials end before."""
        left = None if self._expires is None else self._expires - time.time()
        try:
            async with asyncio.timeout(left):
                await work
        except TimeoutError:
            raise rejected(ErrorCode.UNAUTHENTICATED, "The credentials have ended.", status=401) from None

    async def while_connected(self, work: Coroutine[object, object, None], sign: bytes) -> None:
        """Do the work, then end; give the work up when the client goes."""
        task = asyncio.ensure_future(work)
        watch = asyncio.ensure_future(self._watch(task, sign))
        try:
            await asyncio.wait({task})
        finally:
            for one in (watch, task):
                one.cancel()
                with suppress(asyncio.CancelledError):
                    await one
        if not task.cancelled():
            await self.end()

    async def _watch(self, work: "asyncio.Task[None]", sign: bytes) -> None:
        while True:
            written = self._writes
            try:
                async with asyncio.timeout(self._quiet):
                    message = await self._receive()
            except TimeoutError:
                if self._writes == written:
                    await self.write(sign)
                continue
            if message["type"] == "http.disconnect":
                work.cancel()
                return
