"""What may be appended, what is refused, and what a repeat gets; on both stores."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import apsw
import psycopg
import pytest
from eventsourcing.persistence import IntegrityError, RecordConflictError, StoredEvent

from service.log import (
    MAX_STATE,
    AlreadyRecorded,
    CommandMismatch,
    EventTooLarge,
    InvalidEvent,
    Log,
    LogClosed,
    VersionConflict,
    open_log,
)
from tests.support.log_events import assert_sound, command, event, everything, record, state


def test_positions_begin_at_one_and_leave_no_gap(log: Log) -> None:
    assert record(log, event("a"), event("b")) == [1, 2]
    assert record(log, event("a", 2)) == [3]


def test_an_entry_says_what_was_recorded_by_whom_and_when(log: Log) -> None:
    record(log, event("deal:1", content=state(amount="12.50"), name="DealOpened"), id="c-1", actor="bob")
    [entry] = everything(log)
    assert (entry.stream, entry.version, entry.event, entry.position) == ("deal:1", 1, "DealOpened", 1)
    assert (entry.state, entry.recorded_by, entry.command_id) == (state(amount="12.50"), "bob", "c-1")
    assert len(entry.recorded_at) == len("2026-01-01T00:00:00.000Z")
    assert entry.recorded_at.endswith("Z")


def test_a_repeated_command_is_told_its_first_positions(log: Log) -> None:
    record(log, event("a"), event("b"), id="c")
    with pytest.raises(AlreadyRecorded) as repeat:
        record(log, event("a"), event("b"), id="c")
    assert list(repeat.value.positions) == [1, 2]
    assert log.head().position == 2


def test_a_repeat_is_recognised_though_its_streams_have_moved_on(log: Log) -> None:
    record(log, event("a"), id="c")
    record(log, event("a", 2))
    with pytest.raises(AlreadyRecorded):
        record(log, event("a"), id="c")


def test_another_request_under_a_used_id_is_refused(log: Log) -> None:
    record(log, event("a"), id="c", request="one")
    with pytest.raises(CommandMismatch):
        record(log, event("b"), id="c", request="two")
    assert log.head().position == 1


def test_a_command_id_belongs_to_its_actor(log: Log) -> None:
    record(log, event("a"), id="c", actor="alice")
    assert record(log, event("b"), id="c", actor="bob", request="other") == [2]


@pytest.mark.parametrize("version", [1, 3])
def test_a_version_that_is_not_next_is_a_conflict(log: Log, version: int) -> None:
    record(log, event("a"))
    with pytest.raises(VersionConflict) as conflict:
        record(log, event("a", version))
    assert (conflict.value.stream, conflict.value.version, conflict.value.current) == ("a", version, 1)


def test_a_conflict_is_what_the_library_expects() -> None:
    assert issubclass(VersionConflict, IntegrityError)
    assert issubclass(VersionConflict, RecordConflictError)


def test_a_command_is_recorded_whole_or_not_at_all(log: Log) -> None:
    record(log, event("taken"))
    with pytest.raises(VersionConflict):
        record(log, event("new"), event("taken"), id="c")
    assert [entry.stream for entry in everything(log)] == ["taken"]
    assert log.command("alice", "c") is None


def test_a_refused_command_burns_no_position(log: Log) -> None:
    record(log, event("a"))
    with pytest.raises(VersionConflict):
        record(log, event("a"))
    assert record(log, event("b")) == [2]


def test_a_refused_command_may_be_sent_again_with_the_same_id(log: Log) -> None:
    record(log, event("a"))
    with pytest.raises(VersionConflict):
        record(log, event("a"), id="c")
    assert record(log, event("a", 2), id="c") == [2]


def test_commands_of_one_append_do_not_disturb_each_other(log: Log) -> None:
    record(log, event("old"), id="known")
    outcomes = log.append(
        [
            command(event("a")),
            command(event("old"), event("x")),
            command(event("old"), id="known"),
            command(event("y"), id="known", request="other"),
            command(event("a", 2), event("a", 3)),
            command(event("a", 2)),
            command(event("b")),
        ]
    )
    assert [type(outcome) for outcome in outcomes] == [
        range,
        VersionConflict,
        AlreadyRecorded,
        CommandMismatch,
        range,
        VersionConflict,
        range,
    ]
    assert [list(outcome) for outcome in outcomes if isinstance(outcome, range)] == [[2], [3, 4], [5]]
    assert_sound(everything(log))


def test_a_command_may_be_repeated_within_one_append(log: Log) -> None:
    once = command(event("a"), id="c")
    first, second = log.append([once, once])
    assert first == range(1, 2)
    assert isinstance(second, AlreadyRecorded)


def test_an_event_of_the_greatest_size_is_kept_whole(log: Log) -> None:
    content = state(text="x" * (MAX_STATE - len(state(text=""))))
    record(log, event("a", content=content))
    assert everything(log)[0].state == content


def test_a_larger_event_is_refused(log: Log) -> None:
    with pytest.raises(EventTooLarge, match="60,001 bytes"):
        record(log, event("a", content=b"x" * (MAX_STATE + 1)))
    assert log.head().position == 0


def test_bytes_whose_entry_would_be_too_long_are_refused(log: Log) -> None:
    with pytest.raises(EventTooLarge, match="entry"):
        record(log, event("a", content=b"\xff" * 50_000))


def test_bytes_that_are_no_json_are_kept_as_they_are(log: Log) -> None:
    record(log, event("a", content=bytes(range(256))))
    assert everything(log)[0].state == bytes(range(256))


@pytest.mark.parametrize("name", ["", "a\0b", "a\nb", "\ud800", "x" * 201, "ж" * 101])
def test_a_name_that_no_log_could_hold_is_refused(log: Log, name: str) -> None:
    with pytest.raises(InvalidEvent):
        record(log, event(name))
    with pytest.raises(InvalidEvent):
        record(log, event("a", name=name))
    with pytest.raises(InvalidEvent):
        record(log, event("a"), actor=name)


@pytest.mark.parametrize("version", [0, -1, 2**53, True])
def test_a_version_is_a_whole_number_from_one(log: Log, version: int) -> None:
    with pytest.raises(InvalidEvent):
        record(log, event("a", version, content=state()))


def test_versions_within_a_command_follow_one_another(log: Log) -> None:
    with pytest.raises(InvalidEvent):
        record(log, event("a", 1), event("a", 3))


def test_a_command_without_events_records_nothing(log: Log) -> None:
    assert record(log) == []
    with pytest.raises(InvalidEvent):
        log.append([command()])
    assert log.append([]) == []


def test_a_bad_command_spoils_no_other_thread(log: Log) -> None:
    refused: list[Exception] = []

    def misbehave() -> None:
        for _ in range(50):
            try:
                record(log, StoredEvent("bad", 1, "E", "text"))  # type: ignore[arg-type]
            except InvalidEvent as error:
                refused.append(error)

    thread = threading.Thread(target=misbehave)
    thread.start()
    positions = [record(log, event("good", version))[0] for version in range(1, 51)]
    thread.join()
    assert positions == list(range(1, 51))
    assert len(refused) == 50


def test_many_threads_share_the_log(log: Log) -> None:
    answers: dict[str, list[int]] = {}

    def work(name: str) -> None:
        answers[name] = [position for version in range(1, 26) for position in record(log, event(name, version))]

    threads = [threading.Thread(target=work, args=(f"s{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = everything(log)
    assert_sound(entries)
    assert all(
        [entry.position for entry in entries if entry.stream == name] == positions
        for name, positions in answers.items()
    )


def test_the_command_log_is_kept_over_a_restart(log: Log, database_url: str) -> None:
    record(log, event("a"), id="c", request="one")
    log.close()
    again = open_log(database_url)
    stored = again.command("alice", "c")
    assert stored is not None
    assert (stored.request_hash, list(stored.positions)) == ("one", [1])
    assert again.command("alice", "other") is None
    assert again.record_id == log.record_id
    again.close()


def test_what_was_appended_is_counted(log: Log) -> None:
    log.append([command(event("a")), command(event("b"))])
    record(log, event("c"))
    stats = log.stats()
    assert (stats.transactions, stats.commands) == (2, 3)
    assert stats.seconds > 0


def test_commands_that_wait_share_a_transaction(log: Log, database_url: str) -> None:
    threads = [threading.Thread(target=record, args=(log, event(f"s{number}"))) for number in range(60)]
    with held_up(database_url):
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join()
    assert log.stats().commands == 60
    assert log.stats().transactions < 60


@contextmanager
def held_up(url: str) -> Iterator[None]:
    """Whoever writes waits until the block ends."""
    if url.startswith("sqlite"):
        with closing(apsw.Connection(url.removeprefix("sqlite:///"))) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
    else:
        with psycopg.connect(url) as connection:
            connection.execute("SELECT 1 FROM tamga.head FOR UPDATE")
            yield


def test_a_closed_log_refuses(log: Log) -> None:
    log.close()
    with pytest.raises(LogClosed):
        record(log, event("a"))
    with pytest.raises(LogClosed):
        log.head()
    log.close()


def test_each_log_has_an_id_of_its_own(log: Log, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = open_log(f"sqlite:///{tmp_path_factory.mktemp('other')}/log.db")
    assert other.record_id != log.record_id
    assert len(other.record_id) == len(log.record_id) == 32
    other.close()


def test_an_address_of_no_log_is_refused() -> None:
    with pytest.raises(ValueError, match="mysql"):
        open_log("mysql://localhost/log")
