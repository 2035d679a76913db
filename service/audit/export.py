"""The sealed log as plain files in the layout of C2SP tlog-tiles, so that any tool for such logs can check it.

An export goes on where the last one into the same folder ended, and refuses a log that does not extend it.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from service.audit import tree
from service.audit.checkpoint import Checkpoint, open_checkpoint
from service.audit.files import write_durably
from service.audit.keys import PUBLIC_FILE
from service.audit.note import NoteRefused
from service.audit.sealer import CHECKPOINT
from service.audit.sources import Damage, Source, folder_source
from service.audit.tiles import HEIGHT, WIDTH, EntryTooLong, TileName, levels_of, pack_entries, split_hashes, tiles_of

ABOUT = """This folder is a transparency log in the layout of C2SP tlog-tiles (https://c2sp.org/tlog-tiles).

checkpoint           size and root of the tree, signed (https://c2sp.org/tlog-checkpoint)
vkeys                the public keys of the log, oldest first, one a line (https://c2sp.org/signed-note)
tile/entries/<N>     256 entries each, every one after its length in two bytes; an entry is the JSON of one event
tile/<L>/<N>         256 hashes of SHA-256 each, as RFC 6962 defines them; a leaf is SHA-256(0x00 || entry)

Event 1 of the record is leaf 0. To check all of it: tamga audit verify FOLDER, or any other tool for such logs.
Believe the keys only if you have them from elsewhere too.
"""

Progress = Callable[[int, int], None]


class ExportRefused(RuntimeError):
    """The log cannot be exported: it is unsealed, damaged, or does not extend what the folder holds."""


@dataclass(frozen=True)
class Exported:
    """What an export did: the size of the tree that the folder now holds, and how many events were added."""

    size: int
    added: int


def export(source: Source, directory: Path, progress: Progress | None = None) -> Exported:
    """Write the sealed log into a folder, or what has been sealed since it was last written there.

    Nothing is replaced before it was compared, and the checkpoint comes last, so a broken-off export is simply run
    again. Raises ExportRefused, SourceUnreadable, or the database's errors.
    """
    try:
        note, head = _head(source)
        directory.mkdir(parents=True, exist_ok=True)
        old = _held(directory, source, head)
        _write(source, directory, old, head.size, progress)
    except (Damage, EntryTooLong) as error:
        raise ExportRefused(str(error)) from None
    (directory / "README.txt").write_text(ABOUT)
    (directory / PUBLIC_FILE).write_text("".join(f"{key}\n" for key in source.verifiers()))
    os.sync()
    write_durably(directory / CHECKPOINT, note)
    _remove_outgrown(directory, old, head.size)
    return Exported(head.size, head.size - old)


def _head(source: Source) -> tuple[bytes, Checkpoint]:
    note = source.checkpoint()
    if note is None:
        raise Damage(None, f"{source.name} is not sealed: it has no checkpoint")
    try:
        head = open_checkpoint(note, source.verifiers())
    except NoteRefused as error:
        raise Damage(None, f"the checkpoint of {source.name}: {error}") from None
    if tree.root_of(head.size, _Nodes(source, head.size)) != head.root:
        raise Damage(None, f"the tiles of {source.name} do not have the root that was signed")
    return note, head


def _held(directory: Path, source: Source, head: Checkpoint) -> int:
    """How many events the folder holds; raises Damage if the log does not extend them."""
    kept = folder_source(directory)
    note = kept.checkpoint()
    if note is None:
        return 0
    try:
        old = open_checkpoint(note, [*source.verifiers(), *kept.verifiers()], head.origin)
    except NoteRefused as error:
        raise Damage(None, f"{directory} holds another log: {error}") from None
    if old.size > head.size:
        raise Damage(head.size + 1, f"{directory} has {old.size} events, the log only {head.size}")
    if tree.root_of(old.size, _Nodes(source, head.size)) != old.root:
        raise _first_difference(kept, source, old, head)
    return old.size


def _first_difference(kept: Source, source: Source, old: Checkpoint, head: Checkpoint) -> Damage:
    before, now = _Nodes(kept, old.size), _Nodes(source, head.size)
    for index in range(old.size):
        if before(0, index) != now(0, index):
            return Damage(index + 1, f"the log differs from {kept.name} at position {index + 1}; nothing was written")
    return Damage(None, f"{kept.name} does not fit its own checkpoint")


class _Nodes:
    """The nodes of a tree from the tiles of a source, as `tree.Node` asks for them."""

    def __init__(self, source: Source, size: int) -> None:
        self._source, self._size = source, size
        self._last: tuple[TileName, list[bytes]] | None = None

    def __call__(self, height: int, index: int) -> bytes:
        level, rest = divmod(height, HEIGHT)
        start, count = index << rest, 1 << rest
        offset = start % WIDTH
        return tree.fold(self._tile(level, start // WIDTH)[offset : offset + count])

    def _tile(self, level: int, index: int) -> list[bytes]:
        name = TileName(level, index, min(WIDTH, (self._size >> HEIGHT * level) - index * WIDTH))
        if self._last is None or self._last[0] != name:
            data = self._source.tile(name)
            if data is None or len(data) != name.width * tree.HASH_SIZE:
                raise Damage(None, f"{name.path} of {self._source.name} is missing or cut")
            self._last = name, split_hashes(data)
        return self._last[1]


def _write(source: Source, directory: Path, old: int, size: int, progress: Progress | None) -> None:
    for name in tiles_of(size, 0, old // WIDTH):
        hashes = source.tile(name) or b""
        entries = source.entries(name.index * WIDTH, name.width)
        _check_leaves(name, entries, hashes)
        _put(directory, TileName(None, name.index, name.width), pack_entries(entries))
        _put(directory, name, hashes)
        if progress:
            progress(min((name.index + 1) * WIDTH, size), size)
    for level in levels_of(size)[1:]:
        for name in tiles_of(size, level, old >> HEIGHT * (level + 1)):
            _put(directory, name, source.tile(name) or b"")


def _check_leaves(name: TileName, entries: list[bytes], hashes: bytes) -> None:
    leaves = [tree.leaf_hash(entry) for entry in entries]
    if b"".join(leaves) != hashes:
        kept = split_hashes(hashes)
        wrong = next((at for at, pair in enumerate(zip(leaves, kept, strict=False)) if pair[0] != pair[1]), len(kept))
        position = name.index * WIDTH + wrong + 1
        raise Damage(position, f"the event at position {position} is not what was sealed: see `tamga audit verify`")


def _put(directory: Path, name: TileName, data: bytes) -> None:
    path = directory / name.path
    try:
        path.write_bytes(data)
    except FileNotFoundError:
        path.parent.mkdir(parents=True)
        path.write_bytes(data)


def _remove_outgrown(directory: Path, old: int, size: int) -> None:
    """Partial tiles whose full tile is there now."""
    for level in (None, *levels_of(old)):
        for name in tiles_of(old, level, old >> HEIGHT * ((level or 0) + 1)):
            if name.width < WIDTH and size >> HEIGHT * (level or 0) >= (name.index + 1) * WIDTH:
                rmtree((directory / name.path).parent, ignore_errors=True)
