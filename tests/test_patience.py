"""A time limit around work that may or may not wait."""

import asyncio

import pytest

from schema.patience import within


async def nothing() -> str:
    return "done"


async def waiting(seconds: float, log: list[str]) -> str:
    try:
        await asyncio.sleep(0)
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        log.append("cancelled")
        raise
    finally:
        log.append("left")
    return "done"


async def failing() -> None:
    await asyncio.sleep(0)
    raise LookupError("inside")


async def test_work_that_never_waits_is_done_at_once() -> None:
    assert await within(0, nothing()) == "done"


async def test_work_that_waits_within_the_limit_is_done() -> None:
    log: list[str] = []
    assert (await within(5, waiting(0.01, log)), log) == ("done", ["left"])


async def test_work_that_waits_longer_is_cancelled() -> None:
    log: list[str] = []
    with pytest.raises(TimeoutError):
        await within(0.01, waiting(60, log))
    assert log == ["cancelled", "left"]


async def test_what_the_work_raises_is_raised() -> None:
    with pytest.raises(LookupError, match="inside"):
        await within(5, failing())


async def test_cancelling_from_outside_cancels_the_work() -> None:
    log: list[str] = []
    task = asyncio.create_task(within(60, waiting(60, log)))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == ["cancelled", "left"]
