"""Several nodes on one PostgreSQL log, each with a folder of its own: one signs, the others serve what it signed."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, sleep

import psycopg
import pytest

from service.audit.audit import Audit
from service.audit.board import Alone, PostgresBoard, open_board
from service.audit.checkpoint import Checkpoint
from service.audit.export import export
from service.audit.sealer import SealRefused
from service.audit.sources import LogSource, folder_source
from service.audit.verify import Older, verify
from service.log import open_log
from tests.support.audit import record, seal

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def nodes(database_url: str, tmp_path: Path) -> Iterator[tuple[Audit, Audit]]:
    """Two nodes with the same signing key."""
    with ExitStack() as stack:
        yield node(stack, database_url, tmp_path / "one"), node(stack, database_url, tmp_path / "two")


def node(stack: ExitStack, database_url: str, folder: Path, key: str = "shared.key", *, signs: bool = True) -> Audit:
    folder.mkdir(exist_ok=True)
    log = open_log(database_url)
    stack.callback(log.close)
    audit = Audit(log, folder, key_file=folder.parent / key, board=open_board(database_url, signs=signs))
    stack.callback(audit.stop)
    return audit


def test_one_node_signs_and_the_other_serves_the_same_checkpoint(nodes: tuple[Audit, Audit]) -> None:
    first, second = nodes
    record(first.log, 300)
    seal(first)
    seal(second)
    assert (first.state.leads, second.state.leads) == (True, False)
    assert first.checkpoint() == second.checkpoint()
    assert second.inclusion_proof(17) == first.inclusion_proof(17)


def test_the_other_node_signs_on_when_the_first_is_gone(nodes: tuple[Audit, Audit]) -> None:
    first, second = nodes
    record(first.log, 300)
    seal(first)
    first.stop()
    record(second.log, 10)
    seal(second)
    assert (second.state.leads, second.size()) == (True, 310)
    assert second.consistency_proof(300).holds()


def test_a_node_that_does_not_sign_serves_what_others_signed_with_no_more_than_the_public_key(
    nodes: tuple[Audit, Audit], database_url: str, tmp_path: Path
) -> None:
    first, _ = nodes
    record(first.log, 300)
    with ExitStack() as stack:
        reader = node(stack, database_url, tmp_path / "reader", "no.key", signs=False)
        seal(reader)
        assert (reader.state.leads, reader.checkpoint()) == (False, None)
        seal(first)
        with pytest.raises(SealRefused, match="vkeys"):
            seal(reader)
        shutil.copy(tmp_path / "one" / "vkeys", tmp_path / "reader")
        seal(reader)
        assert reader.checkpoint() == first.checkpoint()
        assert reader.inclusion_proof(17) == first.inclusion_proof(17)
        assert not (tmp_path / "no.key").exists()


def test_a_node_whose_connection_is_cut_goes_on(nodes: tuple[Audit, Audit], database_url: str) -> None:
    first, _ = nodes
    record(first.log, 3)
    first.start()
    assert first.wait_sealed(3, 30)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
        )
    record(first.log, 3)
    assert first.wait_sealed(6, 30)


def test_a_node_that_lost_the_right_to_sign_cannot_publish(database_url: str) -> None:
    board = PostgresBoard(database_url)
    assert board.lead()
    board.close()
    with pytest.raises(psycopg.OperationalError, match="lost"):
        board.publish(1, b"note")


def test_a_node_that_signs_gives_a_connection_up_when_the_other_side_falls_silent(database_url: str) -> None:
    board = PostgresBoard(database_url)
    assert board.lead()
    assert board._connection is not None
    told = board._connection.info.get_parameters()
    assert (told["tcp_user_timeout"], told["keepalives_idle"]) == ("10000", "5")
    assert told["application_name"] == "tamga sealer"
    board.close()


def test_a_published_checkpoint_is_never_followed_by_a_smaller_one(database_url: str) -> None:
    board = PostgresBoard(database_url)
    assert board.lead()
    board.publish(2, b"two")
    with pytest.raises(psycopg.Error):
        board.publish(1, b"one")
    assert board.newest() == b"two"
    board.close()


def test_a_node_does_not_serve_a_tree_that_is_not_that_of_its_log(nodes: tuple[Audit, Audit]) -> None:
    first, second = nodes
    record(first.log, 3)
    seal(first)
    board = first.sealer._board
    board.publish(4, Checkpoint(first.origin, 4, bytes(32)).sign(first.keys.signer()))
    record(first.log, 3)
    with pytest.raises(SealRefused, match="another node signed 4 events"):
        seal(second)


def test_a_node_with_another_key_says_that_all_need_the_same(nodes: tuple[Audit, Audit], tmp_path: Path) -> None:
    first, second = nodes
    record(first.log, 3)
    seal(first)
    (tmp_path / "shared.key").unlink()
    with pytest.raises(SealRefused, match="same signing key"):
        seal(second)


def test_a_node_that_comes_later_makes_the_tree_from_the_log(
    nodes: tuple[Audit, Audit], database_url: str, tmp_path: Path
) -> None:
    first, _ = nodes
    record(first.log, 300)
    seal(first)
    with ExitStack() as stack:
        third = node(stack, database_url, tmp_path / "three")
        seal(third)
        assert third.checkpoint() == first.checkpoint()


def test_nodes_that_run_show_the_newest_checkpoint_within_a_second_and_a_half(nodes: tuple[Audit, Audit]) -> None:
    for each in nodes:
        each.start()
    took = []
    for _ in range(3):
        record(nodes[0].log, 10)
        position, started = nodes[0].log.head().position, monotonic()
        assert all(each.wait_sealed(position, 30) for each in nodes)
        took.append(monotonic() - started)
        sleep(0.05)
    assert min(took) < 1.8, took  # a busy machine may hold up one or two of them


def test_a_database_alone_is_verified_against_an_older_export(
    nodes: tuple[Audit, Audit], database_url: str, tmp_path: Path
) -> None:
    first, _ = nodes
    record(first.log, 300)
    seal(first)
    export(LogSource(first.log, tmp_path / "one", first.verifiers()), tmp_path / "kept")
    kept = Older("kept", (tmp_path / "kept/checkpoint").read_bytes(), folder_source(tmp_path / "kept"))
    bare = LogSource(first.log, None, [])
    assert verify(bare, against=[kept]).ok
    with psycopg.connect(database_url) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute("UPDATE tamga.event SET recorded_by = 'nobody' WHERE position = 280")
    assert verify(bare, against=[kept]).position == 280


def test_a_log_in_a_file_needs_no_board(database_url: str) -> None:
    assert isinstance(open_board("sqlite:///var/log.db"), Alone)
