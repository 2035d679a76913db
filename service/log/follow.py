"""What wakes a reader: the newest position known in this process, threads that wait for a later one, and the
library's subscription. How a store learns of what other processes append is the store's own business.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from threading import Condition, Event, Thread
from typing import TYPE_CHECKING, Any

from eventsourcing.persistence import Subscription

if TYPE_CHECKING:
    from service.log.log import Entry, Log

_PAGE = 500
_PATIENCE = 0.5


class HeadWatch:
    """The newest position that this process knows of. A thread of the store (`watch`) runs from the first wait on."""

    def __init__(self, watch: Callable[[HeadWatch], None]) -> None:
        self._moved = Condition()
        self._head = 0
        self._waiting = 0
        self._thread: Thread | None = None
        self._watch = watch
        self.closed = Event()
        """Set when the log is closed: `watch` must return."""

    def publish(self, position: int) -> None:
        """Say that the head is at this position or beyond; wakes who waits for less."""
        with self._moved:
            if position > self._head:
                self._head = position
                self._moved.notify_all()

    def wait(self, position: int, timeout: float) -> bool:
        """Block until the head is beyond `position`, at most `timeout` seconds; say whether it is."""
        with self._moved:
            if self._head > position:
                return True
            self._start()
            self._waiting += 1
            self._moved.notify_all()
            try:
                self._moved.wait_for(lambda: self._head > position or self.closed.is_set(), timeout)
            finally:
                self._waiting -= 1
            return self._head > position

    def until_wanted(self) -> bool:
        """For `watch`: block while nobody waits; False when it is time to return."""
        with self._moved:
            self._moved.wait_for(lambda: self._waiting > 0 or self.closed.is_set())
        return not self.closed.is_set()

    def close(self) -> None:
        """Wake everybody and end the thread."""
        with self._moved:
            self.closed.set()
            self._moved.notify_all()
        if self._thread is not None:
            self._thread.join(5)

    def _start(self) -> None:
        if self._thread is None and not self.closed.is_set():
            self._thread = Thread(target=self._watch, args=(self,), name="log-watch", daemon=True)
            self._thread.start()


class LogSubscription(Subscription["Log"]):
    """The library's subscription over our log: events above a position, then those to come, until stopped."""

    def __init__(self, log: Log, gt: int | None = None, topics: Sequence[str] = ()) -> None:
        super().__init__(log, gt, topics)
        self._after = gt or 0
        self._page: deque[Entry] = deque()

    def __next__(self) -> Entry:
        while not self._has_been_stopped:
            if self._page:
                return self._page.popleft()
            self._read_on()
        raise StopIteration

    def __exit__(self, *args: object, **kwargs: Any) -> None:
        super().__exit__(*args, **kwargs)

    def _read_on(self) -> None:
        head = self._recorder.head().position
        page = self._recorder.select_notifications(self._after, _PAGE, head, self._topics, inclusive_of_start=False)
        self._page.extend(page)
        self._after = page[-1].position if len(page) == _PAGE else max(head, self._after)
        if not page:
            self._recorder.wait(self._after, _PATIENCE)
