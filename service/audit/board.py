"""Who may sign, and what nodes tell each other of it: a lock file on one machine, PostgreSQL between several."""

from contextlib import suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import IO, Protocol

import psycopg

from service.log.connections import Connection, Connections

_LOCK = 0x74616D6761  # "tamga": the number of the advisory lock
_KEEPALIVES = """SELECT set_config('tcp_keepalives_idle', '5', false),
    set_config('tcp_keepalives_interval', '2', false), set_config('tcp_keepalives_count', '3', false)"""
"""Frees a dead node's lock. Not among the address's `options`, which are the operator's and which poolers refuse."""

_NEWEST = "SELECT note FROM tamga.audit_checkpoint"
_PUBLISH = """INSERT INTO tamga.audit_checkpoint (size, note) VALUES (%s, %s)
    ON CONFLICT (one) DO UPDATE SET size = excluded.size, note = excluded.note"""


class FolderLock:
    """The right to write in a folder, held by one process at a time; it dies with its process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def hold(self) -> bool:
        """Whether this holds the lock, taking it if it is free."""
        if self._file is not None:
            return True
        file = self._path.open("ab")
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Give the lock up, if held."""
        if self._file is not None:
            self._file.close()
            self._file = None


class Board(Protocol):
    """What nodes with folders of their own share: the right to sign, and the newest signed checkpoint."""

    signs: bool
    """Whether this node ever signs; otherwise it only serves what others signed."""

    def lead(self) -> bool:
        """Whether this node may sign now, taking the right if it is free."""

    def newest(self) -> bytes | None:
        """The newest checkpoint that a node published."""

    def publish(self, size: int, note: bytes) -> None:
        """Show a newly signed checkpoint to the other nodes."""

    def cut_off(self) -> None:
        """Have nobody wait for an answer any longer."""

    def close(self) -> None:
        """Give the right to sign up."""


class Alone:
    """The board of a node that has no peers: it may always sign."""

    signs = True

    def lead(self) -> bool:
        return True

    def newest(self) -> bytes | None:
        return None

    def publish(self, size: int, note: bytes) -> None:
        return None

    def cut_off(self) -> None:
        return None

    def close(self) -> None:
        return None


class PostgresBoard:
    """The board of nodes on one PostgreSQL database: an advisory lock, and a table of one row that `migrate` makes.

    The lock and the row are used on one connection, so a node that lost the lock cannot publish.
    Raises psycopg.Error when the database is away; the next call connects again.
    """

    def __init__(self, url: str, *, signs: bool = True) -> None:
        self.signs = signs
        self._connections = Connections(url, "tamga sealer")
        self._connection: Connection | None = None
        self._leads = False

    def lead(self) -> bool:
        connection = self._connect()
        if self.signs and not self._leads:
            row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()
            self._leads = bool(row and row[0])
        return self._leads

    def newest(self) -> bytes | None:
        row = self._connect().execute(_NEWEST).fetchone()
        return bytes(row[0]) if row else None

    def publish(self, size: int, note: bytes) -> None:
        if self._connection is None or self._connection.broken or not self._leads:
            raise psycopg.OperationalError("the right to sign was lost")
        self._connection.execute(_PUBLISH, (size, note))

    def cut_off(self) -> None:
        self._connections.cut_off()

    def close(self) -> None:
        self._leads = False
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def _connect(self) -> Connection:
        if self._connection is None or self._connection.broken:
            self.close()
            self._connection = self._connections.make()
            self._connection.execute(_KEEPALIVES)
        return self._connection


def open_board(database_url: str, *, signs: bool = True) -> Board | None:
    """The board that fits a log's address; None where this node has nothing to do: it neither signs nor has peers."""
    if database_url.startswith("postgres"):
        return PostgresBoard(database_url, signs=signs)
    return Alone() if signs else None
