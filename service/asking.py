"""Asking the log from the event loop: in threads for that alone, and for no longer than somebody waits.

A database that hangs then keeps nothing waiting that is read from files or the replica.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from eventsourcing.persistence import OperationalError

T = TypeVar("T")

PATIENCE = 5.0
"""Seconds until who asks is told that the log does not answer."""

_threads = ThreadPoolExecutor(8, thread_name_prefix="ask-log")
"""As many as the log reads at once; who asks beyond that waits, and if told in the end, takes no thread any more."""


async def ask_log(work: Callable[[], T]) -> T:
    """What the work, which may wait for the log's database, returns. Raises OperationalError if that takes too long."""
    asked = asyncio.get_running_loop().run_in_executor(_threads, work)
    try:
        return await asyncio.wait_for(asked, PATIENCE)
    except TimeoutError:
        raise OperationalError(f"the log has not answered for {PATIENCE:g} seconds") from None
