"""The processes of the compose file, started as it starts them: same commands, same environment, same roles.

Only addresses and folders are those of this machine.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.compose import compose, service_environment
from tests.support.ports import free_port
from tests.support.postgres_server import PostgresServer, find_programs, own_server
from tests.support.readme import ROOT
from tests.support.service import Service, eventually, run, started

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")


class Composed(NamedTuple):
    """What `docker compose up` would have started."""

    server: PostgresServer
    one: Service
    two: Service
    migrated: list[str]
    """What the migration said, each time that it ran."""
    early: subprocess.CompletedProcess[str]
    """A node that was started before the migration."""
    keys: Path


def environment(name: str, port: str, folder: Path) -> dict[str, str]:
    """A service's environment, with the places of this machine for those inside the containers."""
    outside = {key: value for key, value in os.environ.items() if not key.startswith(("TAMGA_", "PG"))}
    given = service_environment(name)
    places = {"@postgres:5432/": f"@127.0.0.1:{port}/", "/data": str(folder / name), "/keys": str(folder / "keys")}
    for inside, here in places.items():
        given = {key: value.replace(inside, here) for key, value in given.items()}
    return outside | given


def command(name: str) -> list[str]:
    words: list[str] = compose()["services"][name]["command"]
    return words


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    folder = tmp_path_factory.mktemp("composed")
    with own_server() as server, ExitStack() as stack:
        port = server.url.rpartition(":")[2].partition("/")[0]
        _make_roles(port)
        nodes = [
            environment(name, port, folder) | {"TAMGA_PORT": str(free_port()), "TAMGA_STALL_SECONDS": "1"}
            for name in ("node-1", "node-2")
        ]
        early = run(*command("node-1"), env=nodes[0])
        migrate = environment("migrate", port, folder) | {"TAMGA_DATA_DIR": str(folder)}
        migrated = [run(*command("migrate"), env=migrate).stdout for _ in range(2)]
        one, two = (stack.enter_context(started(env)) for env in nodes)
        yield Composed(server, one.ready(), two.ready(), migrated, early, folder / "keys")


def _make_roles(port: str) -> None:
    """As the image of PostgreSQL does at its first start."""
    given = {key: value for key, value in service_environment("postgres").items() if key.startswith("TAMGA_")}
    given |= {"PGHOST": "127.0.0.1", "PGPORT": port, "PATH": f"{find_programs()}:{os.environ['PATH']}"}
    subprocess.run([ROOT / "deploy" / "postgres" / "roles.sh"], env=given, check=True)


def test_a_node_that_starts_before_the_migration_says_what_is_missing(composed: Composed) -> None:
    assert composed.early.returncode == 2
    assert "tamga migrate" in composed.early.stderr


def test_the_migration_runs_once_and_harmlessly_again(composed: Composed) -> None:
    first, again = composed.migrated
    assert "applied 0001_log" in first
    assert again == "the log is up to date, and tamga_node may use it (0 steps now)\n"


def test_nodes_that_start_at_once_record_the_first_record_once(composed: Composed) -> None:
    one, two = composed.one, composed.two
    states = [node.http.get("/readyz").json() for node in (one, two)]
    assert [(state["head"], state["follows"]) for state in states] == [(210, True), (210, True)]
    assert states[0]["record_id"] == states[1]["record_id"]


def test_what_one_node_records_the_other_reads(composed: Composed) -> None:
    key = (composed.keys / "recorder.key").read_text().strip()
    position = composed.one.record_party("composed", key=key)
    found = composed.two.ask(f'{{ party(id: "party:composed", minPosition: {position}) {{ name }} }}')
    assert found["party"]["name"] == "composed"


def test_both_nodes_serve_the_same_checkpoint_under_the_same_key(composed: Composed) -> None:
    one, two = composed.one.http, composed.two.http
    eventually(lambda: one.get("/log/checkpoint").status_code == 200)
    eventually(lambda: one.get("/log/checkpoint").content == two.get("/log/checkpoint").content)
    assert one.get("/log/vkeys").content == two.get("/log/vkeys").content


def test_the_health_check_of_the_image_passes(composed: Composed) -> None:
    line = next(line for line in DOCKERFILE.splitlines() if line.startswith("HEALTHCHECK"))
    program, *arguments = json.loads(line.partition(" CMD ")[2])
    assert program == "python"
    done = subprocess.run([sys.executable, *arguments], env={"TAMGA_PORT": str(composed.one.port)}, check=False)
    assert done.returncode == 0


@pytest.mark.fault
def test_when_the_database_crashes_nodes_go_on_reading_and_all_goes_on_when_it_is_back(composed: Composed) -> None:
    one, key = composed.one, (composed.keys / "recorder.key").read_text().strip()
    position = one.record_party("before-the-crash", "a-command", key)
    composed.server.stop("immediate")
    eventually(lambda: one.status("/readyz") == 503)
    assert one.status("/healthz") == 200
    assert one.ask('{ party(id: "party:before-the-crash") { name } }')["party"]
    composed.server.start()
    eventually(lambda: one.status("/readyz") == 200)
    assert one.record_party("before-the-crash", "a-command", key) == position
    assert one.record_party("after-the-crash", key=key) == position + 1


def test_when_one_node_is_killed_the_other_records_and_signs(composed: Composed) -> None:
    two, key = composed.two, (composed.keys / "recorder.key").read_text().strip()
    composed.one.process.kill()
    composed.one.process.wait(30)
    position = two.record_party("survivor", key=key)
    eventually(lambda: two.metric("tamga_sealed_position") >= position)
    assert int(two.http.get("/log/checkpoint").text.splitlines()[1]) >= position


def test_a_stopped_node_ends_in_order_within_the_time_that_the_compose_file_gives(composed: Composed) -> None:
    grace = float(compose()["services"]["node-2"]["stop_grace_period"].removesuffix("s"))
    composed.two.process.terminate()
    assert composed.two.process.wait(grace) == 0
