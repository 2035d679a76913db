"""Servers that are measured, each a process of its own on one core: Tamga, and the peer on the same kind of server."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_TAMGA = "from service.cli import main; main(['serve'])"
_SECONDS = 120.0


class Server:
    """A running server and how to reach it."""

    def __init__(self, name: str, arguments: Sequence[str], environment: Mapping[str, str], port: int) -> None:
        """Start it and wait until it answers. Raises RuntimeError with what it said if it does not."""
        self.name = name
        self.port = port
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        pin(self._process.pid, 0)
        self._await()

    def _await(self) -> None:
        deadline = time.monotonic() + _SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                said = self._process.communicate()[1].decode(errors="replace")
                raise RuntimeError(f"{self.name} did not start: {said[-2000:]}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def memory(self) -> float:
        """Megabytes that it holds beside the pages of its files."""
        return memory_of(self._process.pid)

    def cpu(self) -> float:
        """Seconds of processor time that it has taken, by POSIX's clock of another process."""
        return time.clock_gettime(~self._process.pid << 3 | 2)

    def close(self) -> None:
        """End it; twice is harmless."""
        self._process.terminate()
        try:
            self._process.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


def tamga(folder: Path) -> Server:
    """Tamga over a record, with one worker; it seals nothing meanwhile."""
    port = free_port()
    settings = {
        "TAMGA_DATA_DIR": str(folder),
        "TAMGA_DATABASE_URL": "",
        "TAMGA_PORT": str(port),
        "TAMGA_HOST": "127.0.0.1",
        "TAMGA_WORKERS": "1",
        "TAMGA_FIRST_RECORD": "0",
        "TAMGA_SEAL": "0",
        "TAMGA_LOG_LEVEL": "error",
    }
    return Server("Tamga", ("-c", _TAMGA), settings, port)


def plain(deals: int) -> Server:
    """Plain Strawberry over as many deals in memory, on uvicorn."""
    port = free_port()
    line = ("-m", "uvicorn", "service.bench.peer:app", "--port", str(port), "--log-level", "error", "--no-access-log")
    return Server("plain Strawberry", line, {"TAMGA_BENCH_DEALS": str(deals)}, port)


def pin(pid: int, core: int) -> None:
    """Keep a process on one of two cores or more, so that servers and load do not take turns."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) > 1:
            os.sched_setaffinity(pid, {cores[core]})


def memory_of(pid: int | str, field: str = "RssAnon") -> float:
    """Megabytes by /proc; 0 where there is none."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0.0
    found = [line.split()[1] for line in status.read_text().splitlines() if line.startswith(f"{field}:")]
    return int(found[0]) / 1024 if found else 0.0


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
