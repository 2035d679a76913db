"""A limit on how long something may take, which costs nothing where nothing has to be waited for."""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """What the work returns. Raises TimeoutError if it waits longer than this; work that never waits is not timed."""
    try:
        waiting = work.send(None)
    except StopIteration as done:
        found: T = done.value
        return found
    async with asyncio.timeout(seconds):
        return await _Begun(work, waiting)


class _Begun(Generic[T]):
    """A coroutine that has begun, and what it waits for."""

    def __init__(self, work: Coroutine[Any, Any, T], waiting: Any) -> None:
        self._work = work
        self._waiting = waiting

    def __await__(self) -> Generator[Any, Any, T]:
        waiting = self._waiting
        try:
            while True:
                try:
                    got = yield waiting
                except BaseException as error:
                    waiting = self._work.throw(error)
                else:
                    waiting = self._work.send(got)
        except StopIteration as done:
            found: T = done.value
            return found
