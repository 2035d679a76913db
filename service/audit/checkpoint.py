"""Checkpoints (C2SP tlog-checkpoint): the size and root of the tree at a moment, as text that a key signs."""

import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass

from service.audit.note import Note, NoteRefused, Signer, VerifierKey, strict_base64
from service.audit.tree import HASH_SIZE

_SIZE = re.compile("0|[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class Checkpoint:
    """A tree head: whose log, how many leaves, and the root over them."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The note text: origin, size, root in base64, a line each."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"

    def sign(self, *signers: Signer) -> bytes:
        """The signed note."""
        return bytes(Note.sign(self.text, signers))

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Read a note text, ignoring extension lines; raises NoteRefused."""
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() or not all(lines) or not _SIZE.fullmatch(lines[1]):
            raise NoteRefused("malformed checkpoint")
        try:
            root = strict_base64(lines[2])
        except ValueError:
            root = b""
        if len(root) != HASH_SIZE:
            raise NoteRefused("malformed root in a checkpoint")
        return cls(lines[0], int(lines[1]), root)


def peek(note: bytes) -> Checkpoint:
    """What a signed checkpoint claims, its signatures unchecked; raises NoteRefused if malformed."""
    return Checkpoint.parse(Note.parse(note).text)


def open_checkpoint(note: bytes, keys: Iterable[VerifierKey], origin: str | None = None) -> Checkpoint:
    """The checkpoint of a note that a known key signed, of this origin if one is given; else raises NoteRefused."""
    parsed = Note.parse(note)
    parsed.verify(keys)
    checkpoint = Checkpoint.parse(parsed.text)
    if origin is not None and checkpoint.origin != origin:
        raise NoteRefused(f"a checkpoint of {checkpoint.origin}, not of {origin}")
    return checkpoint
