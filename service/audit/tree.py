"""The Merkle tree of RFC 6962 section 2.1 (and RFC 9162 section 2.1): hashing, proofs, and how proofs are checked.

Arithmetic on hashes only: nothing here reads a file, knows an event or holds a key.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256

HASH_SIZE = 32
"""Bytes in a hash (SHA-256)."""

EMPTY_ROOT = sha256(b"").digest()
"""The root of a tree without leaves."""

Node = Callable[[int, int], bytes]
"""`node(height, index)`: the root of the full subtree over the leaves from `index * 2**height`, `2**height` of them."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf: SHA-256(0x00 || entry)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root over hashes of equal height, whose number is a power of two."""
    while len(hashes) > 1:
        pairs = iter(hashes)
        hashes = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
    return hashes[0]


def subtrees(start: int, end: int) -> Iterator[tuple[int, int]]:
    """The full subtrees, as (height, index) from left to right, that cover the leaves `start` to `end`.

    `start` is the first leaf of a subtree of RFC 6962: a multiple of a power of two not under `end - start`.
    """
    while start < end:
        height = (end - start).bit_length() - 1
        yield height, start >> height
        start += 1 << height


def span_root(start: int, end: int, node: Node) -> bytes:
    """MTH(D[start:end]) of RFC 6962, for a `start` as in `subtrees`."""
    return _join(node(height, index) for height, index in subtrees(start, end))


def root_of(size: int, node: Node) -> bytes:
    """The root of the tree of the first `size` leaves."""
    return span_root(0, size, node)


def _join(hashes: Iterable[bytes]) -> bytes:
    """The root over full subtrees of falling height, given from left to right."""
    parts = list(hashes)
    if not parts:
        return EMPTY_ROOT
    root = parts.pop()
    while parts:
        root = node_hash(parts.pop(), root)
    return root


def _split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_path(index: int, size: int, node: Node) -> list[bytes]:
    """The audit path of the leaf `index` (from 0) in the tree of `size` leaves, from its sibling up.

    RFC 6962 section 2.1.1. Raises ValueError if the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    path, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        sibling, (start, end) = ((middle, end), (start, middle)) if index < middle else ((start, middle), (middle, end))
        path.append(span_root(*sibling, node))
    return path[::-1]


def consistency_path(old: int, new: int, node: Node) -> list[bytes]:
    """The proof that the tree of `new` leaves extends that of `old`; RFC 6962 section 2.1.2.

    Empty when `old` is 0, for every tree extends the empty one, or equals `new`.
    Raises ValueError if `old` is greater than `new`.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} leaves does not extend one of {old}")
    if old in (0, new):
        return []
    path, start, end = [], 0, new
    while end != old:
        middle = start + _split(end - start)
        sibling, (start, end) = ((middle, end), (start, middle)) if old <= middle else ((start, middle), (middle, end))
        path.append(span_root(*sibling, node))
    if start:
        path.append(span_root(start, end, node))
    return path[::-1]


def verify_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> bool:
    """Whether `path` proves that the leaf hash `leaf` stands at `index` in the tree; RFC 9162 section 2.1.3.2."""
    if not 0 <= index < size or len(leaf) != HASH_SIZE:
        return False
    here, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if here & 1 or here == last:
            found = node_hash(sibling, found)
            here, last = _ascend(here, last)
        else:
            found = node_hash(found, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and found == root


def _ascend(here: int, last: int) -> tuple[int, int]:
    """Skip the levels at which the node at the right edge has no sibling."""
    while here and not here & 1:
        here, last = here >> 1, last >> 1
    return here, last


def verify_consistency(old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether `path` proves that the tree of `new` leaves extends that of `old`; RFC 9162 section 2.1.4.2.

    A tree extends itself with an empty proof. Nothing is proven of the empty tree, so `old` = 0 is refused.
    """
    if not 0 < old < new:
        return old == new > 0 and not path and old_root == new_root
    steps = [old_root, *path] if old & (old - 1) == 0 else list(path)
    return bool(steps) and _climb(old - 1, new - 1, steps) == (old_root, new_root)


def _climb(here: int, last: int, steps: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """The two roots that a consistency proof leads to; None if its length is wrong."""
    while here & 1:
        here, last = here >> 1, last >> 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return None
        if here & 1 or here == last:
            old, new = node_hash(step, old), node_hash(step, new)
            here, last = _ascend(here, last)
        else:
            new = node_hash(new, step)
        here, last = here >> 1, last >> 1
    return (old, new) if last == 0 else None


class Frontier:
    """The right edge of a growing tree: all that is needed to go on hashing, in a few dozen hashes."""

    def __init__(self, parts: Iterable[tuple[int, bytes]] = ()) -> None:
        """`parts`: (height, root) of the full subtrees from left to right, as `subtrees(0, size)` names them."""
        self._parts = list(parts)

    @classmethod
    def of(cls, size: int, node: Node) -> "Frontier":
        """The edge of the tree of the first `size` leaves."""
        return cls((height, node(height, index)) for height, index in subtrees(0, size))

    def copy(self) -> "Frontier":
        """The same edge, to be extended apart."""
        return Frontier(self._parts)

    @property
    def size(self) -> int:
        """The number of leaves."""
        return sum(1 << height for height, _ in self._parts)

    def push(self, root: bytes, height: int = 0) -> None:
        """Append a full subtree of `2**height` leaves; the size must be a multiple of that number."""
        while self._parts and self._parts[-1][0] == height:
            root = node_hash(self._parts.pop()[1], root)
            height += 1
        self._parts.append((height, root))

    def root(self) -> bytes:
        """The root of the tree so far."""
        return _join(root for _, root in self._parts)
