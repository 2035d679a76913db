"""The signing key of a record and the public keys it ever had, as files in the data folder."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from service.audit.files import create_durably, read_if_there, write_durably
from service.audit.note import Signer, VerifierKey

KEY_FILE = "signing.key"
PUBLIC_FILE = "vkeys"


class KeyUnusable(RuntimeError):
    """The signing key is missing, unreadable, or belongs to another origin."""


class KeyRing:
    """The key that signs now and all public keys of this record, oldest first.

    The key is in `key_file`, by default `signing.key` in the data folder: one line `PRIVATE+KEY+...`, or an Ed25519 key
    in PEM. At the first start `signer` makes it, readable by its owner only, unless it is there.
    """

    def __init__(self, data_dir: Path, origin: str, key_file: Path | None = None) -> None:
        self.origin = origin
        self._path = key_file or data_dir / KEY_FILE
        self._public = data_dir / PUBLIC_FILE
        self._loaded: tuple[bytes, Signer] | None = None

    @property
    def can_sign(self) -> bool:
        """Whether the key is there; a node that only checks what others signed needs no more than the public keys."""
        return self._path.exists()

    def signer(self) -> Signer:
        """The key that signs now, read again when its file changed; raises KeyUnusable."""
        content = read_if_there(self._path) or self._make()
        if self._loaded is None or self._loaded[0] != content:
            self._loaded = content, self._read(content)
            self._remember(self._loaded[1].verifier)
        return self._loaded[1]

    def verifiers(self) -> list[VerifierKey]:
        """All public keys, oldest first; empty before the first start. Raises KeyUnusable if the list is damaged."""
        lines = (read_if_there(self._public) or b"").decode().splitlines()
        try:
            return [VerifierKey.parse(line) for line in lines]
        except ValueError as error:
            raise KeyUnusable(f"{self._public}: {error}") from None

    def rotate(self) -> VerifierKey:
        """Make a new key, which signs from now on; old signatures stay good by the old public keys."""
        fresh = Signer.generate(self.origin)
        self.signer()
        self._remember(fresh.verifier)
        write_durably(self._path, _line(fresh), 0o600)
        return fresh.verifier

    def _make(self) -> bytes:
        if self.verifiers():
            raise KeyUnusable(
                f"{self._path} is missing, though this record has signed before: restore it or give a new key"
            )
        create_durably(self._path, _line(Signer.generate(self.origin)), 0o600)
        return self._path.read_bytes()

    def _read(self, content: bytes) -> Signer:
        try:
            signer = _parse(content, self.origin)
        except (ValueError, TypeError) as error:
            raise KeyUnusable(f"{self._path}: {error}") from None
        if signer.verifier.name != self.origin:
            raise KeyUnusable(f"{self._path} is a key of {signer.verifier.name}, not of {self.origin}")
        return signer

    def _remember(self, key: VerifierKey) -> None:
        known = self.verifiers()
        if key not in known:
            write_durably(self._public, "".join(f"{each}\n" for each in [*known, key]).encode())


def _line(signer: Signer) -> bytes:
    return f"{signer.private_text()}\n".encode()


def _parse(content: bytes, name: str) -> Signer:
    """A key in either form; a PEM key bears no name and takes the given one."""
    if not content.startswith(b"-----BEGIN"):
        return Signer.parse(content.decode())
    key = load_pem_private_key(content, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("not an Ed25519 key")
    return Signer(name, key)
