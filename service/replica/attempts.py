"""Which events a process died of: noted before each batch, so that one that kills can be found and set aside.

A batch in which a process died twice is taken event by event; an event on which it died eight times is given up (fewer
may be kills from outside that met the same event). A file beside the replica holds the notes, since the database keeps
nothing of a batch that did not end.
"""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

_CAREFUL = 2
_GIVEN_UP = 8


class Attempts:
    """The notes beside one replica."""

    def __init__(self, path: Path | None, batch: int) -> None:
        """Read the notes: a batch that was begun and not ended is one in which a process died.

        Without a path nothing is noted, as for a replica in memory.
        """
        self._path, self._batch = path.with_suffix(".attempts") if path else None, batch
        self._deaths: dict[int, int] = {}
        if self._path is not None:
            self._read(self._path)

    def _read(self, path: Path) -> None:
        with contextlib.suppress(FileNotFoundError, ValueError):
            notes = json.loads(path.read_text("utf-8"))
            self._deaths = {int(position): deaths for position, deaths in notes["deaths"].items()}
            if notes["begun"]:
                self._deaths[notes["begun"]] = self._deaths.get(notes["begun"], 0) + 1

    def size(self, first: int) -> int:
        """How many events to take from a position on."""
        careful = any(
            start <= first < start + self._batch for start, deaths in self._deaths.items() if deaths >= _CAREFUL
        )
        return 1 if careful else self._batch

    def given_up(self, position: int) -> bool:
        """Whether the event at the position killed too often."""
        return self._deaths.get(position, 0) >= _GIVEN_UP

    @contextlib.contextmanager
    def begun(self, first: int) -> Iterator[None]:
        """Note that events from the position on are being folded, for as long as the block runs."""
        self._write(first)
        try:
            yield
        finally:
            self._deaths = {start: deaths for start, deaths in self._deaths.items() if start + self._batch > first}
            self._write(0)

    def _write(self, begun: int) -> None:
        if self._path is not None:
            self._path.write_text(json.dumps({"begun": begun, "deaths": self._deaths}), "utf-8")
