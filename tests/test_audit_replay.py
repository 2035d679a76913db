"""Replay: what a replica answers as of a position is what the log folded from nothing leads to, row by row."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import apsw
import pytest
import rfc8785
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.fact import Fact
from schema.operation import Operations
from schema.plan.engine import Engine
from service.audit.replay import Verdict, compare, fold_to
from service.audit.state import NAMES, rows_at, state_at
from service.commands.replay import replay as command
from service.first_record import first_record
from service.log.log import Entry
from service.node import Node
from service.replica.projector import Projector
from service.replica.rules import rules
from service.replica.store import Replica
from service.replica.tables import ddl, is_index
from service.settings import Settings
from tests.support.histories import entries, histories
from tests.support.schemas import whole_schema

DEAL = "deal:uz-boeing-787"

EVERYTHING = """query($at: AsOf) {
  deals(first: 100, asOf: $at) { totalCount edges { cursor node {
    id title commitment version changed value { text verification origins claims { id standing sources { stance } } }
    lines { item firm openOptions } parties { role party { name } } effects { kind claimed { text verification } }
    commitmentHistory { commitment occurredOn position } anomalies { kind } history { nodes { id summary } }
  } } }
  agreements(first: 100, asOf: $at) { nodes { id title status binding } }
  parties(first: 100, asOf: $at) { nodes { id name } }
  sources(first: 100, asOf: $at) { nodes { id title kind withdrawn } }
  institutions(first: 100, asOf: $at) { nodes { id name status } }
  programmes(first: 100, asOf: $at) { nodes { id title } }
  relations(first: 100, asOf: $at) { nodes { id title claimed { subject text verification } } }
  dealTotals(asOf: $at) { counted leftOut excluded { reasons } }
  events(first: 100, asOf: $at) { totalCount nodes { id type data retracted } }
  corrections(asOf: $at) { totalCount }
}"""


def empty(path: str = ":memory:") -> apsw.Connection:
    connection = apsw.Connection(path)
    for statement in ddl():
        connection.execute(statement)
    return connection


def folded(log: list[Entry], batch: int = 1000) -> apsw.Connection:
    connection = empty()
    for start in range(0, len(log), batch):
        Projector(connection).apply(log[start : start + batch])
    return connection


def replayed(log: list[Entry], answering: apsw.Connection, position: int) -> Verdict:
    return compare(folded(log[:position]), answering, position)


def hold_as_of_to_replay(log: list[Entry], positions: list[int]) -> None:
    answering = folded(log, batch=7)
    for position in positions:
        verdict = replayed(log, answering, position)
        assert verdict.same, f"at {position}: {verdict.first}"
        assert verdict.replayed.root == verdict.answered.root


def positions(count: int, seed: int) -> list[int]:
    random, last = Random(seed), len(first_record())
    return [random.randint(1, last) for _ in range(count)]


def test_as_of_equals_replay_at_random_positions_of_the_first_record() -> None:
    hold_as_of_to_replay(entries(first_record()), positions(20, seed=1))


@settings(max_examples=settings().max_examples // 3, suppress_health_check=[HealthCheck.too_slow])
@given(histories(), st.data())
def test_as_of_equals_replay_at_random_positions_of_random_histories(facts: list[Fact], data: st.DataObject) -> None:
    hold_as_of_to_replay(entries(facts), data.draw(st.lists(st.integers(1, len(facts)), min_size=2, max_size=2)))


@pytest.mark.soak
def test_as_of_equals_replay_at_hundreds_of_positions_of_the_first_record() -> None:
    hold_as_of_to_replay(entries(first_record()), positions(400, seed=2))


@pytest.mark.soak
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(histories(size=80), st.data())
def test_as_of_equals_replay_at_hundreds_of_positions_of_random_histories(
    facts: list[Fact], data: st.DataObject
) -> None:
    hold_as_of_to_replay(entries(facts), data.draw(st.lists(st.integers(1, len(facts)), min_size=3, max_size=3)))


# the hash


def test_each_line_of_a_state_is_canonical_json() -> None:
    log = entries(first_record())
    connection = folded(log)
    for name in NAMES:
        for _, _, line in rows_at(connection, name, len(log)):
            assert line == rfc8785.dumps(json.loads(line)) + b"\n"


def test_the_root_does_not_depend_on_how_the_log_was_cut_into_batches() -> None:
    log = entries(first_record())
    assert state_at(folded(log), 120).root == state_at(folded(log, batch=3), 120).root


def test_no_two_positions_say_the_same() -> None:
    log = entries(first_record())
    connection = folded(log)
    assert len({state_at(connection, position).root for position in range(0, len(log), 10)}) == 21


def test_one_bit_of_one_row_changes_the_root() -> None:
    log = entries(first_record())
    connection = folded(log)
    before = state_at(connection, len(log))
    connection.execute(f"UPDATE deal SET title = title || '.' WHERE id = '{DEAL}' AND until > 1000")
    after = state_at(connection, len(log))
    assert after.root != before.root
    assert [name for name in NAMES if after.tables[name] != before.tables[name]] == ["deal"]
    assert before.rows == after.rows


# a node, its command, and the whole way through GraphQL


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a node with the first record that has stopped."""
    folder = tmp_path_factory.mktemp("node")
    node = Node(Settings(data_dir=folder, seal=False))
    node.start()
    node.stop()
    return folder


@pytest.fixture
def node(stopped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it that the commands work on."""
    for file in stopped.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setenv("TAMGA_DATA_DIR", str(tmp_path))
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def alter(folder: Path, statement: str) -> None:
    connection = apsw.Connection(str(folder / f"replica-{rules()}.db"))
    connection.execute(statement)
    connection.close()


def test_a_sound_replica_is_the_same_row_by_row_and_its_root_is_told(node: Path) -> None:
    told = run("--to", "150")
    assert told.exit_code == 0
    assert "The replica says the same, row by row." in told.output
    found = json.loads(run("--to", "150", "--json").output)
    assert (found["same"], found["position"], found["state_root"]) == (True, 150, found["replica_root"])
    assert f"state root {found['state_root']}" in told.output


def test_without_a_moment_all_of_the_log_is_replayed(node: Path) -> None:
    assert json.loads(run("--json").output)["position"] == len(first_record())


def test_a_time_means_the_last_position_recorded_by_it(node: Path) -> None:
    moment = json.loads(run("--to", "100", "--json").output)["recorded_at"]
    found = json.loads(run("--to", moment, "--json").output)
    assert found["recorded_at"] == moment
    assert found["position"] >= 100


@pytest.mark.parametrize(
    ("statement", "first"),
    [
        (
            f"UPDATE deal SET commitment = 'COMPLETED' WHERE id = '{DEAL}' AND until > 1000",
            f'deal {DEAL}, commitment: the log leads to "FIRM", the replica says "COMPLETED"',
        ),
        (f"DELETE FROM line WHERE owner = '{DEAL}' AND until > 1000", f"line {DEAL} "),
        (
            "INSERT INTO governed_by VALUES ('deal:kz-tungsten', 'x', 1, 9999, 1, 'agreement:x', 'e')",
            "governed_by deal:kz-tungsten x: the log leads to nothing, the replica says ",
        ),
        ("UPDATE event SET summary = 'other' WHERE position = 30", "event source:"),
        ("UPDATE claim SET since = since + 1000 WHERE key = 'deal:uz-boeing-787@1#title'", f"claim {DEAL}"),
    ],
)
def test_a_replica_that_says_something_else_is_found_and_the_first_row_named(
    node: Path, statement: str, first: str
) -> None:
    alter(node, statement)
    told = run()
    assert told.exit_code == 1
    assert f"The replica differs. First, {first}" in told.output


def test_what_was_altered_later_is_no_difference_before_it(node: Path) -> None:
    alter(node, f"UPDATE deal SET commitment = 'COMPLETED' WHERE id = '{DEAL}' AND until > 1000")
    since = (
        apsw.Connection(str(node / f"replica-{rules()}.db"))
        .execute(f"SELECT since FROM deal WHERE id = '{DEAL}' AND until > 1000")
        .get
    )
    assert run("--to", str(since)).exit_code == 1
    assert run("--to", str(since - 1)).exit_code == 0


@pytest.mark.parametrize("moment", ["99999", "0", "2020-01-01", "yesterday"])
def test_a_moment_that_is_not_there_cannot_be_replayed(node: Path, moment: str) -> None:
    assert run("--to", moment).exit_code == 2


def test_without_a_replica_there_is_nothing_to_compare_with(node: Path) -> None:
    (node / f"replica-{rules()}.db").unlink()
    told = run()
    assert told.exit_code == 2
    assert "tamga rebuild" in told.output


def test_nothing_is_left_behind(node: Path) -> None:
    before = {path.name for path in node.iterdir()}
    run()
    assert {path.name for path in node.iterdir() if not path.name.endswith(("-shm", "-wal"))} <= before


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    node = Node(Settings(data_dir=tmp_path_factory.mktemp("running"), seal=False))
    node.start()
    yield node
    node.stop()


@pytest.mark.parametrize("position", positions(8, seed=3))
def test_an_answer_as_of_a_position_is_the_answer_of_a_node_that_ends_there(
    running: Node, position: int, tmp_path: Path
) -> None:
    shorter = Replica(tmp_path, running.log.record_id)
    connection = apsw.Connection(str(shorter.path))
    fold_to(running.log, connection, position)
    for statement in ddl():
        if is_index(statement):
            connection.execute(statement)
    connection.close()
    now, then = answered(shorter, None), answered(running.replica, {"position": position})
    assert now == then
    assert json.loads(now)["data"]["events"]["totalCount"] == position


def answered(replica: Replica, at: dict[str, Any] | None) -> bytes:
    with whole_schema() as schema:
        engine = Engine(schema, replica)
        answer = asyncio.run(engine.execute(Operations(schema).prepare(EVERYTHING), {"at": at}))
        engine.close()
    return answer
