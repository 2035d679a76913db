"""One thread that writes: it takes all commands that wait and hands them to the store together, so they share a
transaction. Nothing here knows SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from time import perf_counter
from typing import TypeAlias

from eventsourcing.persistence import OperationalError

from service.log.log import AppendStats, Command, LogClosed, Outcome

_MOST = 1_000
"""Commands that share a transaction at most, unless one caller brings more."""

_Job: TypeAlias = tuple[Sequence[Command], "Future[list[Outcome]]"]


class Writer:
    """Folds what many threads append into few calls of `write`, which returns the outcomes of commands in order."""

    def __init__(self, write: Callable[[Sequence[Command]], list[Outcome]]) -> None:
        self._write = write
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._stats = AppendStats()
        self._closing = Lock()
        self._closed = False
        self._thread = Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def append(self, commands: Sequence[Command]) -> list[Outcome]:
        """Wait until the commands are durable, or refused; raises what `write` raised for them."""
        done: Future[list[Outcome]] = Future()
        with self._closing:
            if self._closed:
                raise LogClosed("the log is closed")
            self._jobs.put((commands, done))
        return done.result()

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
        jobs, count = [first], len(first[0])
        while count < _MOST:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
            if job is None:
                return jobs, False
            jobs.append(job)
            count += len(job[0])
        return jobs, True

    def _settle(self, jobs: list[_Job]) -> None:
        together = [command for commands, _ in jobs for command in commands]
        began = perf_counter()
        try:
            outcomes = iter(self._write(together))
        except BaseException as error:
            self._blame(jobs, error)
            return
        self._stats = self._stats.plus(len(together), perf_counter() - began)
        for commands, done in jobs:
            done.set_result([next(outcomes) for _ in commands])

    def _blame(self, jobs: list[_Job], error: BaseException) -> None:
        """Only who caused it shall see an error; trouble with the database itself is everybody's."""
        if len(jobs) == 1 or isinstance(error, OperationalError):
            for _, done in jobs:
                done.set_exception(error)
        else:
            for job in jobs:
                self._settle([job])
