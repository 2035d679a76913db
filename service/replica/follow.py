"""The follower: one thread that reads the log from the replica's own position and folds each batch.

One process of a machine follows, by a lock that dies with it; the others stand by, and one of them takes over.
"""

import logging
import threading
from contextlib import closing
from pathlib import Path
from typing import IO

import apsw
from eventsourcing.persistence import PersistenceError

from service.log.log import Log, LogRewound
from service.replica.attempts import Attempts
from service.replica.helpers import Helpers
from service.replica.projector import Projector
from service.replica.rebuild import Progress, built, step
from service.replica.snapshot import SnapshotRefused, compare_with_log
from service.replica.store import Replica, open_for_writing, position_of
from service.replica.swap import lock, offered, swap_in

_BATCH = 1000
_LOOK = 0.25
"""Seconds between two looks at the lock, and at whether a new file is offered."""
_LOGGER = logging.getLogger("tamga.replica")


class Interrupted(Exception):
    """The follower was stopped while it built the replica."""


class Follower:
    """Keeps the replica at the head of the log, or stands by while another process of this machine does."""

    def __init__(self, log: Log, replica: Replica, *, batch: int = _BATCH, helpers: Helpers | None = None) -> None:
        """Take both; `start` begins, with helpers where the replica is not there.

        A batch is what one transaction of the replica holds at most.
        """
        self._batch, self._helpers = batch, helpers
        self._log, self._replica = log, replica
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tamga-follower", daemon=True)
        self._lock: IO[str] | None = None
        self._position = 0
        self.error: str | None = None
        """Why the follower does not advance, if it does not."""

    def start(self, progress: Progress | None = None) -> None:
        """Build the replica if it is not there, catch up with the head, and follow from then on.

        Where another process follows, wait until it has come that far. Raises Interrupted at `stop` or `interrupt`.
        """
        head = self._log.head().position
        while not self._lead(progress) and not self._there(head):
            self._pause(0.02)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the follower's thread runs."""
        return self._thread.is_alive()

    def interrupt(self) -> None:
        """Stop after the batch at hand; `stop` gives the lock back."""
        self._stopping.set()

    def stop(self) -> None:
        """Stop after the batch at hand and give the lock back."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._lock is not None:
            if self._replica.follows:
                self._connection.close()
            self._lock.close()

    def _lead(self, progress: Progress | None = None) -> bool:
        """Whether this process follows, taking the lock if it is free."""
        if self._lock is None:
            self._lock = lock(self._replica.path)
            if self._lock is None:
                return False
        if not self._replica.follows:
            if not self._replica.path.exists() or not self._fits():
                told = self._unless_stopped(progress)
                with built(self._log, self._replica.path, told, self._helpers) as (finished, _):
                    swap_in(finished, self._replica.path)
            self._open()
            self._replica.swapped()
            self._replica.advance(self._position)
            self._replica.follows = True
            self._catch_up()
        return True

    def _fits(self) -> bool:
        """Whether the replica's last events are the log's; a log restored from a backup may lack some, or have others.

        A replica that does not fit is removed, so that nobody reads it while it is made again.
        """
        try:
            with closing(apsw.Connection(str(self._replica.path), flags=apsw.SQLITE_OPEN_READWRITE)) as connection:
                connection.set_busy_timeout(5000)  # a reader may be making the index of a killed process's log again
                compare_with_log(connection, position_of(connection), self._log)
        except (SnapshotRefused, apsw.SQLError, apsw.NotADBError, apsw.CorruptError) as no:
            _LOGGER.warning("the replica does not fit the log and is made again from it: %s", no)
            self._replica.path.unlink()
            return False
        return True

    def _unless_stopped(self, progress: Progress | None) -> Progress:
        def told(done: int, whole: int) -> None:
            self._pause(0)
            if progress is not None:
                progress(done, whole)

        return told

    def _pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise Interrupted("stopped before the replica had caught up")

    def _there(self, position: int) -> bool:
        """Whether another process has made the replica and brought it to the position."""
        if not self._replica.path.exists():
            return False
        self._position = self._replica.position
        return self._position >= position

    def _open(self) -> None:
        self._connection = open_for_writing(self._replica.path)
        self._projector = Projector(self._connection)
        self._attempts = Attempts(self._replica.path, self._batch)
        self._position = position_of(self._connection)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                if self._lead():
                    self._follow()
                else:
                    self._stand_by()
                self.error = None
            except (apsw.CorruptError, apsw.NotADBError) as error:
                self._tell(error)
                self._give_up_file()
            except Exception as error:
                self._tell(error)
                passes = isinstance(error, PersistenceError) and not isinstance(error, LogRewound)
                self._stopping.wait(0.1 if passes else 1)

    def _give_up_file(self) -> None:
        """Remove a replica that was found damaged; it is made again from the log, as at a start."""
        if self._replica.follows:
            self._replica.follows = False
            self._connection.close(True)
            self._replica.path.unlink(missing_ok=True)
        self._stopping.wait(_LOOK)

    def _tell(self, error: Exception) -> None:
        """Log an error once, however often it is met again before the replica advances."""
        told, self.error = self.error, f"{type(error).__name__}: {error}"
        if told != self.error:
            _LOGGER.error("the replica does not advance beyond position %s", self._position, exc_info=error)

    def _follow(self) -> None:
        if (offer := offered(self._replica.path)).exists():
            self._adopt(offer)
        if self._log.wait(self._position, _LOOK):
            self._catch_up()

    def _stand_by(self) -> None:
        """Tell those who listen here how far the process that follows has come."""
        if self._log.wait(self._position, _LOOK):
            self._replica.wait(self._position + 1, _LOOK)
        position = self._replica.position
        if position > self._position:
            self._position = position
            self._replica.seen(position)

    def _catch_up(self) -> None:
        """Fold what the log has beyond the replica's position."""
        while not self._stopping.is_set():
            self._position, found = self._folded(self._projector, self._position)
            if not found:
                break
            self._replica.advance(self._position)
        self._replica.advance(self._position)

    def _folded(self, projector: Projector, position: int) -> tuple[int, bool]:
        """Fold one batch beyond a position; gives the position then, and whether there was one."""
        return step(self._log, projector, self._attempts, position)

    def _adopt(self, offer: Path) -> None:
        """Bring a finished file as far as ours, and put it in its place; nobody reads it before that."""
        old = self._connection
        try:
            with closing(open_for_writing(offer)) as connection:
                projector, position = Projector(connection), position_of(connection)
                while position < self._position:
                    position, _ = self._folded(projector, position)
            swap_in(offer, self._replica.path)
        finally:
            offer.unlink(missing_ok=True)
        self._open()
        self._replica.swapped()
        old.close()
