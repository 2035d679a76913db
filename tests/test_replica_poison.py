"""Events that poison a replica: unreadable, unknown, a fold that raises, a fold that kills its process."""

import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent

from domain.catalogue import read_fact
from domain.codes import DealKind
from domain.fact import Fact
from service.log import Log, open_log
from service.registry import Registry
from service.replica.folds import FOLDS
from service.replica.follow import Follower
from service.replica.part import Fold
from service.replica.store import Replica, open_for_writing
from service.replica.tables import ALIVE

SOURCE = {"event": "SourceRegistered", "id": "source:s", "data": {"kind": "NEWS", "title": "A paper"}}
POISON = "deal:poison"


def deal(id: str, title: str = "A deal") -> Fact:
    """A deal on the one source."""
    data = {"title": title, "kind": DealKind.SUPPLY}
    return read_fact({"event": "DealAnnounced", "id": id, "sources": [{"source": "source:s"}], "data": data})


def fill(log: Log) -> None:
    """Deals before and behind the poisoned one."""
    facts = [read_fact(SOURCE), deal("deal:a"), deal(POISON), deal("deal:b"), deal("deal:c")]
    Registry(log).record(facts, actor="cli", command_id="all")


def followed(folder: Path, log: Log) -> tuple[list[str], list[str]]:
    """The deals in the replica and the streams held back, once it has caught up."""
    replica = Replica(folder, log.record_id)
    follower = Follower(log, replica)
    follower.start()
    try:
        with replica.read() as connection:
            deals = connection.execute("SELECT id FROM deal WHERE until = ? ORDER BY id", (ALIVE,)).fetchall()
            held = connection.execute("SELECT stream FROM held_back ORDER BY stream").fetchall()
    finally:
        follower.stop()
    return [str(id) for (id,) in deals], [str(stream) for (stream,) in held]


def raising(*_: Any) -> Any:
    """A row that raises for the poisoned deal alone."""
    if _[0].id == POISON:
        raise ZeroDivisionError("poison")
    return FOLD.row(*_)


def killing(*_: Any) -> Any:
    """A row that kills the process for the poisoned deal alone."""
    if _[0].id == POISON:
        os._exit(9)
    return FOLD.row(*_)


FOLD = FOLDS["deal"]


@pytest.mark.parametrize("state", [b"\xff\x00", b"[]", b'{"data": {"kind": "NOT_A_KIND", "title": "x"}}'])
def test_an_event_that_cannot_be_read_holds_back_its_stream_alone(tmp_path: Path, log: Log, state: bytes) -> None:
    registry = Registry(log)
    registry.record([read_fact(SOURCE), deal("deal:a")], actor="cli")
    bad = StoredEvent(originator_id=POISON, originator_version=1, topic="DealAnnounced", state=state)
    log.insert_events([bad], command_id="bad", request_hash="bad", actor="cli")
    registry.record([deal("deal:b")], actor="cli")
    assert followed(tmp_path, log) == (["deal:a", "deal:b"], [POISON])


def test_an_event_of_a_later_version_holds_back_its_stream_alone(tmp_path: Path, log: Log) -> None:
    Registry(log).record([read_fact(SOURCE), deal("deal:a")], actor="cli")
    later = StoredEvent(originator_id="deal:a", originator_version=2, topic="DealBlessed", state=b"{}")
    log.insert_events([later], command_id="later", request_hash="later", actor="cli")
    Registry(log).record([deal("deal:b")], actor="cli")
    assert followed(tmp_path, log) == (["deal:a", "deal:b"], ["deal:a"])


@pytest.mark.parametrize("built", [True, False])
@pytest.mark.parametrize("name", ["TreatyDrawn", "DealAnnounced"])
@pytest.mark.parametrize("stream", ["treaty:a", "treaty"])
def test_an_event_of_a_noun_of_a_later_version_holds_back_its_stream_alone(
    tmp_path: Path, log: Log, stream: str, name: str, built: bool
) -> None:
    if built:
        open_for_writing(Replica(tmp_path, log.record_id).path).close()
    Registry(log).record([read_fact(SOURCE), deal("deal:a")], actor="cli")
    later = StoredEvent(originator_id=stream, originator_version=1, topic=name, state=deal("deal:b").state)
    log.insert_events([later], command_id="later", request_hash="later", actor="cli")
    Registry(log).record([deal("deal:b")], actor="cli")
    assert followed(tmp_path, log) == (["deal:a", "deal:b"], [stream])


def test_a_fold_that_raises_holds_back_its_stream_and_a_fix_replays_it(
    tmp_path: Path, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(log)
    monkeypatch.setitem(FOLDS, "deal", Fold(FOLD.parts, raising))
    assert followed(tmp_path, log) == (["deal:a", "deal:b", "deal:c"], [POISON])
    monkeypatch.setitem(FOLDS, "deal", FOLD)
    Replica(tmp_path, log.record_id).path.unlink()
    assert followed(tmp_path, log) == (["deal:a", "deal:b", "deal:c", POISON], [])


def _follow_and_die(folder: Path, url: str) -> None:
    FOLDS["deal"] = Fold(FOLD.parts, killing)
    log = open_log(url)
    Follower(log, Replica(folder, log.record_id)).start()
    os._exit(0)


@pytest.mark.fault
@pytest.mark.parametrize("built", [True, False])
def test_a_fold_that_kills_its_process_is_found_and_held_back(tmp_path: Path, database_url: str, built: bool) -> None:
    log = open_log(database_url)
    fill(log)
    if built:
        open_for_writing(Replica(tmp_path, log.record_id).path).close()
    log.close()
    fork, codes = multiprocessing.get_context("fork"), []
    for _ in range(14):
        child = fork.Process(target=_follow_and_die, args=(tmp_path, database_url))
        child.start()
        child.join()
        codes.append(child.exitcode)
        if child.exitcode == 0:
            break
    assert codes[-1] == 0
    assert 2 <= len(codes) <= 12
    log = open_log(database_url)
    assert followed(tmp_path, log) == (["deal:a", "deal:b", "deal:c"], [POISON])
    log.close()
