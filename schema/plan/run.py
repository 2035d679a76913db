"""Statements run within limits: cheap ones at once where they are asked for, the others in threads, all in time."""

import asyncio
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import apsw

from schema.errors import ApiError, ErrorCode

STEPS = 10_000
"""SQLite's virtual machine steps (some 10 to 40 ns each) between two looks at a read on the event loop."""
_LOOKS = 20
"""How many looks it may take. SQLite counts steps over all runs of a statement, so the first look may come at once."""
_MOST = 0.004
"""Seconds of processor time that it may take from the first look on, as some steps are far from small."""
_PLACEHOLDER = re.compile(r"\?([0-9]+)")
_TOO_DEEP = ("nested too deep", "too large", "too complex", "parser stack overflow")
_CHECK = 1_000  # steps between two looks at the clock, in threads


class Replica(Protocol):
    """What reading needs of the replica."""

    @property
    def record_id(self) -> str:
        """The record that is read."""
        ...

    @property
    def position(self) -> int:
        """The newest position that reads see."""
        ...

    def read(self) -> AbstractContextManager[apsw.Connection]:
        """A connection for reading."""
        ...

    def position_at(self, recorded_time: str) -> int:
        """The last position recorded by a time."""
        ...

    async def reached(self, position: int, timeout: float) -> bool:  # noqa: ASYNC109
        """Wait until reads see a position."""
        ...

    def fold_on(self, connection: apsw.Connection, id: str, day: str, position: int) -> bool:
        """Fill the scratch tables with an object as of a day."""
        ...


@dataclass(eq=False)
class Statement:
    """SQL made once for a plan and a shape of arguments."""

    sql: str
    long: bool = False
    """Whether it took more than a read on the event loop may, when it last ran."""
    takes: int = field(init=False)
    """How many values it takes: SQLite counts up to the last placeholder that stands in it."""

    def __post_init__(self) -> None:
        """Count the values."""
        self.takes = max((int(number) for number in _PLACEHOLDER.findall(self.sql)), default=0)

    def job(self, values: list[Any], on: "OnDay | None" = None) -> "Job":
        """The statement with the values of a request."""
        return Job(self, tuple(values[: self.takes]), on)


class OnDay(NamedTuple):
    """The object to be read as it was on a day, by what the record said at a position (None: now)."""

    id: str
    day: str
    position: int | None


class Job(NamedTuple):
    """A statement with its values."""

    statement: Statement
    values: tuple[Any, ...]
    on: OnDay | None = None


class Runner:
    """Runs the jobs of an operation in one snapshot."""

    def __init__(self, replica: Replica, time_limit: float, threads: int) -> None:
        """Take the replica, the seconds that an operation may take, and how many long reads run at once."""
        self._replica = replica
        self._time_limit = time_limit
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="long-read")

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def at_once(self, jobs: list[Job]) -> list[bytes] | None:
        """The answers, if they take no more steps than the event loop can spare; else None."""
        for job in jobs:
            if job.statement.long or job.on is not None:
                return None
        if not jobs:
            return []
        with self._replica.read() as connection:
            connection.set_progress_handler(_Looks().too_many, STEPS)
            try:
                return self._answers(connection, jobs)
            except apsw.InterruptError:
                for job in jobs:
                    job.statement.long = True
                return None
            finally:
                connection.set_progress_handler(None)

    async def in_thread(self, jobs: list[Job]) -> list[bytes]:
        """The answers, from a thread. Raises ApiError with code TIMEOUT if they take too long."""
        loop = asyncio.get_running_loop()
        deadline = time.monotonic() + self._time_limit
        return await loop.run_in_executor(self._threads, self._long, jobs, deadline)

    async def answers(self, jobs: list[Job]) -> list[bytes]:
        """The JSON text of each job, all of one moment. Raises ApiError with code TIMEOUT."""
        found = self.at_once(jobs)
        return await self.in_thread(jobs) if found is None else found

    def _long(self, jobs: list[Job], deadline: float) -> list[bytes]:
        started = time.monotonic()
        with self._replica.read() as connection:
            connection.set_progress_handler(lambda: time.monotonic() > deadline, _CHECK)
            try:
                if started > deadline:
                    raise apsw.InterruptError("it waited too long")
                answers = self._answers(connection, jobs)
            except apsw.InterruptError:
                raise ApiError(ErrorCode.TIMEOUT, f"This took longer than {self._time_limit:g} seconds.") from None
            finally:
                connection.set_progress_handler(None)
        if time.monotonic() - started < 0.001:
            for job in jobs:
                job.statement.long = False
        return answers

    def _answers(self, connection: apsw.Connection, jobs: list[Job]) -> list[bytes]:
        try:
            return self._run(connection, jobs)
        except apsw.SQLError as error:
            if any(words in str(error) for words in _TOO_DEEP):
                raise ApiError(ErrorCode.TOO_COSTLY, "This is nested too deeply to be read.") from None
            raise

    def _run(self, connection: apsw.Connection, jobs: list[Job]) -> list[bytes]:
        if len(jobs) == 1 and jobs[0].on is None:
            return [connection.execute(jobs[0].statement.sql, jobs[0].values).get]
        with _snapshot(connection):
            return [self._answer(connection, job) for job in jobs]

    def _answer(self, connection: apsw.Connection, job: Job) -> bytes:
        if job.on is not None:
            id, day, position = job.on
            self._replica.fold_on(connection, id, day, newest(connection) if position is None else position)
        answer: bytes = connection.execute(job.statement.sql, job.values).get
        return answer


class _Looks:
    """Counts the looks at one read."""

    __slots__ = ("began", "left")

    def __init__(self) -> None:
        self.left = _LOOKS
        self.began = 0.0

    def too_many(self) -> bool:
        """Whether the read has had its time."""
        self.left -= 1
        now = time.thread_time()
        self.began = self.began or now
        return self.left < 0 or now - self.began > _MOST


def newest(connection: apsw.Connection) -> int:
    """The newest position in this snapshot."""
    return int(connection.execute("SELECT value FROM main.state WHERE name = 'position'").get or 0)


@contextmanager
def _snapshot(connection: apsw.Connection) -> Iterator[None]:
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
