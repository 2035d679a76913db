"""The sealer: hashes what the log holds into tiles and signs the tree, outside the append path.

A pure function of the log: what it writes can be thrown away and made again. It never signs what does not extend the
tree that it signed last.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from threading import Condition, Event, Thread
from time import monotonic

import psycopg
from eventsourcing.persistence import PersistenceError

from service.audit import tree
from service.audit.board import Board, FolderLock
from service.audit.checkpoint import Checkpoint, open_checkpoint
from service.audit.files import read_if_there, write_durably
from service.audit.keys import KeyRing, KeyUnusable
from service.audit.note import NoteRefused
from service.audit.tiles import HashFiles, IncompleteTiles
from service.log import Entry, Log
from service.log.codec import entry_json

TILES = "tiles"
"""The folder of the hashes, in the data folder."""

CHECKPOINT = "checkpoint"
"""The file, in the folder of the tiles, with the checkpoint that this folder serves."""

LAST = "last-checkpoint"
"""The file, apart from the tiles, with the last checkpoint that was signed or accepted here."""

PAGE = 1000
INTERVAL = 0.9
"""Seconds between two signatures: with what signing takes, a checkpoint is at most a second old."""

_BUDGET = 0.5
_IDLE = 0.25
_RETRY = 2.0

_log = logging.getLogger("tamga.sealer")


class SealRefused(RuntimeError):
    """The log, the tiles or another node's checkpoint contradict what was signed before; nothing was signed."""


_KNOWN = (SealRefused, KeyUnusable, IncompleteTiles, PersistenceError, psycopg.Error, OSError)


@dataclass(frozen=True)
class SealerState:
    """What the sealer is doing: the size it sealed, whether this process signs, and what keeps it from it."""

    size: int
    leads: bool
    fault: str | None


class Sealer:
    """Keeps the tiles of one data folder and signs checkpoints; `step` does a piece, `start` runs it in a thread."""

    def __init__(self, log: Log, data_dir: Path, keys: KeyRing, board: Board) -> None:
        self._log, self._keys, self._board = log, keys, board
        self._folder = data_dir / TILES
        self._memory, self._shown = data_dir / LAST, self._folder / CHECKPOINT
        self._files = HashFiles(self._folder, writable=True)
        self._lock = FolderLock(self._folder / "lock")
        self._last: Checkpoint | None = None
        self._note = b""
        self._ready, self._leads = False, False
        self._fault: str | None = None
        self._stopping = Event()
        self._thread: Thread | None = None
        self.sealed = Condition()
        """Notified after each checkpoint of this process."""

    @property
    def state(self) -> SealerState:
        """What the sealer is doing now."""
        return SealerState(self._size, self._leads, self._fault)

    @property
    def _size(self) -> int:
        return self._last.size if self._last else 0

    def start(self) -> None:
        """Seal in a thread until `stop`."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="sealer", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread, seal what is left if this process signs, and give the lease up."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            if self._leads and self._fault is None:
                self._attempt()
        self._board.close()
        self._lock.release()
        self._files.close()

    def step(self) -> bool:
        """Seal what the log holds beyond the last checkpoint, or half a second's worth of it; False if nothing.

        Does nothing while another process holds the lease. Raises SealRefused, KeyUnusable, or the database's errors.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self._lock.hold():
            self._ready = self._leads = False
            return False
        if not self._ready:
            self._recover()
        self._leads = self._board.lead()
        newest = self._board.newest()
        adopted = newest is not None and newest != self._note and self._adopt(newest)
        return (self._leads and self._seal(newest)) or adopted

    def _run(self) -> None:
        while not self._stopping.is_set():
            started = monotonic()
            if self._attempt():
                self._stopping.wait(INTERVAL - (monotonic() - started))
            elif self._fault is not None:
                self._stopping.wait(_RETRY)
            elif self._leads:
                self._await_more()
            else:
                self._stopping.wait(_IDLE)

    def _await_more(self) -> None:
        """Until the log grows, but not for long: the right to sign may have passed to another node."""
        try:
            self._log.wait(self._size, _IDLE)
        except PersistenceError:
            self._stopping.wait(_IDLE)

    def _attempt(self) -> bool:
        """One step, its trouble kept as the fault to be shown."""
        try:
            moved = self.step()
        except Exception as error:  # whatever it is, it is shown and tried again: the thread must not end in silence
            fault = str(error) or repr(error)
            if fault != self._fault:
                _log.error("nothing is sealed: %s", fault, exc_info=not isinstance(error, _KNOWN))
            self._fault = fault
            return False
        if self._fault is not None:
            _log.info("the sealer goes on")
        self._fault = None
        return moved

    def _recover(self) -> None:
        """Take up from the last checkpoint; make the tiles again from the log if they are not those that it signed.

        A signing key that cannot be used is found now and not when there is something to sign.
        """
        self._read_key()
        notes = [found for path in (self._memory, self._shown) if (found := self._read(path))]
        notes.sort(key=lambda found: found[0].size)
        if notes:
            newest, note = notes[-1]
            if not all(self._fits(checkpoint) for checkpoint, _ in notes):
                self._repair([checkpoint for checkpoint, _ in notes])
            write_durably(self._memory, note)
            write_durably(self._shown, note)
            self._last, self._note = newest, note
        self._ready = True

    def _read_key(self) -> None:
        if self._board.signs or self._keys.can_sign:
            self._keys.signer()

    def _read(self, path: Path) -> tuple[Checkpoint, bytes] | None:
        note = read_if_there(path)
        if note is None:
            return None
        try:
            return open_checkpoint(note, self._keys.verifiers(), self._keys.origin), note
        except NoteRefused as error:
            raise SealRefused(f"{path}: {error}") from None

    def _fits(self, checkpoint: Checkpoint) -> bool:
        """Whether the tiles hold the tree of this checkpoint."""
        try:
            return tree.root_of(checkpoint.size, self._files.node) == checkpoint.root
        except IncompleteTiles:
            return False

    def _repair(self, signed: list[Checkpoint]) -> None:
        """Make the tiles again from the log; refuse if the log itself is not what was signed."""
        edge, roots = tree.Frontier(), {checkpoint.size: checkpoint.root for checkpoint in signed}
        for size, leaf in enumerate(chain.from_iterable(self._leaves(0, max(roots))), 1):
            edge.push(leaf)
            if size in roots and edge.root() != roots[size]:
                raise SealRefused(f"the first {size} events are not those that were signed: see `tamga audit verify`")
        self._fill(0, max(roots))

    def _seal(self, shown: bytes | None) -> bool:
        head = self._log.head().position
        if head < self._size:
            raise SealRefused(f"the log ends at {head}, though {self._size} events were signed")
        if head == self._size:
            self._show_again(shown)
            return False
        size = self._fill(self._size, head, monotonic() + _BUDGET)
        new = Checkpoint(self._keys.origin, size, tree.root_of(size, self._files.node))
        self._check_extension(new)
        self._files.sync()
        self._accept(new, new.sign(*self._keys.signers()))
        return True

    def _show_again(self, shown: bytes | None) -> None:
        """After a crash between signing and publishing, the other nodes have yet to see what was signed."""
        if self._note and shown != self._note:
            self._board.publish(self._size, self._note)

    def _adopt(self, note: bytes) -> bool:
        """Make the tree of another node's checkpoint from the log, and serve it if it is the same."""
        self._read_key()
        try:
            new = open_checkpoint(note, self._keys.verifiers(), self._keys.origin)
        except NoteRefused as error:
            why = f"another node's checkpoint: {error}; all nodes need the same signing key, or its line in `vkeys`"
            raise SealRefused(why) from None
        if new.size < self._size or new == self._last:
            return False
        self._fill(self._size, new.size)
        if tree.root_of(new.size, self._files.node) != new.root:
            raise SealRefused(f"another node signed {new.size} events that are not those of the log")
        self._check_extension(new)
        self._files.sync()
        self._accept(new, note)
        return True

    def _check_extension(self, new: Checkpoint) -> None:
        """Prove to ourselves, as to anybody else, that the new tree extends the last."""
        if self._last is None:
            return
        path = tree.consistency_path(self._last.size, new.size, self._files.node)
        if not tree.verify_consistency(self._last.size, new.size, path, self._last.root, new.root):
            self._ready = False
            raise SealRefused(
                f"the tree of {new.size} events does not extend the last checkpoint, of {self._last.size}"
            )

    def _accept(self, new: Checkpoint, note: bytes) -> None:
        """Remember first what was signed, then show it."""
        write_durably(self._memory, note)
        if self._leads:
            self._board.publish(new.size, note)
        write_durably(self._shown, note)
        with self.sealed:
            self._last, self._note = new, note
            self.sealed.notify_all()

    def _fill(self, size: int, target: int, deadline: float | None = None) -> int:
        """Hash events into the tiles from `size` up to `target`, or until the deadline; the size reached."""
        for leaves in self._leaves(size, target):
            self._files.write(size, leaves)
            size += len(leaves)
            if deadline is not None and monotonic() > deadline:
                break
        return size

    def _leaves(self, size: int, target: int) -> Iterator[list[bytes]]:
        """The leaf hashes of the events after `size` up to `target`, page by page."""
        while size < target:
            entries = self._log.select_notifications(size + 1, min(PAGE, target - size), target)
            _check_dense(entries, size + 1, target)
            yield [tree.leaf_hash(entry_json(entry)) for entry in entries]
            size += len(entries)


def _check_dense(entries: list[Entry], first: int, target: int) -> None:
    for expected, entry in enumerate(entries, first):
        if entry.position != expected:
            raise SealRefused(f"position {expected} is missing from the log")
    if not entries:
        raise SealRefused(f"position {first} is missing from the log, which should reach {target}")
