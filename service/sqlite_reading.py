"""Opening SQLite files that are only read: those in use, and copies where nothing can be written."""

import os
from pathlib import Path
from urllib.parse import quote

import apsw


def open_unchanged(path: Path, statements: int = 100) -> apsw.Connection:
    """A connection that cannot change the file, with so many statements kept. Raises apsw.CantOpenError.

    SQLite wants an index of the write-ahead log in a file beside it. Where that is missing and cannot be made, the
    connection keeps one in its own memory; where there is no write-ahead log either, nobody is taken to write.
    """
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI
    manner = _manner(path)
    address = f"file:{quote(str(path.absolute()))}?mode=ro{manner}"
    connection = apsw.Connection(address, flags=flags, statementcachesize=statements)
    if manner == _BY_ITSELF:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    return connection


_BY_ITSELF, _AT_REST = "&vfs=unix-none", "&immutable=1"


def _manner(path: Path) -> str:
    wal, index = (Path(f"{path}-{part}") for part in ("wal", "shm"))
    if index.exists() or os.access(path.parent, os.W_OK):
        return ""
    return _BY_ITSELF if wal.exists() and wal.stat().st_size else _AT_REST
