"""What is particular to SQLite: guards in the file itself, its clock, damage, and a write-ahead log cut short."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest
from eventsourcing.persistence import OperationalError

from service.log import Log, LogDamaged
from service.log.sqlite import SQLiteLog
from tests.support.log_events import assert_sound, event, everything, record


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@pytest.fixture
def log(path: Path) -> Iterator[SQLiteLog]:
    opened = SQLiteLog(path)
    yield opened
    opened.close()


@pytest.fixture
def raw(log: SQLiteLog, path: Path) -> Iterator[apsw.Connection]:
    """Another program at the file of a log with two events; it has set nothing that would help the guards."""
    record(log, event("a"), event("a", 2), id="c")
    connection = apsw.Connection(str(path))
    yield connection
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET state = x'00' WHERE position = 1",
        "UPDATE OR REPLACE event SET version = 1 WHERE position = 2",
        "DELETE FROM event WHERE position = 2",
        "INSERT OR REPLACE INTO event SELECT * FROM event WHERE position = 2",
        "REPLACE INTO event SELECT 3, stream, 1, name, state, recorded_at, recorded_by, command_id FROM event LIMIT 1",
        "INSERT INTO event SELECT 4, stream, 3, name, state, recorded_at, recorded_by, command_id FROM event LIMIT 1",
        "INSERT INTO event SELECT NULL, stream, 3, name, state, recorded_at, recorded_by, '' FROM event LIMIT 1",
        "INSERT INTO event SELECT 3, stream, 4, name, state, recorded_at, recorded_by, command_id FROM event LIMIT 1",
        "UPDATE command_log SET request_hash = ''",
        "DELETE FROM command_log",
        "REPLACE INTO command_log SELECT actor, id, '', 1, 1 FROM command_log",
        "UPDATE record SET id = ''",
        "DELETE FROM record",
        "REPLACE INTO record VALUES (1, '')",
    ],
)
def test_what_is_recorded_stays(raw: apsw.Connection, log: SQLiteLog, statement: str) -> None:
    before = everything(log)
    with pytest.raises(apsw.ConstraintError):
        raw.execute(statement)
    assert everything(log) == before
    assert log.command("alice", "c") is not None


def test_recorded_time_never_goes_back(raw: apsw.Connection, log: SQLiteLog) -> None:
    raw.execute(
        "INSERT INTO event SELECT 3, stream, 3, name, state, '2999-01-01T00:00:00.000Z', recorded_by, command_id "
        "FROM event WHERE position = 2"
    )
    record(log, event("b"))
    assert log.head().recorded_at == "2999-01-01T00:00:00.000Z"


def test_appends_survive_a_crash_of_the_machine(log: SQLiteLog) -> None:
    pragmas = log._writing.pragma("synchronous"), log._writing.pragma("journal_mode")
    assert pragmas == (2, "wal")


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"not a database " * 1_000)
    with pytest.raises(LogDamaged, match="backup"):
        SQLiteLog(path)
    assert path.read_bytes().startswith(b"not a database")


def test_a_database_of_something_else_is_refused(path: Path) -> None:
    other = apsw.Connection(str(path))
    other.execute("CREATE TABLE mine (x)")
    other.close()
    with pytest.raises(LogDamaged, match="not a log"):
        SQLiteLog(path)
    again = apsw.Connection(str(path))
    assert again.pragma("journal_mode") == "delete"
    again.close()


def test_a_log_of_a_newer_version_is_refused(log: SQLiteLog, path: Path) -> None:
    log.close()
    newer = apsw.Connection(str(path))
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(OperationalError, match="newer"):
        SQLiteLog(path)


def filled(path: Path, commands: int) -> list[list[int]]:
    """The file of a log that was closed properly; the positions of each command."""
    log = SQLiteLog(path)
    positions = [record(log, event(f"s{n}"), event(f"s{n}", 2)) for n in range(commands)]
    log.close()
    return positions


@pytest.mark.parametrize("page", [1, 3, 10, 20])
def test_a_damaged_page_is_refused_with_the_way_to_restore(path: Path, page: int) -> None:
    filled(path, 200)
    content = bytearray(path.read_bytes())
    content[(page - 1) * 4096 : page * 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    with pytest.raises(LogDamaged, match="newest backup"):
        SQLiteLog(path)
    assert path.read_bytes() == content


def test_a_shortened_file_is_refused(path: Path) -> None:
    filled(path, 200)
    path.write_bytes(path.read_bytes()[:40_000])
    with pytest.raises(LogDamaged, match="newest backup"):
        SQLiteLog(path)


def test_refusing_a_damaged_file_leaves_it_and_its_write_ahead_log_alone(path: Path) -> None:
    filled(path, 200)
    log = SQLiteLog(path)
    record(log, event("late"))
    copy = path.parent / "copy" / path.name
    copy.parent.mkdir()
    content, ahead = path.read_bytes(), Path(f"{path}-wal").read_bytes()
    content = content[: 10 * 4096] + b"\xa5" * 4096 + content[11 * 4096 :]
    copy.write_bytes(content)
    Path(f"{copy}-wal").write_bytes(ahead)
    with pytest.raises(LogDamaged):
        SQLiteLog(copy)
    assert (copy.read_bytes(), Path(f"{copy}-wal").read_bytes()) == (content, ahead)
    log.close()


def test_a_lost_file_is_not_replaced_while_its_write_ahead_log_is_there(log: SQLiteLog, path: Path) -> None:
    record(log, event("a"))
    copy = path.parent / "copy" / path.name
    copy.parent.mkdir()
    shutil.copy(f"{path}-wal", f"{copy}-wal")
    with pytest.raises(LogDamaged, match="gone"):
        SQLiteLog(copy)
    assert Path(f"{copy}-wal").stat().st_size > 0


def cut_write_ahead_log(log: Log, path: Path, seed: int, cuts: int) -> None:
    """Whatever is cut off the write-ahead log, the file opens with whole commands, those answered first."""
    chance = random.Random(seed)
    ends = [0] + [record(log, event(f"s{n}"), event(f"s{n}", 2))[-1] for n in range(40)]
    before = everything(log)
    whole = Path(f"{path}-wal").read_bytes()
    found = set()
    for number in range(cuts):
        copy = path.parent / f"cut{number}" / path.name
        copy.parent.mkdir()
        shutil.copy(path, copy)
        Path(f"{copy}-wal").write_bytes(whole[: chance.randrange(len(whole) // 2, len(whole))])
        opened = SQLiteLog(copy)
        entries = everything(opened)
        assert entries == before[: len(entries)]
        assert len(entries) in ends
        record(opened, event("after"))
        assert_sound(everything(opened))
        opened.close()
        found.add(len(entries))
    assert len(found) > 5


@pytest.mark.fault
def test_a_write_ahead_log_cut_anywhere_opens_with_what_was_answered_first(log: SQLiteLog, path: Path) -> None:
    cut_write_ahead_log(log, path, seed=7, cuts=25)


@pytest.mark.soak
@pytest.mark.fault
def test_a_write_ahead_log_cut_in_a_thousand_places(log: SQLiteLog, path: Path) -> None:
    cut_write_ahead_log(log, path, seed=8, cuts=1_000)
