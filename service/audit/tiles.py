"""Tiles and entry bundles (C2SP tlog-tiles): their paths, their bytes, and the hashes of the tree kept in flat files.

Nothing here knows the log or a key.
"""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.audit.files import sync_directory
from service.audit.tree import HASH_SIZE, fold

WIDTH = 256
"""Hashes in a full tile, entries in a full bundle."""

HEIGHT = 8
"""Levels of the tree that one tile spans."""

MAX_ENTRY = 0xFFFF
"""Bytes of the longest entry that a bundle can hold (its length prefix is a uint16)."""

_PATH = re.compile(r"tile/(entries|0|[1-9]|[1-5][0-9]|6[0-3])/((?:x\d{3}/)*\d{3})(?:\.p/([1-9]\d{0,2}))?", re.ASCII)


class EntryTooLong(ValueError):
    """An entry has more than 65,535 bytes, so no bundle can hold it."""


@dataclass(frozen=True)
class TileName:
    """One tile or bundle: its level (None: a bundle of entries), its index and its width of 1 to 256."""

    level: int | None
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """The path below the log's prefix, such as `tile/0/x001/234` or `tile/entries/000.p/17`."""
        digits = f"{self.index:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        name = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
        level = "entries" if self.level is None else self.level
        return f"tile/{level}/{name}" + (f".p/{self.width}" if self.width < WIDTH else "")

    @classmethod
    def parse(cls, path: str) -> "TileName | None":
        """The tile that a path names; None if it names none."""
        match = _PATH.fullmatch(path)
        if match is None:
            return None
        level, digits, width = match.groups()
        name = cls(
            None if level == "entries" else int(level),
            int(digits.replace("/", "").replace("x", "")),
            int(width or WIDTH),
        )
        return name if name.path == path else None


def tiles_of(size: int, level: int | None, first: int = 0) -> Iterable[TileName]:
    """The tiles of one level (None: the bundles) for a tree of this size, from index `first` on."""
    full, rest = divmod(size >> HEIGHT * (level or 0), WIDTH)
    yield from (TileName(level, index) for index in range(first, full))
    if rest and first <= full:
        yield TileName(level, full, rest)


def levels_of(size: int) -> range:
    """The levels that a tree of this size has tiles on."""
    return range(-(-size.bit_length() // HEIGHT) if size else 0)


def split_hashes(data: bytes) -> list[bytes]:
    """The hashes of a tile; ValueError if it is cut within a hash."""
    if len(data) % HASH_SIZE:
        raise ValueError("a tile is cut within a hash")
    return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]


def pack_entries(entries: Iterable[bytes]) -> bytes:
    """An entry bundle: each entry after its length in two bytes; raises EntryTooLong."""
    parts = []
    for entry in entries:
        if len(entry) > MAX_ENTRY:
            raise EntryTooLong(f"an entry of {len(entry):,} bytes does not fit a bundle")
        parts += [len(entry).to_bytes(2), entry]
    return b"".join(parts)


def unpack_entries(data: bytes) -> list[bytes]:
    """The entries of a bundle; ValueError if it is cut within an entry."""
    entries, at = [], 0
    while at < len(data):
        start = at + 2
        at = start + int.from_bytes(data[start - 2 : start])
        entries.append(data[start:at])
    if at != len(data):
        raise ValueError("a bundle is cut within an entry")
    return entries


class HashFiles:
    """The hashes that tiles hold, one flat file for each level: tile n is the bytes from `n * 8192` on.

    Files only grow, or are written again with the same bytes; one writer, any number of readers in other processes.
    """

    def __init__(self, directory: Path, *, writable: bool = False) -> None:
        """Open the files of a directory; `writable` makes those that are missing."""
        self.directory = directory
        self._flags = os.O_RDWR | os.O_CREAT if writable else os.O_RDONLY
        self._handles: dict[int, int] = {}

    def read(self, level: int, start: int, count: int) -> bytes:
        """The bytes of `count` hashes of a level from `start` on; IncompleteTiles if they are not there."""
        data = os.pread(self._open(level), count * HASH_SIZE, start * HASH_SIZE)
        if len(data) != count * HASH_SIZE:
            raise IncompleteTiles(f"level {level} has no hash {start + len(data) // HASH_SIZE}")
        return data

    def tile(self, name: TileName) -> bytes:
        """The bytes of a tile; raises IncompleteTiles."""
        return self.read(name.level or 0, name.index * WIDTH, name.width)

    def node(self, height: int, index: int) -> bytes:
        """The root of a full subtree, as `tree.Node` asks for it; raises IncompleteTiles."""
        level, rest = divmod(height, HEIGHT)
        return fold(split_hashes(self.read(level, index << rest, 1 << rest)))

    def write(self, start: int, leaves: Sequence[bytes]) -> None:
        """Put leaf hashes at `start`, and on the levels above the roots of the tiles that they complete."""
        level, hashes = 0, list(leaves)
        while hashes:
            os.pwrite(self._open(level), b"".join(hashes), start * HASH_SIZE)
            end, start = start + len(hashes), start // WIDTH
            hashes = [fold(split_hashes(self.tile(TileName(level, index)))) for index in range(start, end // WIDTH)]
            level += 1

    def sync(self) -> None:
        """Make all that was written durable."""
        for handle in self._handles.values():
            os.fsync(handle)
        sync_directory(self.directory)

    def close(self) -> None:
        """Close the files."""
        while self._handles:
            os.close(self._handles.popitem()[1])

    def _open(self, level: int) -> int:
        if level in self._handles:
            return self._handles[level]
        try:
            handle = os.open(self.directory / f"level-{level}", self._flags, 0o644)
        except FileNotFoundError:
            raise IncompleteTiles(f"there are no tiles of level {level} in {self.directory}") from None
        if self._handles.setdefault(level, handle) != handle:
            os.close(handle)
        return self._handles[level]


class IncompleteTiles(RuntimeError):
    """Hashes that were asked for are not in the files."""
