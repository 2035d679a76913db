"""Connections, transactions and servers break under the log: nothing is lost, repeated or passed over."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from eventsourcing.persistence import OperationalError
from psycopg.conninfo import conninfo_to_dict

from service.log import AlreadyRecorded, Entry, Log, VersionConflict, migrate
from service.log.postgres import _APPEND, PostgresLog, _arrays
from service.log.sqlite import SQLiteLog
from tests.support import stores
from tests.support.cut_proxy import CutProxy, cut_proxy
from tests.support.log_events import assert_acknowledged, assert_sound, command, event, everything, record
from tests.support.postgres_server import own_server
from tests.support.service import eventually

pytestmark = pytest.mark.fault


class Load:
    """Threads that append to streams of their own until stopped; a follower reads all that appears."""

    def __init__(self, log: Log, threads: int = 4) -> None:
        self._log = log
        self._stop = threading.Event()
        self.answered: list[tuple[str, str, int, int]] = []
        self.times: list[float] = []
        self.errors: list[Exception] = []
        self.followed: list[Entry] = []
        self._threads = [threading.Thread(target=self._append, args=(f"s{n}",)) for n in range(threads)]
        self._threads.append(threading.Thread(target=self._follow))

    def _append(self, stream: str) -> None:
        version = 1
        while not self._stop.is_set():
            try:
                [position] = record(self._log, event(stream, version), id=f"{stream}-{version}")
            except Exception as error:
                self.errors.append(error)
                return
            self.answered.append(("alice", f"{stream}-{version}", position, position))
            self.times.append(time.monotonic())
            version += 1

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                self._log.wait(len(self.followed), 0.2)
                self.followed += self._log.select_notifications(len(self.followed) + 1, 500)
            except OperationalError as error:
                self.errors.append(error)
                return

    @contextmanager
    def running(self) -> Iterator[None]:
        """While the block runs; then nothing may have failed, and all that was answered must be there."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()
        assert self.errors == []
        entries = everything(self._log)
        assert_sound(entries)
        assert_acknowledged(self._log, self.answered)
        assert len(entries) == len(self.answered)
        assert self.followed == entries[: len(self.followed)]


@pytest.fixture
def url() -> Iterator[str]:
    with stores.fresh_database("postgresql", Path()) as fresh:
        yield fresh


@pytest.fixture
def proxy(url: str) -> Iterator[CutProxy]:
    parts = conninfo_to_dict(url)
    with cut_proxy(str(parts["host"]), int(str(parts["port"]))) as between:
        yield between


@pytest.fixture
def proxied(url: str, proxy: CutProxy) -> str:
    return stores.address(url.rpartition("/")[2], port=str(proxy.port))


ENDINGS = ("COMMIT", "ROLLBACK")


@pytest.mark.parametrize("first_ending", ENDINGS)
@pytest.mark.parametrize("second_ending", ENDINGS)
@pytest.mark.parametrize("same_stream", [False, True])
def test_two_open_transactions_on_postgresql(
    url: str, first_ending: str, second_ending: str, same_stream: bool
) -> None:
    log, seen = PostgresLog(url), list[Entry]()
    with psycopg.connect(url) as first, psycopg.connect(url) as second:
        first.execute(_APPEND, _arrays([command(event("a"))]))
        verdicts: list[str] = []

        def append_second() -> None:
            rows = second.execute(_APPEND, _arrays([command(event("a" if same_stream else "b"))])).fetchall()
            verdicts.append(rows[0][0])
            second.execute(second_ending.encode())

        waiting = threading.Thread(target=append_second)
        waiting.start()
        time.sleep(0.05)
        assert verdicts == []
        assert log.select_notifications(1, 10) == []
        first.execute(first_ending.encode())
        seen += log.select_notifications(1, 10)
        waiting.join()
    entries = everything(log)
    log.close()
    assert_sound(entries)
    assert seen == entries[: len(seen)]
    refused = same_stream and first_ending == "COMMIT"
    assert verdicts == ["conflict" if refused else "recorded"]
    assert len(entries) == (first_ending == "COMMIT") + (second_ending == "COMMIT" and not refused)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("same_stream", [False, True])
def test_two_open_transactions_on_sqlite(tmp_path: Path, ending: str, same_stream: bool) -> None:
    log = SQLiteLog(tmp_path / "log.db")
    other = log._connect()
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO event VALUES (1, 'a', 1, 'E', x'7b7d', '2026-01-01T00:00:00.000Z', 'bob', 'c')")
    outcomes: list[object] = []
    waiting = threading.Thread(
        target=lambda: outcomes.extend(log.append([command(event("a" if same_stream else "b"))]))
    )
    waiting.start()
    time.sleep(0.05)
    assert outcomes == []
    assert everything(log) == []
    other.execute(ending)
    waiting.join()
    assert_sound(everything(log))
    refused = same_stream and ending == "COMMIT"
    assert isinstance(outcomes[0], VersionConflict if refused else range)
    assert len(everything(log)) == (ending == "COMMIT") + (not refused)
    other.close()
    log.close()


def test_an_answer_lost_after_commit_is_no_conflict(proxy: CutProxy, proxied: str) -> None:
    log = PostgresLog(proxied)
    record(log, event("a"))
    proxy.cut_answer_to(b"the-cut-one")
    assert record(log, event("a", 2), event("b"), id="the-cut-one") == [2, 3]
    assert proxy.cuts == 1
    assert record(log, event("a", 3)) == [4]
    assert_sound(everything(log))
    log.close()


def test_a_client_that_was_never_answered_learns_its_positions_by_asking_again(
    url: str, proxy: CutProxy, proxied: str
) -> None:
    log = PostgresLog(proxied, patience=0.2)
    record(log, event("a"))
    proxy.cut_answer_to(b"the-cut-one")
    proxy.refuse()
    with pytest.raises(OperationalError):
        record(log, event("a", 2), id="the-cut-one")
    log.close()
    again = PostgresLog(url)
    with pytest.raises(AlreadyRecorded) as known:
        record(again, event("a", 2), id="the-cut-one")
    assert list(known.value.positions) == [2]
    again.close()


def test_whoever_waits_for_a_server_that_hangs_is_told_once_the_log_is_cut_off(proxy: CutProxy, proxied: str) -> None:
    log = PostgresLog(proxied)
    record(log, event("a"))
    proxy.hang_at(b"the-last-one")
    with ThreadPoolExecutor() as pool:
        recorded = pool.submit(record, log, event("a", 2), id="the-last-one")
        assert proxy.silent.wait(30)
        looked = pool.submit(log.head)
        assert not recorded.done()
        log.cut_off()
        with pytest.raises(OperationalError):
            recorded.result(60)
        with pytest.raises(OperationalError):
            looked.result(60)
        log.close()


def test_connections_cut_under_load_lose_and_repeat_nothing(proxy: CutProxy, proxied: str) -> None:
    disturb_under_load(proxied, proxy.cut_all, seconds=1)


def test_backends_terminated_under_load_lose_and_repeat_nothing(url: str) -> None:
    disturb_under_load(url, lambda: terminate_backends(url), seconds=1)


@pytest.mark.soak
def test_backends_terminated_for_a_minute(url: str) -> None:
    disturb_under_load(url, lambda: terminate_backends(url), seconds=60)


@pytest.mark.soak
def test_connections_cut_for_a_minute(proxy: CutProxy, proxied: str) -> None:
    disturb_under_load(proxied, proxy.cut_all, seconds=60)


def disturb_under_load(url: str, disturb: Callable[[], None], seconds: float) -> None:
    log = PostgresLog(url, patience=60)  # a loaded machine may not connect between two cuts for a while
    load = Load(log)
    with load.running():
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline or (len(load.answered) < 10 and time.monotonic() < deadline + 60):
            time.sleep(0.1)
            disturb()
    assert len(load.answered) >= 10
    log.close()


def terminate_backends(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_lost_listener_hears_again(url: str) -> None:
    log = PostgresLog(url)
    assert not log.wait(0, 0.1)
    terminate_backends(url)
    other = PostgresLog(url)
    threading.Timer(0.3, lambda: record(other, event("a"))).start()
    assert log.wait(0, 60)
    other.close()
    log.close()


def restart_under_load(restarts: int) -> list[float]:
    """Seconds from each restart's end until an append was answered again."""
    gaps = []
    with own_server() as server:
        migrate(server.url)
        log = PostgresLog(server.url)
        load = Load(log)
        with load.running():
            for _ in range(restarts):
                time.sleep(0.5)
                server.stop("immediate")
                time.sleep(0.2)
                server.start()
                back, before = time.monotonic(), len(load.times)
                eventually(lambda before=before: len(load.times) > before or load.errors)  # type: ignore[misc]
                assert load.errors == []
                gaps.append(load.times[before] - back)
        log.close()
    return gaps


def test_all_goes_on_after_the_server_crashed_and_came_back() -> None:
    assert len(restart_under_load(1)) == 1  # the patience of a log, 8 seconds from the crash on, was enough


@pytest.mark.soak
def test_all_goes_on_after_many_crashes() -> None:
    assert max(restart_under_load(25)) < 5
