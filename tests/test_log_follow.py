"""Who waits for the head to move on is woken, by this process and by others; on both stores."""

import contextlib
import threading
import time

import pytest
from eventsourcing.persistence import OperationalError

from service.log import Log, open_log
from tests.support.log_events import event, record


def woken_after(log: Log, writer: Log, version: int) -> float:
    """Seconds from the answer of an append by `writer` until a thread that waits on `log` goes on."""
    woken: list[float] = []

    def wait() -> None:
        if log.wait(version - 1, 60):
            woken.append(time.perf_counter())

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.03)
    record(writer, event("a", version))
    answered = time.perf_counter()
    thread.join()
    assert woken, f"nobody was woken by version {version}"
    return woken[0] - answered


def test_waiting_for_what_is_there_returns_at_once(log: Log) -> None:
    record(log, event("a"))
    assert log.wait(0, 0)


def test_waiting_ends_with_the_time_allowed(log: Log) -> None:
    started = time.monotonic()
    assert not log.wait(0, 0.05)
    assert 0.04 < time.monotonic() - started < 10


def test_an_own_append_wakes_at_once(log: Log) -> None:
    delays = [woken_after(log, log, version) for version in range(1, 10)]
    assert min(delays) < 0.01, delays  # a busy machine may wake a thread late, most of the times that it should


def test_an_append_of_another_wakes_within_milliseconds(log: Log, database_url: str) -> None:
    other = open_log(database_url)
    delays = [woken_after(log, other, version) for version in range(1, 10)]
    other.close()
    assert min(delays) < 0.05, delays


def test_many_may_wait_for_different_positions(log: Log) -> None:
    reached: list[int] = []

    def wait(position: int) -> None:
        if log.wait(position, 60):
            reached.append(position)

    threads = [threading.Thread(target=wait, args=(position,)) for position in range(5)]
    for thread in threads:
        thread.start()
    record(log, *(event("a", version) for version in range(1, 6)))
    for thread in threads:
        thread.join()
    assert sorted(reached) == [0, 1, 2, 3, 4]


def test_closing_wakes_who_waits(log: Log) -> None:
    ended: list[float] = []

    def wait() -> None:
        with contextlib.suppress(OperationalError):
            log.wait(0, 120)
        ended.append(time.monotonic())

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.05)
    started = time.monotonic()
    log.close()
    thread.join()
    assert ended[0] - started < 30


def test_a_subscription_replays_and_goes_on(log: Log) -> None:
    record(log, event("a"), event("b"))
    with log.subscribe(gt=1) as subscription:
        assert next(subscription).id == 2
        threading.Timer(0.02, lambda: record(log, event("a", 2))).start()
        assert next(subscription).id == 3


def test_a_subscription_by_name_passes_over_the_rest(log: Log) -> None:
    record(log, *(event("a", version, name="Closed" if version == 700 else "Opened") for version in range(1, 801)))
    with log.subscribe(topics=["Closed"]) as subscription:
        assert next(subscription).id == 700
        threading.Timer(0.02, lambda: record(log, event("b", name="Closed"))).start()
        assert next(subscription).id == 801


def test_a_stopped_subscription_ends(log: Log) -> None:
    with log.subscribe() as subscription:
        threading.Timer(0.05, subscription.stop).start()
        with pytest.raises(StopIteration):
            next(subscription)
