"""Snapshots of a replica: copied while it is in use, and refused wherever they would not be what the log leads to."""

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from service.log import Log, open_log
from service.registry import Registry
from service.replica.follow import Follower
from service.replica.rebuild import rebuild
from service.replica.snapshot import SnapshotRefused, load, save
from service.replica.store import Replica
from tests.test_replica_follow import facts, fresh_fold, rows


@pytest.fixture
def node(tmp_path: Path, log: Log) -> Iterator[tuple[Log, Replica, Follower]]:
    """A log with three deals, and a replica that follows it."""
    (tmp_path / "one").mkdir()
    Registry(log).record(facts(3), actor="cli")
    replica = Replica(tmp_path / "one", log.record_id)
    follower = Follower(log, replica)
    follower.start()
    yield log, replica, follower
    follower.stop()
    replica.close()


Node = tuple[Log, Replica, Follower]


def elsewhere(log: Log, folder: Path) -> Replica:
    (folder / "two").mkdir()
    return Replica(folder / "two", log.record_id)


@pytest.mark.parametrize("name", ["copy", "copy #2?mode=rw%20.db"])
def test_another_node_goes_on_from_a_snapshot_whatever_the_name_of_its_file(
    node: Node, tmp_path: Path, name: str
) -> None:
    log, replica, _ = node
    other = elsewhere(log, tmp_path)
    save(replica, tmp_path / name)
    Registry(log).record(facts(2, first=3), actor="cli")
    assert load(log, other, tmp_path / name).position < log.head().position
    follower = Follower(log, other)
    follower.start()
    with other.read() as connection:
        assert rows(connection) == fresh_fold(log)
    follower.stop()
    other.close()


def test_a_snapshot_is_of_one_moment_while_the_replica_goes_on(node: Node, tmp_path: Path) -> None:
    log, replica, _ = node
    before = replica.position
    written: list[int] = []

    def meanwhile(done: int, whole: int) -> None:
        if not written:
            written.append(Registry(log).record(facts(1, first=7), actor="cli").position)
            assert replica.wait(written[0], 30)

    assert save(replica, tmp_path / "copy", meanwhile).position == before
    assert replica.position == written[0]


def test_a_snapshot_of_another_record_is_refused(node: Node, tmp_path: Path) -> None:
    _, replica, _ = node
    save(replica, tmp_path / "copy")
    other = open_log(f"sqlite:///{tmp_path}/other/log.db")
    with pytest.raises(SnapshotRefused, match="it is of the record"):
        load(other, Replica(tmp_path / "other", other.record_id), tmp_path / "copy")
    other.close()


def altered(copy: Path, statement: str) -> Path:
    connection = apsw.Connection(str(copy))
    connection.execute(statement)
    connection.close()
    return copy


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE snapshot_of SET rules = 'others'", "made by the rules others"),
        ("UPDATE snapshot_of SET position = 2", "damaged"),
        ("UPDATE event SET stream = 'deal:other' WHERE position = 3", "position 3 is not that of the log"),
        ("DROP TABLE snapshot_of", "not a snapshot"),
        (
            "UPDATE state SET value = 99 WHERE name = 'position'; UPDATE snapshot_of SET position = 99",
            "the log ends at",
        ),
    ],
)
def test_a_snapshot_that_does_not_fit_is_refused_and_changes_nothing(
    node: Node, tmp_path: Path, statement: str, told: str
) -> None:
    log, replica, _ = node
    save(replica, tmp_path / "copy")
    other = elsewhere(log, tmp_path)
    with pytest.raises(SnapshotRefused, match=told):
        load(log, other, altered(tmp_path / "copy", statement))
    assert list((tmp_path / "two").iterdir()) == []


def test_what_is_no_database_is_refused(node: Node, tmp_path: Path) -> None:
    log, _, _ = node
    (tmp_path / "copy").write_bytes(b"words" * 1000)
    with pytest.raises(SnapshotRefused, match="not a snapshot"):
        load(log, elsewhere(log, tmp_path), tmp_path / "copy")


def test_a_snapshot_behind_the_replica_is_refused(node: Node, tmp_path: Path) -> None:
    log, replica, _ = node
    save(replica, tmp_path / "copy")
    with pytest.raises(SnapshotRefused, match="already"):
        load(log, replica, tmp_path / "copy")


def test_a_rebuild_is_read_alone_however_much_the_old_file_had_in_its_write_ahead_log(node: Node) -> None:
    log, replica, follower = node
    Registry(log).record(facts(40, first=10), actor="cli")
    assert replica.wait(log.head().position, 30)
    with replica.read():
        follower.stop()
        assert Path(f"{replica.path}-wal").stat().st_size > 0
        rebuild(log, replica.path)
    reader = Replica(replica.path.parent, log.record_id)
    with reader.read() as connection:
        assert connection.execute("PRAGMA integrity_check").get == "ok"
        assert rows(connection) == fresh_fold(log)
    reader.close()
