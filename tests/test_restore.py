"""The restore drill: a backup of the log in a new place, a fresh node on it, and the same answers, roots and proofs."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from service.cli import main
from service.log import open_log
from tests.support.nodes import QUESTIONS, answered, new_database
from tests.support.postgres_server import PostgresServer, find_programs, own_server
from tests.support.service import Service, eventually, serving

pytestmark = pytest.mark.fault


@dataclass(frozen=True)
class Before:
    """What a record was when its backup was made."""

    position: int
    answers: list[bytes]
    checkpoint: bytes


def node(folder: Path, keys: Path, url: str) -> AbstractContextManager[Service]:
    """A node with its data in the folder and the keys of another."""
    shared = {"recorder_key": str(keys / "recorder.key"), "signing_key": str(keys / "signing.key")}
    return serving(folder, database_url=url, **shared)


def record(service: Service, first: int, count: int, keys: Path) -> int:
    """Record parties with these numbers; the last position."""
    key = (keys / "recorder.key").read_text().strip() if (keys / "recorder.key").exists() else service.key
    return [service.record_party(f"p{number}", key=key) for number in range(first, first + count)][-1]


def state_of(service: Service) -> Before:
    """What it answers now, sealed to its head."""
    position = int(service.metric("tamga_log_position"))
    eventually(lambda: service.metric("tamga_sealed_position") == position)
    answers = [answered(service, question, position) for question in QUESTIONS]
    return Before(position, answers, service.http.get("/log/checkpoint").content)


def tamga(folder: Path, url: str, *arguments: str) -> Result:
    """A command on a node's folder and log."""
    names = {"TAMGA_DATA_DIR": str(folder), "TAMGA_DATABASE_URL": url}
    return CliRunner().invoke(main, arguments, env=names | {"TAMGA_SIGNING_KEY": str(folder.parent / "signing.key")})


def assert_restored(before: Before, service: Service, kept: Path, url: str) -> None:
    """The same answers and checkpoint; an older export fits; what comes next extends it."""
    after = state_of(service)
    assert (after.answers, after.checkpoint) == (before.answers, before.checkpoint)
    assert record(service, 50, 3, service.folder.parent) == before.position + 3
    state_of(service)
    verified = tamga(service.folder, url, "audit", "verify", "--against", str(kept))
    assert (verified.exit_code, verified.output.count("as they were signed")) == (0, 1), verified.output
    replayed = tamga(service.folder, url, "replay")
    assert (replayed.exit_code, replayed.output.count("says the same")) == (0, 1), replayed.output


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with own_server() as started:
        yield started


def address(server: PostgresServer, database: str, role: str = "tamga_node") -> str:
    return server.url.replace("postgres@", f"{role}@").rpartition("/")[0] + f"/{database}"


def dump(server: PostgresServer, database: str, file: Path) -> None:
    """As the README says."""
    programs = find_programs()
    assert programs is not None
    line = [str(programs / "pg_dump"), "--format=custom", f"--file={file}", address(server, database, "postgres")]
    subprocess.run(line, check=True, timeout=60)


def restore(server: PostgresServer, file: Path, database: str) -> str:
    """As the README says, into a new database; its address for nodes."""
    programs, owner = find_programs(), address(server, new_database(server, database, migrated=False), "postgres")
    assert programs is not None
    subprocess.run([programs / "pg_restore", "--no-owner", "--exit-on-error", f"--dbname={owner}", file], check=True)
    migrated = tamga(file.parent, owner, "migrate", "--role", "tamga_node")
    assert migrated.exit_code == 0, migrated.output
    return address(server, database)


def test_a_restored_dump_answers_as_before_and_extends_what_was_signed(server: PostgresServer, tmp_path: Path) -> None:
    url, kept = address(server, new_database(server, "kept")), tmp_path / "kept"
    with node(tmp_path / "old", tmp_path, url) as old:
        record(old, 0, 5, tmp_path)
        state_of(old)
        assert tamga(old.folder, url, "audit", "export", str(kept)).exit_code == 0
        record(old, 5, 5, tmp_path)
        before = state_of(old)
        dump(server, "kept", tmp_path / "log.dump")
    restored = restore(server, tmp_path / "log.dump", "restored")
    with node(tmp_path / "new", tmp_path, restored) as new:
        assert_restored(before, new, kept, restored)


def test_an_export_newer_than_the_backup_shows_what_was_lost(server: PostgresServer, tmp_path: Path) -> None:
    url, kept = address(server, new_database(server, "ahead")), tmp_path / "kept"
    with node(tmp_path / "old", tmp_path, url) as old:
        backed_up = record(old, 0, 3, tmp_path)
        dump(server, "ahead", tmp_path / "log.dump")
        record(old, 3, 2, tmp_path)
        state_of(old)
        assert tamga(old.folder, url, "audit", "export", str(kept)).exit_code == 0
    restored = restore(server, tmp_path / "log.dump", "behind")
    found = tamga(tmp_path / "unused", restored, "audit", "verify", "--against", str(kept))
    assert (found.exit_code, f"position {backed_up + 1:,}" in found.output) == (1, True), found
    with node(tmp_path / "old", tmp_path, restored) as back:
        assert back.http.get("/readyz").json()["position"] == backed_up
        eventually(lambda: "events were signed" in str(back.http.get("/readyz").json()["warnings"]))
        assert record(back, 10, 1, tmp_path) == backed_up + 1
        assert b'"p10"' in answered(back, '{ party(id: "party:p10") { name } }', backed_up + 1)


def test_a_node_that_runs_while_its_log_loses_its_end_asks_to_be_restarted(
    server: PostgresServer, tmp_path: Path
) -> None:
    url = address(server, new_database(server, "cut"))
    with node(tmp_path / "old", tmp_path, url) as old:
        record(old, 0, 3, tmp_path)
        with psycopg.connect(address(server, "cut", "postgres")) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute("DELETE FROM tamga.event WHERE position > 212")
            connection.execute("UPDATE tamga.head SET position = 212")
        eventually(lambda: (old.status("/healthz"), old.status("/readyz")) == (500, 503))
        assert "restart this node" in old.http.get("/healthz").json()["reasons"][0]
    with node(tmp_path / "old", tmp_path, url) as again:
        assert (again.status("/healthz"), again.http.get("/healthz").json()["position"]) == (200, 212)


def copy(log: Path, command: str) -> None:
    """With the shell of apsw, as the README says; the service goes on meanwhile."""
    subprocess.run([sys.executable, "-m", "apsw", str(log), command], check=True, timeout=60)


def test_a_restored_file_answers_as_before_and_extends_what_was_signed(tmp_path: Path) -> None:
    kept, log = tmp_path / "kept", tmp_path / "old" / "log.db"
    with node(tmp_path / "old", tmp_path, "") as old:
        record(old, 0, 5, tmp_path)
        state_of(old)
        assert tamga(old.folder, "", "audit", "export", str(kept)).exit_code == 0
        record(old, 5, 2, tmp_path)
        before = state_of(old)
        (tmp_path / "new").mkdir()
        copy(log, f".backup {tmp_path}/new/log.db")
        copy(log, f"VACUUM INTO '{tmp_path}/compact.db'")
        record(old, 7, 2, tmp_path)
    with closing(open_log(f"sqlite:///{tmp_path}/compact.db")) as compact:
        assert (compact.head().position, compact.record_id) == (before.position, record_id(tmp_path / "new/log.db"))
    with node(tmp_path / "new", tmp_path, "") as new:
        assert_restored(before, new, kept, "")


def record_id(file: Path) -> str:
    with closing(open_log(f"sqlite:///{file}")) as log:
        return log.record_id
