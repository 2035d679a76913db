"""Whether a log is what was signed: every entry hashed anew, every tile and every checkpoint compared.

It trusts nothing but the keys and the older checkpoints that its caller holds.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from service.audit import tree
from service.audit.checkpoint import Checkpoint, open_checkpoint
from service.audit.note import NoteRefused, VerifierKey
from service.audit.sources import Damage, Source
from service.audit.tiles import HEIGHT, WIDTH, TileName, split_hashes

_NEWEST = "its last checkpoint"
Progress = Callable[[int, int], None]
"""`progress(done, total)`: events checked so far, and in all."""


@dataclass(frozen=True)
class Older:
    """What the verifier kept from before: a signed checkpoint and, if it was an export, its tiles."""

    name: str
    note: bytes
    source: Source | None = None


@dataclass(frozen=True)
class Verdict:
    """What was found: the tree that was checked and what it was compared with, or the first thing that differs.

    `position` is the first position that differs; None if nothing does, or if only a range can be told.
    """

    checkpoint: Checkpoint | None
    compared: tuple[str, ...] = ()
    problem: str | None = None
    position: int | None = None

    @property
    def ok(self) -> bool:
        """Whether all is as it was signed."""
        return self.problem is None


class NothingToVerify(ValueError):
    """Neither the source nor the caller has a checkpoint to compare with."""


def verify(
    source: Source,
    *,
    keys: Sequence[VerifierKey] = (),
    against: Iterable[Older] = (),
    progress: Progress | None = None,
) -> Verdict:
    """Check a log against its checkpoint and against older ones.

    `keys`: the public keys that the caller trusts; without them those that the source and older exports name, which
    proves less.
    Raises NothingToVerify, SourceUnreadable, or the database's errors.
    """
    head: Checkpoint | None = None
    try:
        against = list(against)
        exports = [older.source for older in against if older.source]
        known = list(keys) or [key for each in (source, *exports) for key in each.verifiers()]
        note = source.checkpoint()
        head = _open(note, known, _NEWEST) if note else None
        marks = _marks(head, [(older, _open(older.note, known, older.name)) for older in against])
        _Walk(source, marks, progress).run()
    except Damage as damage:
        return Verdict(head, (), damage.problem, damage.position)
    return Verdict(head or marks[-1].checkpoint, tuple(mark.name for mark in marks))


@dataclass(frozen=True)
class _Mark:
    """A signed tree that the walk must come through."""

    name: str
    checkpoint: Checkpoint
    tiles: Source | None = field(default=None, compare=False)


def _open(note: bytes, keys: Sequence[VerifierKey], name: str) -> Checkpoint:
    try:
        return open_checkpoint(note, keys)
    except NoteRefused as error:
        raise Damage(None, f"{name}: {error}") from None


def _marks(head: Checkpoint | None, older: Sequence[tuple[Older, Checkpoint]]) -> list[_Mark]:
    """All signed trees by size; they must be of one origin, and none may be greater than the newest."""
    marks = [_Mark(kept.name, checkpoint, kept.source) for kept, checkpoint in older]
    if head:
        for mark in marks:
            _check_compatible(head, mark)
        marks.append(_Mark(_NEWEST, head))
    if not marks:
        raise NothingToVerify("there is no checkpoint to compare with: give an older one")
    return sorted(marks, key=lambda mark: mark.checkpoint.size)


def _check_compatible(head: Checkpoint, mark: _Mark) -> None:
    kept = mark.checkpoint
    if kept.origin != head.origin:
        raise Damage(None, f"{mark.name} is of {kept.origin}, this log is {head.origin}")
    if kept.size > head.size:
        raise Damage(
            head.size + 1, f"{mark.name} has {kept.size} events, this log only {head.size}: the rest was cut off"
        )
    if kept.size == head.size and kept.root != head.root:
        raise Damage(None, f"two signed trees of {head.size} events contradict each other: {mark.name} shows a fork")


class _Walk:
    """One pass over all entries, in pages of a tile."""

    def __init__(self, source: Source, marks: list[_Mark], progress: Progress | None) -> None:
        self._source, self._marks, self._progress = source, marks, progress
        self._size = marks[-1].checkpoint.size
        self._edge = tree.Frontier()
        self._proven = 0
        self._first: Damage | None = None
        self._upper: list[list[bytes]] = []

    def run(self) -> None:
        """Raise Damage at the first thing that differs."""
        for start in range(0, self._size, WIDTH):
            self._page(start, min(WIDTH, self._size - start))
            if self._progress:
                self._progress(min(start + WIDTH, self._size), self._size)
        for level, rest in enumerate(self._upper, 1):
            if rest:
                self._compare_upper(level, (self._size >> HEIGHT * level) // WIDTH, rest)
        if self._first:
            raise self._first

    def _page(self, start: int, count: int) -> None:
        leaves = [tree.leaf_hash(entry) for entry in self._entries(start, count)]
        self._compare_leaves(start, leaves, count)
        self._come_to_marks(start, leaves)
        if count == WIDTH:
            self._climb(1, start // WIDTH, tree.fold(leaves))
        else:
            for leaf in leaves:
                self._edge.push(leaf)

    def _entries(self, start: int, count: int) -> list[bytes]:
        """A page of entries, each at its position; what differed before it comes first."""
        try:
            entries = self._source.entries(start, count)
            for position, entry in enumerate(entries, start + 1):
                if b'"position":%d,' % position not in entry:
                    raise Damage(position, f"the entry at position {position} does not name that position")
        except Damage as damage:
            self._look_before(start, count, (damage.position or 0) - start - 1)
            raise self._first or damage from None
        return entries

    def _look_before(self, start: int, count: int, whole: int) -> None:
        """Compare the first entries of a page whose rest cannot be read."""
        if self._first is None and whole > 0:
            leaves = [tree.leaf_hash(entry) for entry in self._source.entries(start, whole)]
            self._compare_leaves(start, leaves, count)

    def _compare_leaves(self, start: int, leaves: list[bytes], width: int) -> None:
        """With the tiles of the source and of older exports; a signed root then says whose fault a difference is."""
        if self._first is None and self._source.has_tiles:
            self._first = _difference(self._source, start, leaves, width, "the sealed tree")
        for mark in self._marks:
            count = min(width, mark.checkpoint.size - start)
            if mark.tiles and self._first is None and count > 0:
                self._first = _difference(mark.tiles, start, leaves[:count], count, mark.name)

    def _come_to_marks(self, start: int, leaves: list[bytes]) -> None:
        for mark in self._marks:
            if start < mark.checkpoint.size <= start + len(leaves):
                edge = self._edge.copy()
                for leaf in leaves[: mark.checkpoint.size - start]:
                    edge.push(leaf)
                self._compare_root(mark, edge.root())

    def _compare_root(self, mark: _Mark, root: bytes) -> None:
        """A signed root has the last word: it clears the events before it, or convicts them."""
        size = mark.checkpoint.size
        first = self._first if self._first and (self._first.position or 0) <= size else None
        if root == mark.checkpoint.root:
            self._proven = size
            if first:
                raise Damage(first.position, f"{first.problem}, though all events are: the tiles were changed")
        elif first:
            raise first
        else:
            raise _unnamed(mark, self._proven + 1)

    def _climb(self, level: int, index: int, root: bytes) -> None:
        """Take the root of a full tile up into the levels above."""
        if level == 1:
            self._edge.push(root, HEIGHT)
        if len(self._upper) < level:
            self._upper.append([])
        hashes = self._upper[level - 1]
        hashes.append(root)
        if len(hashes) == WIDTH:
            self._compare_upper(level, index // WIDTH, hashes)
            self._upper[level - 1] = []
            self._climb(level + 1, index // WIDTH, tree.fold(hashes))

    def _compare_upper(self, level: int, index: int, hashes: list[bytes]) -> None:
        name = TileName(level, index, len(hashes))
        if self._first is None and self._source.has_tiles and self._source.tile(name) != b"".join(hashes):
            first = (index * WIDTH << HEIGHT * level) + 1
            self._first = Damage(first, f"{name.path} is missing or does not fit the events that it stands for")


def _unnamed(mark: _Mark, first: int) -> Damage:
    """A signed tree is not reached, and no tiles tell where it was left."""
    last = mark.checkpoint.size
    where = f"at position {last}" if first == last else f"somewhere from position {first} to {last}"
    problem = f"the {last} events are not those of {mark.name}: they differ {where}, and the tiles agree with them"
    return Damage(last if first == last else None, problem)


def _difference(tiles: Source, start: int, leaves: list[bytes], width: int, what: str) -> Damage | None:
    """Where the leaf hashes differ from the first ones of a tile of this width."""
    name = TileName(0, start // WIDTH, width)
    data = tiles.tile(name)
    if data is None and width < WIDTH:
        data = (tiles.tile(TileName(0, name.index)) or b"")[: width * tree.HASH_SIZE]
    if not data:
        return Damage(start + 1, f"{name.path} of {what} is missing")
    data = data[: len(leaves) * tree.HASH_SIZE] if len(leaves) < width else data
    if data == b"".join(leaves):
        return None
    kept = split_hashes(data[: len(data) // tree.HASH_SIZE * tree.HASH_SIZE])
    offset = next(
        (at for at, (ours, theirs) in enumerate(zip(leaves, kept, strict=False)) if ours != theirs), len(kept)
    )
    return Damage(start + offset + 1, f"the event at position {start + offset + 1} is not that of {what}")
