"""A bounded load: some connections that post GraphQL requests one after the other for a while.

Run as a process it reads what to load, a line of JSON each, and prints what came of it; `Loader` talks to it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any, cast

import uvloop

from service.bench.figures import percentile
from service.bench.server import Server, pin

_WARM = 0.3
_PATIENCE = 60.0
"""Seconds that the last answers may take beyond the time of the load."""


@dataclass(frozen=True)
class Load:
    """What came of a load: requests a second and each latency in milliseconds."""

    rate: float
    latencies: Sequence[float]

    @property
    def p50(self) -> float:
        """The median latency."""
        return percentile(self.latencies, 0.5)

    @property
    def p99(self) -> float:
        """The latency that one of a hundred requests exceeds."""
        return percentile(self.latencies, 0.99)


class Loader:
    """The process that sends the load, on a core of its own where there are two."""

    def __init__(self) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "service.bench.load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def run(self, server: Server, bodies: Sequence[dict[str, Any]], seconds: float, connections: int = 8) -> Load:
        """Load a server with these requests in turn. Raises RuntimeError if any answer is an error."""
        asked = {"port": server.port, "bodies": list(bodies), "seconds": seconds, "connections": connections}
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline() or b'{"fault": "the load ended"}')
        if "fault" in told:
            raise RuntimeError(f"{server.name}: {told['fault']}")
        return Load(told["rate"], [microseconds / 1000 for microseconds in told["latencies"]])

    def close(self) -> None:
        """End it."""
        self._process.communicate()


class _Client(asyncio.Protocol):
    """One connection: sends a request, takes the answer, sends the next, until the time is up and one was measured."""

    def __init__(self, requests: Any, begin: float, end: float) -> None:
        self._requests = requests
        self._begin, self._end = begin, end
        self._buffer = b""
        self._sent = 0.0
        self.latencies: list[int] = []
        self.fault: str | None = None
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, mark, body = self._buffer.partition(b"\r\n\r\n")
        if mark and len(body) >= _length(head):
            self._buffer = b""
            self._take(head, body)

    def _take(self, head: bytes, body: bytes) -> None:
        now = time.perf_counter()
        if b" 200 " not in head[:16] or b'"errors"' in body[:200] or body.startswith(b'{"data":null'):
            self.fault = body[:400].decode(errors="replace")
        if self._sent >= self._begin:
            self.latencies.append(int((now - self._sent) * 1e6))
        if (now < self._end or not self.latencies) and self.fault is None:
            self._send()
        else:
            self._transport.close()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(next(self._requests))

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self.fault = str(exc)
        self.done.set_result(None)


def _length(head: bytes) -> int:
    lower = head.lower()
    start = lower.index(b"content-length:") + 15
    return int(lower[start : lower.find(b"\r", start) if b"\r" in lower[start:] else None])


def _request(body: Any) -> bytes:
    text = json.dumps(body).encode()
    head = (
        "POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Accept: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
    )
    return head.encode() + text


async def _load(port: int, bodies: list[Any], seconds: float, connections: int) -> dict[str, Any]:
    requests, loop = cycle([_request(body) for body in bodies]), asyncio.get_running_loop()
    begin = time.perf_counter() + min(_WARM, seconds)
    end = begin + seconds
    clients = [_Client(requests, begin, end) for _ in range(connections)]
    await asyncio.gather(
        *(loop.create_connection(lambda one=one: one, "127.0.0.1", port) for one in clients)  # type: ignore[misc]
    )
    await asyncio.wait_for(asyncio.gather(*(one.done for one in clients)), seconds + _PATIENCE)
    faults = [one.fault for one in clients if one.fault]
    if faults:
        return {"fault": faults[0]}
    latencies = [latency for one in clients for latency in one.latencies]
    return {"rate": len(latencies) / (time.perf_counter() - begin), "latencies": latencies}


def _serve() -> None:
    pin(0, -1)
    for line in sys.stdin:
        try:
            told = uvloop.run(_load(**json.loads(line)))
        except (OSError, TimeoutError) as error:
            told = {"fault": f"{type(error).__name__}: {error}"}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    _serve()
