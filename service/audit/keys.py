"""The signing keys of a record and the public keys it ever had, as files in the data folder."""

from collections.abc import Iterable
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
    """The keys that sign now and all public keys of this record, oldest first.

    Keys are in `key_file`, by default `signing.key` in the data folder: `PRIVATE+KEY+...`, a line for each, or one
    Ed25519 key in PEM. At the first start one is made, readable by its owner only, unless it is there. Two sign while
    one takes over from the other: whoever has but one of the public keys can check what they signed.
    """

    def __init__(self, data_dir: Path, origin: str, key_file: Path | None = None) -> None:
        self.origin = origin
        self._path = key_file or data_dir / KEY_FILE
        self._public = data_dir / PUBLIC_FILE
        self._loaded: tuple[bytes, tuple[Signer, ...]] | None = None

    @property
    def can_sign(self) -> bool:
        """Whether the key is there; a node that only checks what others signed needs no more than the public keys."""
        return self._path.exists()

    def signer(self) -> Signer:
        """The newest key that signs now; raises KeyUnusable."""
        return self.signers()[-1]

    def signers(self) -> tuple[Signer, ...]:
        """The keys that sign now, read again when their file changed; raises KeyUnusable."""
        content = read_if_there(self._path) or self._make()
        if self._loaded is None or self._loaded[0] != content:
            self._loaded = content, self._read(content)
            self._remember(self._loaded[1])
        return self._loaded[1]

    def verifiers(self) -> list[VerifierKey]:
        """All public keys, oldest first; empty before the first start. Raises KeyUnusable if the list is damaged."""
        try:
            lines = (read_if_there(self._public) or b"").decode().splitlines()
            return [VerifierKey.parse(line) for line in lines if line.strip()]
        except ValueError as error:
            raise KeyUnusable(f"{self._public}: {error}") from None

    def rotate(self) -> VerifierKey:
        """Make a new key, which signs from now on beside the one before it, or alone if that was lost."""
        fresh = Signer.generate(self.origin)
        lost = not self.can_sign and self.verifiers()
        self._keep(*(() if lost else self.signers()[-1:]), fresh)
        return fresh.verifier

    def retire(self) -> None:
        """Have the newest key sign alone from now on; what others signed stays good by their public keys."""
        self._keep(self.signer())

    def _keep(self, *signers: Signer) -> None:
        self._remember(signers)
        write_durably(self._path, "".join(map(_line, signers)).encode(), 0o600)

    def _make(self) -> bytes:
        if self.verifiers():
            raise KeyUnusable(
                f"{self._path} is missing, though this record has signed before: restore it, or make another by "
                "`tamga audit keys --rotate` and give its public key to who verifies"
            )
        create_durably(self._path, _line(Signer.generate(self.origin)).encode(), 0o600)
        return self._path.read_bytes()

    def _read(self, content: bytes) -> tuple[Signer, ...]:
        try:
            signers = _parse(content, self.origin)
        except (ValueError, TypeError) as error:
            raise KeyUnusable(f"{self._path}: {error}") from None
        for signer in signers:
            if signer.verifier.name != self.origin:
                raise KeyUnusable(f"{self._path} is a key of {signer.verifier.name}, not of {self.origin}")
        return signers

    def _remember(self, signers: Iterable[Signer]) -> None:
        known = self.verifiers()
        if fresh := [signer.verifier for signer in signers if signer.verifier not in known]:
            write_durably(self._public, "".join(f"{each}\n" for each in [*known, *fresh]).encode())


def _line(signer: Signer) -> str:
    return f"{signer.private_text()}\n"


def _parse(content: bytes, name: str) -> tuple[Signer, ...]:
    """The keys in either form; a PEM key bears no name and takes the given one."""
    if not content.startswith(b"-----BEGIN"):
        lines = [line for line in content.decode().splitlines() if line.strip()]
        return tuple(map(Signer.parse, lines or [""]))
    key = load_pem_private_key(content, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("not an Ed25519 key")
    return (Signer(name, key),)
