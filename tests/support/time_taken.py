"""How long a piece of work may take, measured so that a busy or slow machine is no failure."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Fails if the block takes longer: processor time, since the machine may be busy, and more where it is slow."""
    slower = max(1.0, yardstick() / 0.01)
    began = time.process_time()
    yield
    took = time.process_time() - began
    assert took < seconds * slower, f"{took:.3f} s on a machine {slower:.1f} times slower than it is meant for"


def yardstick() -> float:
    """Seconds of processor time for a piece of plain Python: about 0.01 where the limits are meant for."""
    began = time.process_time()
    sorted(str(number) for number in range(25_000))
    return time.process_time() - began
