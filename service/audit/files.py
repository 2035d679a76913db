"""Small durable files: whole or not at all, and on disk before the call returns."""

import os
from pathlib import Path


def write_durably(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Replace the file at once and durably: a crash leaves the old content or the new."""
    draft = _draft(path, data, mode)
    os.replace(draft, path)
    sync_directory(path.parent)


def create_durably(path: Path, data: bytes, mode: int = 0o644) -> bool:
    """Write a file that must not exist yet; False, and nothing changed, if it does."""
    draft = _draft(path, data, mode)
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    sync_directory(path.parent)
    return True


def read_if_there(path: Path) -> bytes | None:
    """The content, or None if there is no such file."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _draft(path: Path, data: bytes, mode: int) -> Path:
    """The content beside its place, on disk, under a name of this process and thread only."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(handle)
    return draft
