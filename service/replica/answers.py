"""What SQL can ask once and keep: values of SELECTs that are fixed by their SQL, their bound values and a position."""

import asyncio
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

import apsw

if TYPE_CHECKING:
    from apsw import SQLiteValue

_MOST = 2_000
_ROOM = 32_000_000
"""Bytes of answers that are kept, with what was asked; one that is larger than a quarter of it is not."""

_Key = tuple["SQLiteValue", ...]


class Answers:
    """Answers by SQL, position and values, for all connections of one replica; each is worked out once at a time.

    What the record said at a position never changes, and the newest position is another after each commit.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._kept: OrderedDict[_Key, SQLiteValue] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()
        self._working: dict[_Key, threading.Event] = {}

    def register(self, connection: apsw.Connection) -> None:
        """Make `kept(sql, position, value, ...)` known to a connection: the first value of the SELECT at that position.

        The SELECT may depend on nothing but its values and on the record as it was at the position.
        """

        def kept(*key: "SQLiteValue") -> "SQLiteValue":
            return self._answer(connection, key)

        connection.create_scalar_function("kept", kept, -1)

    def _answer(self, connection: apsw.Connection, key: _Key) -> "SQLiteValue":
        while True:
            with self._lock:
                if key in self._kept:
                    self._kept.move_to_end(key)
                    return self._kept[key]
                others = self._working.get(key)
                if others is None:
                    self._working[key] = threading.Event()
            if others is None:
                return self._work(connection, key)
            _wait(others)

    def _work(self, connection: apsw.Connection, key: _Key) -> "SQLiteValue":
        sql, _, *values = key
        try:
            answer: SQLiteValue = connection.execute(str(sql), values).get
            self._keep(key, answer)
            return answer
        finally:
            with self._lock:
                self._working.pop(key).set()

    def _keep(self, key: _Key, answer: "SQLiteValue") -> None:
        if _bytes(*key, answer) > _ROOM // 4:
            return
        with self._lock:
            self._kept[key] = answer
            self._size += _bytes(*key, answer)
            while self._size > _ROOM or len(self._kept) > _MOST:
                oldest, forgotten = self._kept.popitem(last=False)
                self._size -= _bytes(*oldest, forgotten)


def _bytes(*values: "SQLiteValue") -> int:
    return sum(len(each) if isinstance(each, (str, bytes)) else 8 for each in values)


def _wait(working: threading.Event) -> None:
    """Wait for another thread's work. An event loop never waits: its read is given up and made anew in a thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        working.wait()
    else:
        raise apsw.InterruptError("another thread works it out")
