"""The replica file of this node: its place, its connections for reading, and how far it has come.

The follower alone writes; everybody reads through `Replica.read`.
"""

import asyncio
import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw

from service.replica.answers import Answers
from service.replica.day import fold_on
from service.replica.functions import register
from service.replica.rules import rules
from service.replica.tables import ddl, is_index
from service.sqlite_reading import open_unchanged

_READING = (
    "PRAGMA query_only = 0",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -16000",
    "PRAGMA mmap_size = 68719476736",
    "ATTACH ':memory:' AS scratch",
)
_MOST_IDLE = 16


class Replica:
    """The read model of this node: a SQLite file whose name carries the hash of its rules."""

    def __init__(self, folder: Path, record_id: str) -> None:
        """Take the folder that holds the file; the follower makes it, or a rebuild."""
        self.rules = rules()
        self.record_id = record_id
        self.path = folder / f"replica-{self.rules}.db"
        self._idle: deque[tuple[int, apsw.Connection]] = deque()
        self._answers = Answers()
        self._generation, self._inode = 0, 0
        self._position = 0
        self._advanced = threading.Condition()
        self._listeners: set[Callable[[int], None]] = set()
        self.follows = False
        """Whether this process writes the file."""

    @property
    def position(self) -> int:
        """The newest position that reads see."""
        if not self.follows:
            with self.read() as connection:
                self._position = max(self._position, position_of(connection))
        return self._position

    def advance(self, position: int) -> None:
        """Say that reads see a position; wakes who waits for it. The follower calls it."""
        with self._advanced:
            self._position = position
            self._advanced.notify_all()
        for listener in tuple(self._listeners):
            listener(position)

    def seen(self, position: int) -> None:
        """Say that another process made reads see a position: for those who listen here."""
        for listener in tuple(self._listeners):
            listener(position)

    def wait(self, position: int, timeout: float) -> bool:
        """Block until reads see the position, at most `timeout` seconds; say whether they do."""
        if not self.follows:
            return _poll(lambda: self.position >= position, timeout)
        with self._advanced:
            return self._advanced.wait_for(lambda: self._position >= position, timeout)

    async def reached(self, position: int, timeout: float) -> bool:  # noqa: ASYNC109  # the caller's setting, in seconds
        """Wait until reads see the position, at most `timeout` seconds; say whether they do. Takes no thread.

        A follower must run in this process, be it to stand by: it tells how far the one that writes has come.
        """
        if self.position >= position:
            return True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._signal(position), timeout)
        return self.position >= position

    async def _signal(self, position: int) -> None:
        loop, event = asyncio.get_running_loop(), asyncio.Event()

        def listener(now: int) -> None:
            if now >= position:
                loop.call_soon_threadsafe(event.set)

        with self.listening(listener):
            if self.position < position:
                await event.wait()

    @contextlib.contextmanager
    def listening(self, listener: Callable[[int], None]) -> Iterator[None]:
        """Call the listener with each new position, from the follower's thread, while the block runs."""
        self._listeners.add(listener)
        try:
            yield
        finally:
            self._listeners.discard(listener)

    def read(self) -> "Lent":
        """A connection for reading, with the empty tables of `scratch` attached; it goes back when the block ends."""
        return Lent(self)

    def give_back(self, generation: int, connection: apsw.Connection) -> None:
        """Keep the connection for the next read, if it is still one to this file."""
        if generation == self._generation and len(self._idle) < _MOST_IDLE:
            self._idle.append((generation, connection))
        else:
            connection.close()

    def take(self) -> tuple[int, apsw.Connection]:
        """A connection, with the number of the file that it reads."""
        if not self.follows:
            self._look()
        while True:
            try:
                generation, connection = self._idle.pop()
            except IndexError:
                return self._generation, open_for_reading(self.path, self._answers)
            if generation == self._generation:
                return generation, connection
            connection.close()

    def _look(self) -> None:
        """Whether the process that follows has put another file in place: nobody else says so."""
        with contextlib.suppress(FileNotFoundError):
            inode = os.stat(self.path).st_ino
            if inode != self._inode:
                self._inode = inode
                self.swapped()

    def swapped(self) -> None:
        """Say that the file was replaced: connections to the old one end when their reads do."""
        self._generation += 1

    def position_at(self, recorded_time: str) -> int:
        """The last position recorded at or before `YYYY-MM-DDTHH:MM:SS.mmmZ`; 0 if none."""
        with self.read() as connection:
            last = "ORDER BY recorded_at DESC, position DESC LIMIT 1"  # max() would walk back along the positions
            found = connection.execute(
                f"SELECT position FROM event WHERE recorded_at <= ? {last}", (recorded_time,)
            ).get
        return int(found or 0)

    def fold_on(self, connection: apsw.Connection, id: str, day: str, position: int) -> bool:
        """Fill the connection's scratch tables with the object as it was on a day; false if it was not there."""
        return fold_on(connection, id, day, position)

    def close(self) -> None:
        """Close the idle connections."""
        self.swapped()
        while self._idle:
            self._idle.pop()[1].close()


class Lent:
    """A connection lent to a block; the same object is for one block."""

    __slots__ = ("_connection", "_generation", "_replica")

    def __init__(self, replica: Replica) -> None:
        """Take whose connection it is."""
        self._replica = replica

    def __enter__(self) -> apsw.Connection:
        """Take it."""
        self._generation, self._connection = self._replica.take()
        return self._connection

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self._replica.give_back(self._generation, self._connection)


def open_for_reading(path: Path, answers: Answers | None = None) -> apsw.Connection:
    """A connection that cannot write the file; raises apsw.CantOpenError if there is none.

    `answers` is what connections to one replica share; without, the connection keeps its own.
    """
    connection = open_unchanged(path, statements=500)
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    connection.set_busy_timeout(5000)
    register(connection)
    (answers or Answers()).register(connection)
    for statement in (*_READING, *(one for one in ddl("scratch") if not is_index(one))):
        connection.execute(statement)
    return connection


def open_for_writing(path: Path) -> apsw.Connection:
    """The follower's connection; makes the tables in a new file."""
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(5000)
    for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL", "PRAGMA cache_size = -64000"):
        connection.execute(statement)
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'state'").get:
        with connection:
            for statement in ddl():
                connection.execute(statement)
    return connection


def position_of(connection: apsw.Connection) -> int:
    """The newest position in the file."""
    return int(connection.execute("SELECT value FROM state WHERE name = 'position'").get or 0)


def _poll(done: Callable[[], bool], timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True
