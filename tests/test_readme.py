"""Every command and query of the README, run as a reader would paste it, against a service started as it says.

So are the operations that GraphiQL opens with.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from schema import graphiql
from tests.support.ports import free_port
from tests.support.postgres_server import find_programs, own_server
from tests.support.readme import ROOT, Block, readme_blocks

PLACE, POSTGRES = "127.0.0.1:8000", "127.0.0.1:5432"
SEPARATE = {
    "psql": "run below, on a server of its own",
    "pg_dump": "run below, on a server of its own",
    "docker compose": "test_containers.py starts what the file names, as it names it",
}
"""What blocks begin with that are not run as they stand, and who runs them."""


@dataclass(frozen=True)
class Served:
    """A running service: its address and the environment of its commands."""

    place: str
    environment: dict[str, str]

    @property
    def folder(self) -> Path:
        """Where its commands may leave files."""
        return Path(self.environment["TAMGA_DATA_DIR"]).parent

    def ask(self, query: str) -> dict[str, Any]:
        """The answer to a query or mutation, sent with the key; of a subscription, its first message."""
        key = (Path(self.environment["TAMGA_DATA_DIR"]) / "recorder.key").read_text().strip()
        stream = re.search("^subscription", query, re.MULTILINE) is not None
        headers = {
            "content-type": "application/json",
            "authorization": f"Bearer {key}",
            "accept": "text/event-stream" if stream else "application/json",
        }
        request = urllib.request.Request(f"http://{self.place}/graphql", json.dumps({"query": query}).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = next(line[5:] for line in answer if line.startswith(b"data:")) if stream else answer.read()
        found: dict[str, Any] = json.loads(text)
        return found


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`tamga serve` on a free port, its data in a folder of its own."""
    port, folder = free_port(), tmp_path_factory.mktemp("readme")
    environment = _clean({"TAMGA_DATA_DIR": str(folder / "var"), "TAMGA_PORT": str(port)})
    process = subprocess.Popen(["tamga", "serve"], env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}/readyz", process)
        yield Served(f"127.0.0.1:{port}", environment)
    finally:
        process.terminate()
        process.wait(60)


def _clean(settings: dict[str, str], *programs: Path) -> dict[str, str]:
    """The environment with these settings alone, and with `tamga` and the programs of these folders on the path."""
    path = ":".join(map(str, (Path(sys.executable).parent, *programs, os.environ["PATH"])))
    others = {name: value for name, value in os.environ.items() if not name.startswith("TAMGA_")}
    return others | settings | {"PATH": path}


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            assert process.poll() is None, "tamga serve ended"
            assert time.monotonic() < deadline, "tamga serve did not become ready"
            time.sleep(0.05)


def _named(block: Block) -> str:
    return f"line {block.line}"


@pytest.mark.parametrize("block", readme_blocks("graphql"), ids=_named)
def test_every_query_of_the_readme_is_answered_without_an_error(block: Block, served: Served) -> None:
    answer = served.ask(block.text)
    assert "errors" not in answer, answer
    assert all(value is not None for value in answer["data"].values()), answer


@pytest.mark.parametrize("operation", graphiql.welcome())
def test_every_operation_that_graphiql_opens_with_is_answered_without_an_error(operation: str, served: Served) -> None:
    answer = served.ask(operation)
    assert "errors" not in answer, answer
    assert all(value is not None for value in answer["data"].values()), answer


@pytest.mark.parametrize("block", readme_blocks("bash"), ids=_named)
def test_every_command_of_the_readme_runs(block: Block, served: Served) -> None:
    commands = block.text.replace(PLACE, served.place).replace("/tmp/tamga", f"{served.folder}/tamga")
    for beginning, instead in SEPARATE.items():
        if commands.startswith(beginning):
            pytest.skip(instead)
    if commands.startswith("make "):
        commands = re.sub(r"^make ", "make --dry-run ", commands, flags=re.MULTILINE)
    done = _pasted(commands, served.environment)
    assert done.returncode == 0, done.stderr
    assert '"errors"' not in done.stdout, done.stdout


def _pasted(commands: str, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    shell = ["bash", "-euo", "pipefail", "-c", commands]
    return subprocess.run(shell, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_log_on_postgresql_is_made_served_dumped_and_restored_as_the_readme_says(tmp_path: Path) -> None:
    programs, port = find_programs(), free_port()
    if programs is None or not (programs / "psql").exists():
        pytest.skip("no psql, pg_dump and pg_restore on this machine")
    with own_server() as server:
        place = server.url.partition("@")[2].partition("/")[0]
        begin, back_up = (_on_postgres(program, place, tmp_path) for program in ("psql", "pg_dump"))
        environment = _clean({"TAMGA_DATA_DIR": str(tmp_path / "var"), "TAMGA_PORT": str(port)}, programs)
        shell = ["bash", "-euo", "pipefail", "-c", begin]
        with subprocess.Popen(
            shell, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True
        ) as run:
            try:
                _wait_for(f"http://127.0.0.1:{port}/readyz", run)
                log = {"TAMGA_DATABASE_URL": f"postgresql://tamga_node@{place}/tamga"}
                exported = _pasted(f"tamga audit export {tmp_path}/tamga-export", environment | log)
                restored = _pasted(back_up, environment)
            finally:
                os.killpg(run.pid, signal.SIGTERM)
    assert (exported.returncode, restored.returncode) == (0, 0), exported.stderr + restored.stderr
    assert "as they were signed" in restored.stdout


def _on_postgres(program: str, place: str, folder: Path) -> str:
    """The block that begins with this program, for a server at this place and files in this folder."""
    (block,) = [block.text for block in readme_blocks("bash") if block.text.startswith(program)]
    return block.replace(POSTGRES, place).replace("/tmp/tamga", f"{folder}/tamga")


@pytest.mark.parametrize("block", readme_blocks("python"), ids=_named)
def test_every_program_of_the_readme_runs(block: Block, served: Served) -> None:
    program = block.text.replace(PLACE, served.place)
    done = subprocess.run([sys.executable, "-c", program], env=served.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "NOT" not in done.stdout, done.stdout
