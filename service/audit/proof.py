"""Proofs as values, and the C2SP tlog-proof file that carries one event's proof to wherever it is checked."""

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from service.audit import tree
from service.audit.checkpoint import Checkpoint, open_checkpoint
from service.audit.note import NoteRefused, VerifierKey, strict_base64

MAGIC = "c2sp.org/tlog-proof@v1"
"""The first line of a tlog-proof file."""

_INDEX = re.compile("index (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True)
class InclusionProof:
    """That the event at `position` is in the tree of `tree_size` events: the path from its leaf hash to the root."""

    position: int
    tree_size: int
    leaf: bytes
    path: tuple[bytes, ...]
    root: bytes

    @property
    def index(self) -> int:
        """The leaf's number in the tree, which counts from 0."""
        return self.position - 1

    def holds(self) -> bool:
        """Whether the path leads from the leaf to the root."""
        return tree.verify_inclusion(self.index, self.tree_size, self.leaf, self.path, self.root)


@dataclass(frozen=True)
class ConsistencyProof:
    """That the tree of `to_size` events extends that of `from_size`, changing nothing in it."""

    from_size: int
    to_size: int
    path: tuple[bytes, ...]
    from_root: bytes
    to_root: bytes

    def holds(self) -> bool:
        """Whether the path leads to both roots."""
        return tree.verify_consistency(self.from_size, self.to_size, self.path, self.from_root, self.to_root)


@dataclass(frozen=True)
class ProofFile:
    """A tlog-proof: the index of an entry, its path, a signed checkpoint, and extra data that nothing vouches for.

    Our own files carry the entry itself as the extra data; it is to be believed only after `verify`.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def __bytes__(self) -> bytes:
        extra = [] if self.extra is None else [f"extra {b64encode(self.extra).decode()}"]
        hashes = [b64encode(node).decode() for node in self.path]
        lines = [MAGIC, *extra, f"index {self.index}", *hashes, "", ""]
        return "\n".join(lines).encode() + self.checkpoint

    @classmethod
    def parse(cls, data: bytes) -> "ProofFile":
        """Read a tlog-proof; raises ProofRefused if it is malformed."""
        head, _, checkpoint = data.partition(b"\n\n")
        try:
            magic, *lines = head.decode("ascii").split("\n")
            extra = strict_base64(lines.pop(0).removeprefix("extra ")) if lines[0].startswith("extra ") else None
            index = _INDEX.fullmatch(lines.pop(0))
            path = tuple(map(strict_base64, lines))
        except (ValueError, IndexError):
            raise ProofRefused("malformed tlog-proof file") from None
        if magic != MAGIC or index is None or any(len(node) != tree.HASH_SIZE for node in path):
            raise ProofRefused("malformed tlog-proof file")
        return cls(int(index[1]), path, checkpoint, extra)

    def verify(self, entry: bytes, keys: Iterable[VerifierKey], origin: str | None = None) -> Checkpoint:
        """The checkpoint in which `entry` stands at `index`, signed by a known key; raises ProofRefused."""
        try:
            checkpoint = open_checkpoint(self.checkpoint, keys, origin)
        except NoteRefused as error:
            raise ProofRefused(f"the checkpoint in the proof: {error}") from None
        if not _leads(self.index, entry, self.path, checkpoint):
            raise ProofRefused(f"the entry is not at index {self.index} of the checkpoint")
        return checkpoint


def _leads(index: int, entry: bytes, path: Sequence[bytes], checkpoint: Checkpoint) -> bool:
    return tree.verify_inclusion(index, checkpoint.size, tree.leaf_hash(entry), path, checkpoint.root)


class ProofRefused(ValueError):
    """A proof file is malformed, or does not prove what it should."""
