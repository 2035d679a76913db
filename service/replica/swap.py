"""Putting a finished database file in the place of one that is in use."""

import os
from pathlib import Path


def swap_in(finished: Path, path: Path) -> None:
    """The finished file, which nobody has open, in the place of `path`; durable when this returns.

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
