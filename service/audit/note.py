"""Signed notes (C2SP signed-note): text, Ed25519 signatures, and the one-line forms of public and private keys.

What a note says is not its business; keys on disk are in `keys`.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\x01"
"""The signature type byte of plain Ed25519 in C2SP signed-note."""

MAX_SIGNATURES = 64
"""Notes with more signatures are refused; the specification asks for at least 16."""

_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")


class NoteRefused(ValueError):
    """A note is malformed, is signed by no known key, or bears a wrong signature of a known key."""


def check_name(name: str) -> str:
    """The key name itself; ValueError if it is empty or holds a space, a control character or a plus sign."""
    if not name or "+" in name or any(char.isspace() or ord(char) < 32 for char in name):
        raise ValueError(f"a key name has no spaces and no plus sign: {name!r}")
    return name


def _key_id(name: str, public: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4]


def strict_base64(text: str) -> bytes:
    """Strict base64: the only accepted spelling is the one that encoding gives."""
    value = b64decode(text, validate=True)
    if b64encode(value).decode() != text:
        raise ValueError("base64 is not in its normal form")
    return value


@dataclass(frozen=True)
class Signature:
    """One signature of a note: the key's name, its id of 4 bytes, and the value."""

    name: str
    key_id: bytes
    value: bytes

    def __str__(self) -> str:
        return f"\N{EM DASH} {self.name} {b64encode(self.key_id + self.value).decode()}"

    @classmethod
    def parse(cls, line: str) -> "Signature":
        """Read a signature line; raises NoteRefused."""
        dash, _, rest = line.partition(" ")
        name, _, value = rest.partition(" ")
        try:
            raw = strict_base64(value)
            check_name(name)
        except ValueError as error:
            raise NoteRefused(f"malformed signature line: {error}") from None
        if dash != "\N{EM DASH}" or len(raw) < 5:
            raise NoteRefused("malformed signature line")
        return cls(name, raw[:4], raw[4:])


@dataclass(frozen=True)
class VerifierKey:
    """A public key with its name; its text is the `vkey` form, `<name>+<id in hex>+<base64(type || key)>`."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The first 4 bytes of SHA-256(name || newline || type || public key)."""
        return _key_id(self.name, self.public)

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{b64encode(ED25519 + self.public).decode()}"

    @classmethod
    def parse(cls, vkey: str) -> "VerifierKey":
        """Read a `vkey`; ValueError if it is malformed, not Ed25519, or its id does not fit."""
        name, key_id, raw = _key_fields(vkey.strip().split("+", 2), "public")
        key = cls(name, raw)
        if key.key_id.hex() != key_id:
            raise ValueError(f"the id of the public key {name} does not fit it")
        return key

    def made(self, signature: Signature) -> bool:
        """Whether the signature names this key (not yet: that it is right)."""
        return (signature.name, signature.key_id) == (self.name, self.key_id)

    def verify(self, text: bytes, signature: Signature) -> bool:
        """Whether the signature over `text` is right."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature.value, text)
        except InvalidSignature:
            return False
        return True


def _key_fields(parts: list[str], what: str) -> tuple[str, str, bytes]:
    """Name, id in hex and 32 key bytes of a one-line key."""
    if len(parts) != 3:
        raise ValueError(f"malformed {what} key")
    raw = strict_base64(parts[2])
    if len(raw) != 33 or raw[:1] != ED25519:
        raise ValueError(f"the {what} key {parts[0]} is not an Ed25519 key")
    return check_name(parts[0]), parts[1], raw[1:]


class Signer:
    """A private Ed25519 key with its name; its text is the one-line form of Go's sumdb/note, `PRIVATE+KEY+...`."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.verifier = VerifierKey(check_name(name), key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, name: str) -> "Signer":
        """A new key."""
        return cls(name, Ed25519PrivateKey.generate())

    @classmethod
    def parse(cls, text: str) -> "Signer":
        """Read the one-line form; ValueError if it is malformed."""
        prefix, _, rest = text.strip().partition("+KEY+")
        if prefix != "PRIVATE":
            raise ValueError("malformed private key")
        name, key_id, seed = _key_fields(rest.split("+", 2), "private")
        signer = cls(name, Ed25519PrivateKey.from_private_bytes(seed))
        if signer.verifier.key_id.hex() != key_id:
            raise ValueError(f"the id of the private key {name} does not fit it")
        return signer

    def private_text(self) -> str:
        """The one-line form, to be kept secret."""
        seed = b64encode(ED25519 + self._key.private_bytes_raw()).decode()
        return f"PRIVATE+KEY+{self.verifier.name}+{self.verifier.key_id.hex()}+{seed}"

    def sign(self, text: bytes) -> Signature:
        """The signature over a note's text."""
        return Signature(self.verifier.name, self.verifier.key_id, self._key.sign(text))


@dataclass(frozen=True)
class Note:
    """Text, ending in a newline, and its signatures, not yet checked."""

    text: str
    signatures: tuple[Signature, ...]

    def __bytes__(self) -> bytes:
        return "".join([self.text, "\n", *(f"{signature}\n" for signature in self.signatures)]).encode()

    @classmethod
    def sign(cls, text: str, signers: Iterable[Signer]) -> "Note":
        """A note of this text signed by each signer; ValueError if the text is not fit for a note."""
        if not text.endswith("\n") or _CONTROL.search(text):
            raise ValueError("a note's text ends in a newline and has no other control character")
        return cls(text, tuple(signer.sign(text.encode()) for signer in signers))

    @classmethod
    def parse(cls, data: bytes) -> "Note":
        """Read a note without checking its signatures; raises NoteRefused."""
        try:
            body, blank, tail = data.decode().rpartition("\n\n")
        except UnicodeDecodeError:
            raise NoteRefused("a note is UTF-8 text") from None
        lines = tail.split("\n")
        if not blank or lines.pop() or not lines or len(lines) > MAX_SIGNATURES or _CONTROL.search(body + tail):
            raise NoteRefused("malformed note")
        return cls(body + "\n", tuple(map(Signature.parse, lines)))

    def verify(self, keys: Iterable[VerifierKey]) -> list[VerifierKey]:
        """The known keys that signed this note, at least one.

        Raises NoteRefused if none did, or if a signature that names a known key is wrong; unknown keys are ignored.
        """
        text, known = self.text.encode(), list(keys)
        pairs = [(key, signature) for signature in self.signatures for key in known if key.made(signature)]
        if not pairs:
            raise NoteRefused("signed by no known key")
        for key, signature in pairs:
            if not key.verify(text, signature):
                raise NoteRefused(f"the signature of {key.name} is wrong")
        return [key for key, _ in pairs]
