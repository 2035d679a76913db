"""The follower: what it builds, what a kill leaves behind, and how a rebuild takes the place of a replica in use."""

import asyncio
import multiprocessing
import os
import random
import signal
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest
from click.testing import CliRunner

from domain.catalogue import read_fact
from domain.fact import Fact
from service.cli import main
from service.log import Log, open_log
from service.registry import Registry
from service.replica.follow import Follower
from service.replica.helpers import Helpers
from service.replica.projector import Projector
from service.replica.rebuild import fold_all, rebuild
from service.replica.store import Replica, open_for_writing, position_of
from service.replica.tables import ALIVE, TABLES, ddl
from tests.support.service import eventually
from tests.support.stores import fresh_database


def facts(deals: int, first: int = 0) -> list[Fact]:
    """Deals with a value, a line and an effect each, all on one source."""
    source = [{"source": "source:s"}]
    amount = {"low": "8", "high": "8", "unit": "aircraft"}
    made: list[dict[str, Any]] = []
    if first == 0:
        made.append({"event": "SourceRegistered", "id": "source:s", "data": {"kind": "NEWS", "title": "A paper"}})
    for number in range(first, first + deals):
        id = f"deal:d{number}"
        contents: list[tuple[str, dict[str, Any]]] = [
            ("DealAnnounced", {"title": f"Deal {number}"}),
            ("DealValueReported", {"money": {"low": "5", "high": "5", "currency": "USD", "basis": "CONTRACT"}}),
            ("DealLineReported", {"key": "l", "item": "787", "quantity": amount, "commitment": "FIRM"}),
            ("EffectClaimed", {"kind": "JOBS", "quantity": {**amount, "unit": "jobs"}}),
        ]
        made += [{"event": event, "id": id, "sources": source, "data": data} for event, data in contents]
    return [read_fact(one) for one in made]


def rows(connection: apsw.Connection) -> dict[str, list[Any]]:
    """Everything that the replica holds."""
    tables = ("event", "facet", "depends", "touched", "held_back", "search", *TABLES)
    return {table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr) for table in tables}


def fresh_fold(log: Log) -> dict[str, list[Any]]:
    """What a fold of the whole log from nothing holds."""
    connection = apsw.Connection(":memory:")
    for statement in ddl():
        connection.execute(statement)
    fold_all(log, connection)
    return rows(connection)


def record(folder: Path, deals: int) -> None:
    log = open_log(f"sqlite:///{folder}/log.db")
    Registry(log).record(facts(deals), actor="cli", command_id="all")
    log.close()


def follow(folder: Path) -> None:
    log = open_log(f"sqlite:///{folder}/log.db")
    follower = Follower(log, Replica(folder, log.record_id), batch=7)
    follower.start()
    time.sleep(60)


def reached(path: Path) -> int:
    """The position of a replica by its file, of which nothing stays open: processes are forked beside."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.set_busy_timeout(10_000)
        return position_of(connection)


@pytest.mark.fault
@pytest.mark.parametrize("rounds", [12, pytest.param(100, marks=pytest.mark.soak)])
def test_kills_during_projection_leave_what_a_fresh_fold_makes(tmp_path: Path, rounds: int) -> None:
    fork = multiprocessing.get_context("fork")
    writer = fork.Process(target=record, args=(tmp_path, 600))
    writer.start()
    writer.join()
    path, chance, head = Replica(tmp_path, "any").path, random.Random(7), len(facts(600))
    open_for_writing(path).close()
    for _ in range(rounds):
        before = reached(path)
        child = fork.Process(target=follow, args=(tmp_path,), daemon=True)
        child.start()
        eventually(lambda before=before: before < reached(path) or reached(path) == head)  # type: ignore[misc]
        time.sleep(chance.uniform(0, 0.03))
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        assert child.exitcode == -signal.SIGKILL
    log = open_log(f"sqlite:///{tmp_path}/log.db")
    replica = Replica(tmp_path, log.record_id)
    follower = Follower(log, replica)
    follower.start()
    with replica.read() as connection:
        assert rows(connection) == fresh_fold(log)
    follower.stop()
    log.close()


@pytest.fixture
def node(tmp_path: Path) -> Any:
    """A log with a follower and its replica, started."""
    log = open_log(f"sqlite:///{tmp_path}/log.db")
    replica = Replica(tmp_path, log.record_id)
    follower = Follower(log, replica)
    registry = Registry(log)
    registry.record(facts(3), actor="cli")
    follower.start()
    yield log, registry, replica
    follower.stop()
    replica.close()
    log.close()


def test_a_follower_begins_once_nobody_has_the_replica_to_himself(tmp_path: Path) -> None:
    with closing(open_log(f"sqlite:///{tmp_path}/log.db")) as log:
        replica = Replica(tmp_path, log.record_id)
        open_for_writing(replica.path).close()
        alone = apsw.Connection(str(replica.path))
        alone.execute("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; COMMIT").fetchall()
        threading.Timer(0.2, alone.close).start()
        follower = Follower(log, replica)
        follower.start()
        follower.stop()
        replica.close()


def test_a_replica_that_is_damaged_in_use_is_made_again_from_the_log(node: Any) -> None:
    log, registry, replica = node
    with open(replica.path, "r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (replica.path.stat().st_size - 4096))
    receipt = registry.record(facts(5, first=3), actor="cli")
    eventually(lambda: replica.follows and replica.position == receipt.position)
    with replica.read() as connection:
        assert rows(connection) == fresh_fold(log)


def test_what_is_recorded_can_be_read_once_its_position_is_reached(node: Any) -> None:
    _, registry, replica = node
    receipt = registry.record(facts(1, first=3), actor="cli")
    assert replica.wait(receipt.position, 30)
    with replica.read() as connection:
        assert connection.execute("SELECT title FROM deal WHERE id = 'deal:d3' AND until = ?", (ALIVE,)).get == "Deal 3"


async def test_waiting_for_a_position_ends_when_it_is_reached_or_the_time_is_up(node: Any) -> None:
    _, registry, replica = node
    assert not await replica.reached(replica.position + 1, 0.05)
    receipt = registry.record(facts(1, first=4), actor="cli")
    assert await replica.reached(receipt.position, 30)


async def test_any_number_may_wait_in_a_process_that_stands_by_and_take_no_thread(node: Any) -> None:
    log, registry, replica = node
    beside = Replica(replica.path.parent, log.record_id)
    standing_by = Follower(log, beside)
    standing_by.start()
    try:
        threads = threading.active_count()
        waiting = [asyncio.create_task(beside.reached(beside.position + 1, 30)) for _ in range(50)]
        await asyncio.sleep(0)
        assert not beside.follows
        assert threading.active_count() <= threads
        registry.record(facts(1, first=5), actor="cli")
        assert await asyncio.gather(*waiting) == [True] * 50
    finally:
        standing_by.stop()
        beside.close()


def test_a_rebuild_takes_the_place_of_a_replica_in_use(node: Any) -> None:
    log, registry, replica = node
    before = replica.path.stat().st_ino
    seen: list[tuple[int, int]] = []
    rebuild(log, replica.path, lambda done, whole: seen.append((done, whole)))
    assert replica.path.stat().st_ino != before
    assert seen[-1] == (replica.position, replica.position)
    receipt = registry.record(facts(1, first=5), actor="cli")
    assert replica.wait(receipt.position, 30)
    with replica.read() as connection:
        assert connection.execute("SELECT count(*) FROM deal WHERE until = ?", (ALIVE,)).get == 4
        assert rows(connection) == fresh_fold(log)


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_a_rebuild_by_several_processes_makes_what_one_makes(
    node: Any, tmp_path: Path, processes: int, caplog: pytest.LogCaptureFixture
) -> None:
    log, registry, replica = node
    registry.record(facts(20, first=7), actor="cli")
    withdrawn = {"event": "SourceWithdrawn", "id": "source:s", "data": {"reason": "taken back"}}
    registry.record([read_fact(withdrawn)], actor="cli")
    rebuild(log, replica.path, helpers=Helpers(f"sqlite:///{tmp_path}/log.db", processes))
    with replica.read() as connection:
        assert rows(connection) == fresh_fold(log)
        texts = connection.execute("SELECT count(*) FROM search").get
        assert connection.execute("SELECT count(*) FROM search WHERE search MATCH 'deal OR paper'").get == texts
    assert not list(tmp_path.glob("*.building-*"))
    assert "a process that helped" not in caplog.text


def test_several_processes_rebuild_from_postgresql(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with fresh_database("postgresql", tmp_path) as url, closing(open_log(url)) as log:
        Registry(log).record(facts(20), actor="cli")
        names = {"TAMGA_DATA_DIR": str(tmp_path), "TAMGA_DATABASE_URL": url, "TAMGA_REBUILD_PROCESSES": "2"}
        told = CliRunner().invoke(main, ["rebuild"], env=names)
        assert told.exit_code == 0, told.output
        with Replica(tmp_path, log.record_id).read() as connection:
            assert rows(connection) == fresh_fold(log)
    assert "a process that helped" not in caplog.text


def test_a_rebuild_goes_on_without_a_helper_that_fails(
    node: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log, registry, replica = node
    registry.record(facts(20, first=7), actor="cli")
    with caplog.at_level("WARNING", "tamga.replica"):
        rebuild(log, replica.path, helpers=Helpers("no such place", 2))
    assert "a process that helped to rebuild failed; its share is folded here" in caplog.text
    assert "no such place" in caplog.text
    with replica.read() as connection:
        assert rows(connection) == fresh_fold(log)
    assert not list(tmp_path.glob("*.building-*"))


@pytest.mark.fault
def test_a_rebuild_goes_on_without_a_helper_that_is_killed(
    node: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log, registry, replica = node
    registry.record(facts(20, first=7), actor="cli")
    killed: list[int] = []

    def kill(*_: int) -> None:
        if not killed:
            killed.extend(helpers_of_this_process())
            for pid in killed:
                os.kill(pid, signal.SIGKILL)

    with caplog.at_level("WARNING", "tamga.replica"):
        rebuild(log, replica.path, kill, Helpers(f"sqlite:///{tmp_path}/log.db", 2))
    assert len(killed) == 1
    assert "a process that helped to rebuild was killed by signal 9; its share is folded here" in caplog.text
    with replica.read() as connection:
        assert rows(connection) == fresh_fold(log)
    assert not list(tmp_path.glob("*.building-*"))


def helpers_of_this_process() -> list[int]:
    """The processes that this one has started to help it rebuild."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in children if "service.replica.helper" in Path(f"/proc/{pid}/cmdline").read_text()]


def test_a_second_process_on_the_same_folder_reads_and_does_not_follow(node: Any) -> None:
    log, registry, replica = node
    other = Replica(replica.path.parent, log.record_id)
    follower = Follower(log, other)
    follower.start()
    receipt = registry.record(facts(1, first=6), actor="cli")
    assert not other.follows
    assert other.wait(receipt.position, 30)
    follower.stop()


def test_an_event_that_cannot_be_read_holds_back_its_own_stream_alone(tmp_path: Path) -> None:
    from tests.support.histories import entries

    log = entries(facts(2))
    broken = log[1].__class__(**{**log[1].__dict__, "state": b"\xff"})
    connection = apsw.Connection(":memory:")
    for statement in ddl():
        connection.execute(statement)
    Projector(connection).apply([log[0], broken, *log[2:]])
    held = connection.execute("SELECT stream, position FROM held_back").fetchall()
    assert held == [("deal:d0", 2)]
    assert connection.execute("SELECT DISTINCT id FROM deal").fetchall() == [("deal:d1",)]
    assert connection.execute("SELECT count(*) FROM event").get == len(log)
