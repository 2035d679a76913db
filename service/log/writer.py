"""One thread that writes: it takes all commands that wait and hands them to the store together, so they share a
transaction. Nothing here knows SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from time import perf_counter

from eventsourcing.persistence import OperationalError

from service.log.log import AppendStats, Command, LogClosed, Outcome

_MOST = 1_000
"""Commands that share a transaction at most, unless one caller brings more."""

_PATIENCE, _LONGEST = 0.5, 0.005
"""How long a transaction waits for callers who were just answered: a share of what the last one took, and seconds."""


class _Job:
    """The commands of one caller, who waits for what becomes of them."""

    def __init__(self, commands: Sequence[Command]) -> None:
        self.commands = commands
        self._outcome: list[Outcome] | BaseException = []
        self._settled = Lock()  # cheaper than a Future's condition, and taken once
        self._settled.acquire()

    def settle(self, outcome: list[Outcome] | BaseException) -> None:
        self._outcome = outcome
        self._settled.release()

    def wait(self) -> list[Outcome]:
        self._settled.acquire()
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome


class Writer:
    """Folds what many threads append into few calls of `write`, which returns the outcomes of commands in order."""

    def __init__(self, write: Callable[[Sequence[Command]], list[Outcome]]) -> None:
        self._write = write
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._stats = AppendStats()
        self._callers = 1
        self._took = 0.0
        self._closing = Lock()
        self._closed = False
        self._thread = Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def append(self, commands: Sequence[Command]) -> list[Outcome]:
        """Wait until the commands are durable, or refused; raises what `write` raised for them."""
        job = _Job(commands)
        with self._closing:
            if self._closed:
                raise LogClosed("the log is closed")
            self._jobs.put(job)
        return job.wait()

    def stats(self) -> AppendStats:
        """What was written so far."""
        return self._stats

    def close(self) -> None:
        """Write what waits, then end the thread."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            jobs, more = self._waiting(job)
            self._settle(jobs)
            if not more:
                return

    def _waiting(self, first: _Job) -> tuple[list[_Job], bool]:
        """What waits by now, and what others who wrote just now are about to bring; a lone caller waits for nobody."""
        jobs, count = [first], len(first.commands)
        deadline = perf_counter() + min(self._took * _PATIENCE, _LONGEST)
        while count < _MOST:
            try:
                patience = deadline - perf_counter() if len(jobs) < self._callers else 0.0
                job = self._jobs.get(timeout=max(patience, 0.0))
            except Empty:
                break
            if job is None:
                return jobs, False
            jobs.append(job)
            count += len(job.commands)
        return jobs, True

    def _settle(self, jobs: list[_Job]) -> None:
        together = [command for job in jobs for command in job.commands]
        began = perf_counter()
        try:
            outcomes = iter(self._write(together))
        except BaseException as error:
            self._blame(jobs, error)
            return
        self._took = perf_counter() - began
        self._stats = self._stats.plus(len(together), self._took)
        self._callers = len(jobs) + self._jobs.qsize()
        for job in jobs:
            job.settle([next(outcomes) for _ in job.commands])

    def _blame(self, jobs: list[_Job], error: BaseException) -> None:
        """Only who caused it shall see an error; trouble with the database itself is everybody's."""
        self._stats = replace(self._stats, fault=str(error))
        if len(jobs) == 1 or isinstance(error, OperationalError):
            for job in jobs:
                job.settle(error)
        else:
            for job in jobs:
                self._settle([job])
