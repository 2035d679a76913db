"""Replica files that other versions of the rules left in a data folder."""

from pathlib import Path

from service.replica.swap import lock

_PARTS = ("", "-wal", "-shm", ".lock")


def remove_leftovers(path: Path) -> list[Path]:
    """Remove replicas of other rules that nobody follows, but the latest, which a return to the version before needs.

    `path` is the replica in use. Returns what was removed.
    """
    others = [file for file in path.parent.glob("replica-*.db") if file != path]
    others.sort(key=lambda file: file.stat().st_mtime, reverse=True)
    return [file for file in others[1:] if _removed(file)]


def _removed(file: Path) -> bool:
    held = lock(file)
    if held is None:
        return False
    with held:
        for part in _PARTS:
            Path(f"{file}{part}").unlink(missing_ok=True)
        for notes in file.parent.glob(f"{file.stem}*.attempts"):
            notes.unlink(missing_ok=True)
    return True
