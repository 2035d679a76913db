"""Putting a finished replica in the place of one that is in use, so that no reader goes back in time.

The process that follows does it, once the new file has come as far as the old; where none does, whoever made it.
"""

import fcntl
import os
import time
from pathlib import Path
from typing import IO

_PAUSE = 0.02
_PATIENCE = 60.0


class NotTaken(TimeoutError):
    """The process that follows did not take the new file; nothing has changed."""


def lock(path: Path) -> IO[str] | None:
    """The lock of the one process that writes a replica; None if another holds it. It dies with its process."""
    file = open(f"{path}.lock", "a")  # noqa: SIM115  # held until the caller closes it
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def offered(path: Path) -> Path:
    """Where a finished file waits for the process that follows."""
    return path.with_suffix(".offered")


def hand_over(finished: Path, path: Path) -> None:
    """Have the finished file, which nobody has open, take the place of `path`; it has when this returns.

    Raises NotTaken if the process that follows does not answer.
    """
    offer, deadline = offered(path), time.monotonic() + _PATIENCE
    os.replace(finished, offer)
    while offer.exists():
        held = lock(path)
        if held is not None:
            with held:
                swap_in(offer, path)
        elif time.monotonic() > deadline:
            offer.unlink(missing_ok=True)
            raise NotTaken(f"the process that follows at {path} does not take the new file")
        else:
            time.sleep(_PAUSE)


def swap_in(finished: Path, path: Path) -> None:
    """The finished file, which nobody has open, in the place of `path`; durable when this returns. Needs the lock.

    The old file's write-ahead log and its index lose their names first: who has the old file open goes on with them,
    and whoever opens the new one must not find them, or SQLite would lay the old pages over the new. A connection to
    the old file leaves these names alone when it closes, since it sees that its file was moved
    (SQLITE_FCNTL_HAS_MOVED).
    """
    with finished.open("rb") as written:
        os.fsync(written.fileno())
    for ending in ("-wal", "-shm"):
        Path(f"{path}{ending}").unlink(missing_ok=True)
    os.replace(finished, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
