"""One run: the record, the servers that measurements share, and how long each may take."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path

from service.bench import server
from service.bench.load import Loader
from service.bench.server import Server


class Bench:
    """What measurements ask for."""

    def __init__(self, folder: Path, deals: int, events: int, *, seconds: float, postgres: str = "") -> None:
        """Take a folder with the record; `seconds` is how long one load lasts, `postgres` the address of a server."""
        self.folder = folder
        self.deals = deals
        self.events = events
        self.seconds = seconds
        self.postgres = postgres
        self._open = ExitStack()

    @cached_property
    def tamga(self) -> Server:
        """Tamga over the record."""
        return self._kept(server.tamga(self.folder))

    @cached_property
    def plain(self) -> Server:
        """Plain Strawberry over as many deals."""
        return self._kept(server.plain(self.deals))

    @cached_property
    def loader(self) -> Loader:
        """What sends the load."""
        loader = Loader()
        self._open.callback(loader.close)
        return loader

    @property
    def turns(self) -> range:
        """How often two servers take turns under a load of `seconds` altogether."""
        return range(2 if self.seconds >= 1 else 1)

    def _kept(self, one: Server) -> Server:
        self._open.callback(one.close)
        return one

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """An empty folder on the same disk as the record."""
        with tempfile.TemporaryDirectory(dir=self.folder) as path:
            yield Path(path)

    def close(self) -> None:
        """End what was started."""
        self._open.close()
