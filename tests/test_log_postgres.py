"""What is particular to PostgreSQL: migrations, what a node's role may do, and the guards in the database itself."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from eventsourcing.persistence import DatabaseError, OperationalError
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from domain.catalogue import read_fact
from domain.fact import Fact, Refused
from service.audit.board import PostgresBoard
from service.log import LogDamaged, LogNotMigrated, LogRewound, migrate, open_log
from service.log.postgres import PostgresLog
from service.registry import Registry
from tests.support import stores
from tests.support.log_events import assert_sound, event, everything, record


@pytest.fixture
def empty_url() -> Iterator[str]:
    """A database without our tables."""
    with stores.postgres_database() as url:
        yield url


@pytest.fixture
def url() -> Iterator[str]:
    """A database with our tables, without events."""
    with stores.fresh_database("postgresql", Path()) as fresh:
        yield fresh


@pytest.fixture
def log(url: str) -> Iterator[PostgresLog]:
    opened = PostgresLog(url)
    yield opened
    opened.close()


@pytest.fixture
def node_url(url: str) -> Iterator[str]:
    """The same database for a role that may do what a node needs."""
    role = f"tamga_test_{uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        migrate(url, role=role)
        yield stores.address(url.rpartition("/")[2], user=role)
        owner.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(role)).as_string().encode())


def test_a_database_without_our_tables_is_refused(empty_url: str) -> None:
    with pytest.raises(LogNotMigrated, match="tamga migrate"):
        PostgresLog(empty_url)


def test_migrating_again_does_nothing(empty_url: str) -> None:
    assert migrate(empty_url) == ["0001_log"]
    assert migrate(empty_url) == []


def test_processes_that_migrate_at_once_do_it_once(empty_url: str) -> None:
    done: list[str] = []
    threads = [threading.Thread(target=lambda: done.extend(migrate(empty_url))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == ["0001_log"]


def test_opening_by_address_migrates(empty_url: str) -> None:
    log = open_log(empty_url)
    assert record(log, event("a")) == [1]
    log.close()


def test_a_server_that_is_not_there_is_said_so() -> None:
    with pytest.raises(OperationalError):
        PostgresLog("postgresql://nobody@127.0.0.1:1/none", patience=0.1)
    with pytest.raises(OperationalError):
        migrate("postgresql://nobody@127.0.0.1:1/none")


def test_a_node_reads_and_appends_with_its_own_role(node_url: str) -> None:
    log = PostgresLog(node_url)
    record(log, event("a"), event("b"), id="c")
    assert [entry.stream for entry in everything(log)] == ["a", "b"]
    assert log.command("alice", "c") is not None
    assert log.wait(1, 30)
    log.close()


@pytest.mark.parametrize("said", ["nonsense", "", str(2**62)])
def test_whatever_others_say_on_our_channel_a_reader_is_woken_by_what_is_recorded_alone(
    log: PostgresLog, url: str, said: str
) -> None:
    others = watching()
    assert not log.wait(0, 0.3)
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_notify('tamga_log', %s)", [said])
    assert not log.wait(0, 0.3)
    writer = PostgresLog(url)
    record(writer, event("a"))
    assert log.wait(0, 30)
    assert len(watching() - others) == 1
    writer.close()


def watching() -> set[threading.Thread]:
    """The threads that wait for news of a log, whoever's."""
    return {thread for thread in threading.enumerate() if thread.name == "log-watch"}


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO tamga.event SELECT 9, stream, 9, name, state, recorded_at, recorded_by, '' FROM tamga.event",
        "UPDATE tamga.event SET state = ''",
        "DELETE FROM tamga.event",
        "TRUNCATE tamga.event",
        "UPDATE tamga.head SET position = 9",
        "DELETE FROM tamga.command_log",
        "ALTER TABLE tamga.event DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "SELECT position FROM tamga.head FOR UPDATE",
        "DROP TABLE tamga.event",
        "CREATE TABLE tamga.mine (x int)",
        "CREATE OR REPLACE FUNCTION tamga.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    ],
)
def test_a_nodes_role_may_do_nothing_else(node_url: str, statement: str) -> None:
    with (
        psycopg.connect(node_url, options="-c tamga.appending=yes") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


NO_LOG_HOLDS_THIS: dict[str, tuple[list[int | None], list[str | None], list[int], list[bool | None]]] = {
    "a version that leaves a gap": ([1], ["a"], [9], [False]),
    "a version below one": ([1], ["b"], [0], [False]),
    "a version that is taken": ([2], ["a", "a"], [3, 3], [True, True]),
    "a command without events": ([0], [], [], []),
    "a command of fewer events than none": ([-3], [], [], []),
    "a command of nobody knows how many": ([None], ["a"], [3], [True]),
    "fewer events than it says": ([2], ["a"], [3], [True]),
    "an event of nothing": ([1], [None], [1], [True]),
    "nobody says whether it is the first": ([1], ["a"], [5], [None]),
}
"""Sizes of commands, then streams and versions of their events, and which are the first of their stream."""


@pytest.mark.parametrize("given", NO_LOG_HOLDS_THIS.values(), ids=NO_LOG_HOLDS_THIS)
def test_the_append_function_takes_nothing_that_leaves_a_gap_whoever_calls_it(
    node_url: str, given: tuple[list[int | None], list[str | None], list[int], list[bool | None]]
) -> None:
    log, (sizes, streams, versions, opens) = PostgresLog(node_url), given
    record(log, event("a"), event("a", 2))
    call = "SELECT * FROM tamga.append('{m}', '{c}', '{h}', %s::bigint[], %s, %s::bigint[], %s, %s, %s::boolean[])"
    rest = ["X"] * len(streams), [b"{}"] * len(streams), opens
    with psycopg.connect(node_url, autocommit=True) as node, pytest.raises(psycopg.Error):
        node.execute(call, (sizes, streams, versions, *rest))
    assert len(everything(log)) == 2
    assert log.command("m", "c") is None
    assert record(log, event("a", 3)) == [3]
    log.close()


def test_a_role_that_may_not_append_is_told_what_allows_it_before_it_serves_and_may_read(
    node_url: str, url: str
) -> None:
    with psycopg.connect(url, autocommit=True) as owner:
        role = sql.Identifier(str(conninfo_to_dict(node_url)["user"]))
        owner.execute(sql.SQL("REVOKE EXECUTE ON FUNCTION tamga.append FROM {}").format(role))
    with pytest.raises(DatabaseError, match="tamga migrate --role"):
        open_log(node_url)
    log = open_log(node_url, reading=True)
    assert log.head().position == 0
    with pytest.raises(OperationalError, match="for reading alone"):
        record(log, event("a"))
    log.close()


def test_a_right_that_is_lost_is_told_until_it_is_back(node_url: str, url: str) -> None:
    log = PostgresLog(node_url)
    role = str(conninfo_to_dict(node_url)["user"])
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(sql.SQL("REVOKE EXECUTE ON FUNCTION tamga.append FROM {}").format(sql.Identifier(role)))
        with pytest.raises(DatabaseError, match="tamga migrate --role"):
            record(log, event("a"))
        assert "permission denied" in (log.stats().fault or "")
        migrate(url, role=role)
    assert record(log, event("a")) == [1]
    assert log.stats().fault is None
    log.close()


def test_nobody_else_may_append_or_read(node_url: str, url: str) -> None:
    role = f"tamga_test_{uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
        owner.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            owner.execute("SELECT * FROM tamga.event")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            owner.execute("SELECT tamga.append('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')")
        owner.execute("RESET ROLE")
        owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO tamga.event SELECT 3, stream, 9, name, state, recorded_at, recorded_by, '' FROM tamga.event",
        "INSERT INTO tamga.command_log VALUES ('a', 'b', 'c', 1, 1)",
        "UPDATE tamga.event SET state = ''",
        "UPDATE tamga.event SET state = '' WHERE position = 77",
        "DELETE FROM tamga.event WHERE position = 2",
        "TRUNCATE tamga.event CASCADE",
        "UPDATE tamga.command_log SET request_hash = ''",
        "DELETE FROM tamga.command_log",
        "TRUNCATE tamga.command_log",
        "UPDATE tamga.head SET position = 9",
        "UPDATE tamga.head SET record_id = ''",
        "UPDATE tamga.head SET recorded_at = ''",
        "DELETE FROM tamga.head",
        "TRUNCATE tamga.head",
    ],
)
def test_what_is_recorded_stays_even_for_the_owner(log: PostgresLog, url: str, statement: str) -> None:
    record(log, event("a"), event("a", 2))
    before = everything(log)
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.IntegrityConstraintViolation):
        connection.execute(statement.encode())
    assert everything(log) == before


def test_recorded_time_never_goes_back(log: PostgresLog, url: str) -> None:
    record(log, event("a"))
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE tamga.head DISABLE TRIGGER USER")
        connection.execute("UPDATE tamga.head SET recorded_at = '2999-01-01T00:00:00.000Z'")
        connection.execute("ALTER TABLE tamga.head ENABLE TRIGGER USER")
    record(log, event("b"))
    assert log.head().recorded_at == everything(log)[-1].recorded_at == "2999-01-01T00:00:00.000Z"


def test_a_database_that_commits_lazily_is_told_not_to(empty_url: str) -> None:
    migrate(empty_url)
    name = sql.Identifier(empty_url.rpartition("/")[2])
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(name))
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET default_transaction_isolation = 'repeatable read'").format(name)
        )
    log = PostgresLog(empty_url)
    with log._connect() as session:
        assert session.execute("SHOW synchronous_commit").fetchone() == ("on",)
        assert session.execute("SHOW default_transaction_isolation").fetchone() == ("read committed",)
    log.close()


def test_a_large_batch_is_one_transaction(log: PostgresLog) -> None:
    positions = record(log, *(event(f"s{number % 100}", number // 100 + 1) for number in range(3_000)))
    assert positions == list(range(1, 3_001))
    assert_sound(everything(log))
    assert len({entry.recorded_at for entry in everything(log)}) == 1


def test_events_behind_the_head_are_reported_as_damage(empty_url: str) -> None:
    log = open_log(empty_url)
    record(log, event("a"), event("b"))
    log.close()
    with psycopg.connect(empty_url) as connection:
        connection.execute("ALTER TABLE tamga.event DISABLE TRIGGER USER")
        connection.execute("DELETE FROM tamga.event WHERE position = 2")
    with pytest.raises(LogDamaged, match="restore"):
        PostgresLog(empty_url)


def lose_all_beyond(position: int, url: str, *, cut_off: bool) -> None:
    """As a standby would answer that never got the newest events, or a backup that was made before them."""
    with psycopg.connect(url) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute("DELETE FROM tamga.event WHERE position > %s", (position,))
        owner.execute("DELETE FROM tamga.command_log WHERE last_position > %s", (position,))
        owner.execute("UPDATE tamga.head SET position = %s", (position,))
        if cut_off:
            owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


@pytest.mark.parametrize("cut_off", [True, False])
@pytest.mark.parametrize("reads", [True, False])
def test_a_log_that_lost_what_was_seen_in_it_is_refused_until_a_restart(
    log: PostgresLog, url: str, cut_off: bool, reads: bool
) -> None:
    record(log, event("a"), event("b"), event("c"))
    lose_all_beyond(1, url, cut_off=cut_off)
    for _ in range(2):
        with pytest.raises(LogRewound, match="restart this node"):
            log.head() if reads else record(log, event("d"))
    again = PostgresLog(url)
    assert record(again, event("e")) == [again.head().position]
    again.close()


def test_a_log_that_went_on_without_what_was_seen_in_it_is_refused(log: PostgresLog, url: str) -> None:
    other = PostgresLog(url)
    record(other, event("a"), event("b"))
    assert len(everything(log)) == 2
    other.close()
    lose_all_beyond(1, url, cut_off=True)
    other = PostgresLog(url)
    record(other, event("c"), event("d"), event("e"))
    with pytest.raises(LogRewound, match="position 2"):
        everything(log)
    other.close()


def test_nothing_is_recorded_on_what_a_log_has_lost(log: PostgresLog, url: str) -> None:
    registry = Registry(log)
    registry.record([source("a"), source("b")], actor="cli")
    lose_all_beyond(1, url, cut_off=True)
    about = read_fact(
        {"event": "DealAnnounced", "id": "deal:d", "sources": [{"source": "source:b"}], "data": {"title": "A deal"}}
    )
    with pytest.raises(LogRewound):
        registry.record([about], actor="cli")
    again = PostgresLog(url)
    with pytest.raises(Refused, match="source:b is not in the record"):
        Registry(again).record([about], actor="cli")
    again.close()


def source(key: str) -> Fact:
    """A source to speak of."""
    return read_fact({"event": "SourceRegistered", "id": f"source:{key}", "data": {"kind": "NEWS", "title": "A paper"}})


def test_processes_that_migrate_at_once_do_it_once_whatever_the_isolation_of_the_database(empty_url: str) -> None:
    with psycopg.connect(empty_url, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET default_transaction_isolation = 'repeatable read'").format(name)
        )
    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(migrate, [empty_url] * 4)) == [[], [], [], ["0001_log"]]


def test_a_database_that_takes_no_writes_is_waited_for_and_its_refusal_is_remembered(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
        with closing(PostgresLog(url, patience=0.2)) as log:
            with pytest.raises(OperationalError, match="read-only"):
                record(log, event("deal:a", 1))
            assert "read-only" in (log.stats().fault or "")
            connection.execute(sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(name))
            record(log, event("deal:a", 1))
            assert log.stats().fault is None


def test_whoever_signs_keeps_the_options_of_the_address(url: str) -> None:
    with closing(PostgresBoard(f"{url}{'&' if '?' in url else '?'}options=-c%20work_mem%3D123kB")) as board:
        assert board.lead()
        assert board._connect().execute("SHOW work_mem").fetchone() == ("123kB",)
        assert board._connect().execute("SHOW tcp_keepalives_count").fetchone() in (
            ("3",),
            ("0",),
        )  # 0 of a local socket
