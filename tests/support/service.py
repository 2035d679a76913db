"""`tamga serve` as a process of its own, as an operator runs it: started, asked, signalled, and its log read."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from tests.support.ports import free_port
from tests.support.readme import ROOT

SOURCE: Final = "source:asb-media-2025-09"
TAMGA: Final = (sys.executable, "-c", "from service.cli import main; main()")


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """What a process runs with: nothing of ours but these settings, names without TAMGA_."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("TAMGA_", "PG"))}
    ours = {f"TAMGA_{name.upper()}": value for name, value in settings.items()}
    return outside | {"TAMGA_DATA_DIR": str(folder), "TAMGA_HOST": "127.0.0.1"} | ours


def run(*arguments: str, given: bytes = b"", env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """One command, to its end."""
    line = [*TAMGA, *arguments]
    done = subprocess.run(line, env=env, cwd=ROOT, input=given, capture_output=True, timeout=120, check=False)
    return subprocess.CompletedProcess(line, done.returncode, done.stdout.decode(), done.stderr.decode())


class Service:
    """A running `tamga serve` that logs JSON."""

    def __init__(self, env: dict[str, str]) -> None:
        """Start it; `ready` waits for it."""
        self.port = int(env.get("TAMGA_PORT") or 0) or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = Path(env["TAMGA_DATA_DIR"])
        self.database_url = env.get("TAMGA_DATABASE_URL", "")
        self.logged: list[dict[str, Any]] = []
        self.began = time.monotonic()
        env = {"TAMGA_LOG_FORMAT": "json"} | env | {"TAMGA_PORT": str(self.port)}
        self.process = subprocess.Popen(
            [*TAMGA, "serve"], env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.said = b""
        self._readers = [threading.Thread(target=one, daemon=True) for one in (self._read, self._listen)]
        for reader in self._readers:
            reader.start()
        self.http = httpx.Client(base_url=self.url, timeout=30, verify=False)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            try:
                self.logged.append(json.loads(line))
            except ValueError:
                self.logged.append({"message": line.decode()})

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line

    def ready(self, seconds: float = 60) -> "Service":
        """Wait until /readyz says so."""
        until = time.monotonic() + seconds
        while self.status("/readyz") != 200:
            assert self.process.poll() is None, (self.process.returncode, self.logged)
            assert time.monotonic() < until, (self.status("/readyz"), self.logged)
            time.sleep(0.02)
        return self

    def connect_anew(self) -> None:
        """Ask by new connections from now on, as after the end of the process that had the old ones."""
        self.http.close()
        self.http = httpx.Client(base_url=self.url, timeout=30, verify=False)

    def status(self, path: str) -> int:
        """The status of an answer; 0 if there is none."""
        try:
            return self.http.get(path).status_code
        except httpx.TransportError:
            return 0

    def ask(self, query: str, **headers: str) -> Any:
        """The data that a query gives."""
        answer = self.http.post("/graphql", json={"query": query}, headers=headers)
        assert "errors" not in answer.json(), answer.text
        return answer.json()["data"]

    @property
    def key(self) -> str:
        """The key that may record."""
        return (self.folder / "recorder.key").read_text().strip()

    def record_party(self, name: str, command_id: str | None = None, key: str | None = None) -> int:
        """Record a party; the position that it got."""
        command = f', commandId: "{command_id}"' if command_id else ""
        fact = f'id: "party:{name}", kind: COMPANY, name: "{name}", seat: "USA", sources: [{{source: "{SOURCE}"}}]'
        query = f"mutation {{ recordPartyRegistered(input: {{{fact}}}{command}) {{ ... on Recorded {{ position }} }} }}"
        found = self.ask(query, Authorization=f"Bearer {key or self.key}")
        assert found["recordPartyRegistered"], f"party:{name} was refused"
        position: int = found["recordPartyRegistered"]["position"]
        return position

    def metric(self, name: str) -> float:
        """The value of a metric, labels included in the name."""
        answer = self.http.get("/metrics")
        found = [line for line in answer.text.splitlines() if line.startswith(f"{name} ")]
        assert found, (answer.status_code, answer.text)
        return float(found[0].rpartition(" ")[2])

    def stop(self, sig: signal.Signals = signal.SIGTERM) -> int:
        """Signal it and wait for its end; the exit code."""
        self.process.send_signal(sig)
        return self.end()

    @contextmanager
    def lasting(self) -> Iterator["Service"]:
        """Itself, ended after the block whatever happens."""
        try:
            yield self
        finally:
            if self.process.poll() is None:
                self.process.terminate()
                try:
                    self.process.wait(30)
                except subprocess.TimeoutExpired:
                    self.process.kill()
            self.end()

    def end(self) -> int:
        """Wait for its end; the exit code."""
        self.http.close()
        code = self.process.wait(60)
        for reader in self._readers:
            reader.join(30)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()
        return code


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Service]:
    """A service that is ready, and ended afterwards."""
    with started(environment(folder, **settings)) as service:
        yield service.ready()


@contextmanager
def started(env: dict[str, str]) -> Iterator[Service]:
    """A service that was started just now, and is ended afterwards whatever happens."""
    with Service(env).lasting() as service:
        yield service


def eventually(holds: Callable[[], object], seconds: float = 30) -> None:
    """Wait until it holds, looking often; AssertionError if it does not come, even on a busy machine."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, f"it did not come in {seconds:g} seconds; last it was {found!r}"
        time.sleep(0.02)
