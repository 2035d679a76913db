"""Reading by position, by stream and by time; on both stores."""

import threading
import time

import pytest

from service.log import Log, open_log
from tests.support.log_events import event, everything, record


@pytest.fixture
def filled(log: Log) -> Log:
    """Streams a and b in turn, ten events each; every third is of another name."""
    for number in range(20):
        stream, version = "ab"[number % 2], number // 2 + 1
        record(log, event(stream, version, name="Closed" if number % 3 == 0 else "Opened"))
    return log


def test_an_empty_log_has_no_head(log: Log) -> None:
    assert (log.head().position, log.head().recorded_at) == (0, None)
    assert log.max_notification_id() is None
    assert log.select_notifications(1, 10) == []
    assert log.select_events("a") == []


def test_the_head_is_the_last_entry(filled: Log) -> None:
    last = everything(filled)[-1]
    assert (filled.head().position, filled.head().recorded_at) == (last.position, last.recorded_at)
    assert filled.max_notification_id() == 20


@pytest.mark.parametrize(
    ("bounds", "versions"),
    [
        ({}, range(1, 11)),
        ({"gt": 7}, range(8, 11)),
        ({"lte": 3}, range(1, 4)),
        ({"gt": 2, "lte": 5}, range(3, 6)),
        ({"desc": True, "limit": 2}, [10, 9]),
        ({"limit": 0}, []),
        ({"lte": 0}, []),
    ],
)
def test_a_stream_is_read_by_version(filled: Log, bounds: dict[str, int], versions: list[int]) -> None:
    found = filled.select_events("a", **bounds)  # type: ignore[arg-type]
    assert [entry.version for entry in found] == list(versions)
    assert {entry.stream for entry in found} <= {"a"}


@pytest.mark.parametrize(
    ("start", "limit", "stop", "inclusive", "positions"),
    [
        (1, 5, None, True, range(1, 6)),
        (None, 3, None, True, range(1, 4)),
        (18, 10, None, True, range(18, 21)),
        (18, 10, None, False, range(19, 21)),
        (5, 10, 7, True, range(5, 8)),
        (21, 10, None, True, []),
        (1, 10, 0, True, []),
    ],
)
def test_the_log_is_read_by_position(
    filled: Log, start: int | None, limit: int, stop: int | None, inclusive: bool, positions: list[int]
) -> None:
    found = filled.select_notifications(start, limit, stop, inclusive_of_start=inclusive)
    assert [entry.position for entry in found] == list(positions)


def test_the_log_is_read_by_name(filled: Log) -> None:
    found = filled.select_notifications(1, 100, topics=["Closed"])
    assert [entry.position for entry in found] == [1, 4, 7, 10, 13, 16, 19]
    assert len(filled.select_notifications(1, 100, topics=["Closed", "Opened"])) == 20


def test_a_moment_leads_to_the_last_position_up_to_it(log: Log) -> None:
    for version in range(1, 6):
        record(log, event("a", version))
        time.sleep(0.003)
    entries = everything(log)
    assert [log.position_at(entry.recorded_at) for entry in entries] == [1, 2, 3, 4, 5]
    assert log.position_at("1999-12-31T23:59:59Z") == 0
    assert log.position_at("2999-01-01") == 5


def test_events_of_one_moment_are_reached_together(log: Log) -> None:
    record(log, event("a"), event("b"), event("c"))
    assert log.position_at(everything(log)[0].recorded_at) == 3


def test_a_moment_may_be_written_with_any_offset_and_precision(log: Log) -> None:
    record(log, event("a"))
    moment = everything(log)[0].recorded_at.removesuffix("Z")
    assert log.position_at(f"{moment}999+00:00") == 1
    assert log.position_at(f"{moment}+01:00") == 0
    assert log.position_at(f"{moment}-01:00") == 1


def test_a_moment_that_is_none_is_refused(log: Log) -> None:
    with pytest.raises(ValueError, match="yesterday"):
        log.position_at("yesterday")


def test_readers_never_see_half_a_command(log: Log) -> None:
    sizes: set[int] = set()
    stop = threading.Event()

    def look() -> None:
        last = False
        while not last:
            last = stop.is_set()
            sizes.add(len(log.select_notifications(1, 10_000)) % 5)

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(40):
        record(log, *(event(f"s{number}", version) for version in range(1, 6)))
    stop.set()
    for reader in readers:
        reader.join()
    assert sizes == {0}


def test_two_logs_on_one_database_see_each_other(log: Log, database_url: str) -> None:
    other = open_log(database_url)
    record(log, event("a"))
    record(other, event("a", 2))
    assert everything(log) == everything(other)
    assert other.record_id == log.record_id
    other.close()
