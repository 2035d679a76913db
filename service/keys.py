"""Keys for writing: made at the first start, kept in the data folder, readable by its owner alone.

A key is never logged or recorded; what is recorded is `key:` and the first eight characters of its hash.
"""

import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path
from typing import NamedTuple

NAME = "recorder.key"
_KEY = re.compile(r"[A-Za-z0-9._~+/-]{20,}=*")
"""What can be sent as a bearer token (RFC 6750, b64token) and is long enough: a line of any other file is none."""


class Opened(NamedTuple):
    """The keys of a data folder."""

    keys: "Keys"
    path: Path
    made: bool
    """Whether the file was made just now."""


class Keys:
    """The keys that may write, by their hashes alone."""

    def __init__(self, keys: list[str]) -> None:
        """Take the keys; they are forgotten at once."""
        self._hashes = [_hash(key) for key in keys]

    def actor(self, key: str) -> str | None:
        """Who is recorded for the key, such as `key:1f0c9e2a`; None if it is not known. Takes the same time for any."""
        given = _hash(key)
        found = None
        for known in self._hashes:
            if hmac.compare_digest(given, known):
                found = actor(key)
        return found


def actor(key: str) -> str:
    """How the key is named in the record."""
    return f"key:{_hash(key).hex()[:8]}"


def open_keys(folder: Path, file: Path | None = None) -> Opened:
    """The keys in the folder's `recorder.key`, or in `file`, one in a line (# begins a comment); made if not there.

    Raises ValueError if the file holds no key, or a line that is none.
    """
    path = file or folder / NAME
    made = _make(path)
    lines = [line.partition("#")[0].strip() for line in path.read_text("utf-8", "replace").splitlines()]
    keys = [line for line in lines if line]
    if not keys or not all(map(_KEY.fullmatch, keys)):
        raise ValueError(f"{path} must hold a key in each line: 20 characters or more of letters, digits, -._~+/")
    return Opened(Keys(keys), path, made)


def _make(path: Path) -> bool:
    """Write a new key; whole or not at all, and only one of several processes that start at once does."""
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"tamga_{secrets.token_urlsafe(32)}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
