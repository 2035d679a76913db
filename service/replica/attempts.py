"""Which events a process died of: noted before each batch, so that one that kills can be found and set aside.

Of a batch in which a process died twice each event is noted, and taken by itself where events come in order; one on
which it died eight times is given up (fewer may be kills from outside that met the same event). A file beside the
replica holds the notes, since the database keeps nothing of a batch that did not end.
"""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

_CAREFUL = 2
_GIVEN_UP = 8


class Attempts:
    """The notes beside one replica."""

    def __init__(self, path: Path | None, batch: int | None) -> None:
        """Read the notes: a batch that was begun and not ended is one in which a process died.

        Without a path nothing is noted, as for a replica in memory. Without the size of batches events may come in any
        order.
        """
        self._path, self._batch = path.with_suffix(".attempts") if path else None, batch
        self._deaths: dict[int, int] = {}
        self._careful = False
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
        return 1 if self._deadly(first) else self._batch or 1

    def _deadly(self, first: int) -> bool:
        """Whether processes died in the batch, as far as one can tell."""
        near = [
            deaths for start, deaths in self._deaths.items() if self._batch is None or 0 <= first - start < self._batch
        ]
        return sum(near) >= _CAREFUL

    def given_up(self, position: int) -> bool:
        """Whether the event at the position, which is folded next, killed too often."""
        if self._careful:
            self._write(position)
        return self._deaths.get(position, 0) >= _GIVEN_UP

    @contextlib.contextmanager
    def begun(self, first: int) -> Iterator[None]:
        """Note that events from the position on are being folded, for as long as the block runs."""
        self._careful = self._deadly(first)
        self._write(first)
        try:
            yield
        finally:
            if self._batch is not None:
                self._deaths = {start: deaths for start, deaths in self._deaths.items() if start + self._batch > first}
            self._write(0)

    @contextlib.contextmanager
    def until_done(self) -> Iterator["Attempts"]:
        """Throw the notes away once the block has ended well."""
        yield self
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _write(self, begun: int) -> None:
        if self._path is not None:
            self._path.write_text(json.dumps({"begun": begun, "deaths": self._deaths}), "utf-8")
