"""Asking the log from the event loop: who waits too long is told, and keeps nobody from what the log has no part in."""

import asyncio
import threading

import pytest
from eventsourcing.persistence import OperationalError

from service import asking
from service.asking import ask_log


async def test_a_log_that_hangs_is_told_of_and_asked_no_more_than_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "PATIENCE", 0.3)
    answers, began = threading.Event(), list[int]()

    def hanging() -> None:
        began.append(1)
        answers.wait(20)

    asked = asyncio.gather(*(ask_log(hanging) for _ in range(40)), return_exceptions=True)
    assert await asyncio.to_thread(lambda: "a file") == "a file"
    told = await asked
    assert [type(each) for each in told] == [OperationalError] * 40
    assert str(told[0]) == "the log has not answered for 0.3 seconds"
    answers.set()
    monkeypatch.setattr(asking, "PATIENCE", 20)
    assert await ask_log(lambda: "an entry") == "an entry"
    assert len(began) == 8
