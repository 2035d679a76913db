"""What the rest of the service asks of the audit room: checkpoints, proofs, and files to serve under `/log/`.

Every method may block on disk or database: call them from a thread, not from the event loop.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from time import monotonic

from service.audit import tree
from service.audit.board import Alone, Board
from service.audit.checkpoint import Checkpoint, peek
from service.audit.files import read_if_there
from service.audit.keys import KeyRing
from service.audit.note import NoteRefused, VerifierKey, check_name
from service.audit.proof import ConsistencyProof, InclusionProof, ProofFile
from service.audit.sealer import CHECKPOINT, TILES, Sealer, SealerState
from service.audit.tiles import HEIGHT, WIDTH, HashFiles, TileName, pack_entries
from service.log import Log
from service.log.codec import entry_json

_POLL = 0.02

_NODES = 1 << 15
"""Nodes above the tiles of leaves that are kept in memory: those of eight million events, in about 4 MB."""


@dataclass(frozen=True)
class Resource:
    """A file of the log to be served: its bytes, media type, and whether it can never change."""

    body: bytes
    media_type: str
    immutable: bool


class Audit:
    """The audit side of one log on one node.

    `origin` names the log in checkpoints and keys, by default `tamga/<record id>`; ValueError if no key can bear it.
    `board` says who may sign when several nodes share the log. Nothing is sealed before `start`, or without it.
    """

    def __init__(
        self,
        log: Log,
        data_dir: Path,
        origin: str | None = None,
        *,
        key_file: Path | None = None,
        board: Board | None = None,
    ) -> None:
        self.log = log
        self.origin = check_name(origin or f"tamga/{log.record_id}")
        self.keys = KeyRing(data_dir, self.origin, key_file)
        self.sealer = Sealer(log, data_dir, self.keys, board or Alone())
        self.hashes = HashFiles(data_dir / TILES)
        self._upper = lru_cache(maxsize=_NODES)(self.hashes.node)
        self._checkpoint = data_dir / TILES / CHECKPOINT

    def start(self) -> None:
        """Seal from now on, in a thread, while this process holds the lease."""
        self.sealer.start()

    def stop(self) -> None:
        """Seal what is left and give the lease up."""
        self.sealer.stop()
        self.hashes.close()

    @property
    def state(self) -> SealerState:
        """What the sealer of this process is doing, and what keeps it from sealing if anything does."""
        return self.sealer.state

    def checkpoint(self) -> bytes | None:
        """The newest signed checkpoint, as a note; None before the first event was sealed."""
        return read_if_there(self._checkpoint)

    def head(self) -> Checkpoint | None:
        """The newest checkpoint as values; None too while its file is damaged, until another is signed."""
        note = self.checkpoint()
        try:
            return _peek(note) if note else None
        except NoteRefused:
            return None

    def size(self) -> int:
        """How many events are sealed: the positions from 1 to this are."""
        head = self.head()
        return head.size if head else 0

    def vkeys(self) -> list[str]:
        """The public keys of this log in `vkey` form, oldest first."""
        return [str(key) for key in self.verifiers()]

    def verifiers(self) -> list[VerifierKey]:
        """The public keys of this log, oldest first."""
        return self.keys.verifiers()

    def wait_sealed(self, position: int, timeout: float) -> bool:
        """Block until the position is sealed, at most `timeout` seconds; say whether it is."""
        deadline = monotonic() + timeout
        while self.size() < position:
            left = deadline - monotonic()
            if left <= 0:
                return False
            with self.sealer.sealed:
                self.sealer.sealed.wait(min(left, _POLL))
        return True

    def inclusion_proof(self, position: int, tree_size: int | None = None) -> InclusionProof:
        """The proof that the event at `position` is in the tree of `tree_size` events, by default the sealed one.

        Raises NotSealed if that tree is not sealed yet or has no such position.
        """
        size = self._sealed(tree_size)
        if not 1 <= position <= size:
            raise NotSealed(f"position {position} is not among the {size} events of that tree")
        path = tree.inclusion_path(position - 1, size, self._node)
        return InclusionProof(position, size, self._node(0, position - 1), tuple(path), self._root(size))

    def consistency_proof(self, from_size: int, to_size: int | None = None) -> ConsistencyProof:
        """The proof that the tree of `to_size` events, by default the sealed one, extends that of `from_size`.

        Raises NotSealed if the greater is not sealed yet, ValueError if `from_size` is below 1 or above the other.
        """
        size = self._sealed(to_size)
        if not 1 <= from_size <= size:
            raise ValueError(f"a tree of {size} events does not extend one of {from_size}")
        path = tree.consistency_path(from_size, size, self._node)
        return ConsistencyProof(from_size, size, tuple(path), self._root(from_size), self._root(size))

    def proof_file(self, position: int) -> bytes:
        """A C2SP tlog-proof of one event in the newest checkpoint, with the event's entry as its extra data."""
        note = self.checkpoint()
        head = self.head()
        proof = self.inclusion_proof(position, head.size if head else None)
        return bytes(ProofFile(proof.index, proof.path, note or b"", self.entry(position)))

    def entry(self, position: int) -> bytes:
        """The entry of an event: the bytes under its leaf hash. Raises NotSealed if the log has no such position."""
        found = self.log.select_notifications(position, 1, position)
        if not found:
            raise NotSealed(f"the log has no position {position}")
        return entry_json(found[0])

    def resource(self, path: str) -> Resource | None:
        """What is served under `/log/`: `checkpoint`, `vkeys`, `tile/<L>/<N>[.p/<W>]`, `tile/entries/<N>[.p/<W>]`.

        None if there is no such thing, or not yet.
        """
        if path == "checkpoint":
            note = self.checkpoint()
            return Resource(note, "text/plain; charset=utf-8", False) if note else None
        if path == "vkeys":
            return Resource("".join(f"{key}\n" for key in self.vkeys()).encode(), "text/plain; charset=utf-8", False)
        name = TileName.parse(path)
        return self._tile(name) if name else None

    def _tile(self, name: TileName) -> Resource | None:
        start = name.index * WIDTH
        if start + name.width > self.size() >> HEIGHT * (name.level or 0):
            return None
        body = self.hashes.tile(name) if name.level is not None else self.bundle(start, name.width)
        return Resource(body, "application/octet-stream", True)

    def bundle(self, start: int, width: int) -> bytes:
        """An entry bundle made from the log: `width` entries from index `start` (from 0) on."""
        entries = self.log.select_notifications(start + 1, width, start + width)
        return pack_entries(map(entry_json, entries))

    def _root(self, size: int) -> bytes:
        return tree.root_of(size, self._node)

    def _node(self, height: int, index: int) -> bytes:
        """A node of the tree; those above the tiles of leaves never change, so they are kept."""
        return self._upper(height, index) if height >= HEIGHT else self.hashes.node(height, index)

    def _sealed(self, size: int | None) -> int:
        sealed = self.size()
        if size is not None and not 1 <= size <= sealed:
            raise NotSealed(f"there is no sealed tree of {size} events; the newest has {sealed}")
        return sealed if size is None else size


@lru_cache(maxsize=4)
def _peek(note: bytes) -> Checkpoint:
    return peek(note)


class NotSealed(LookupError):
    """A position or tree that no checkpoint covers yet."""
