"""Several processes of one node: they share a port and a replica, one follows, and each is replaced when it dies."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from service.cli import main
from tests.support.readme import ROOT
from tests.support.service import Service, environment, eventually, run, serving, started

TITLE = '{ deal(id: "deal:uz-boeing-787") { title } }'


def _follower(service: Service) -> int:
    """The process that holds the lock of the replica."""
    rules = service.http.get("/healthz").json()["rules"]
    return int((service.folder / f"replica-{rules}.db.lock").read_text() or 0)


def _processes(parent: int) -> list[int]:
    found = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(pid) for pid in found.split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for child processes in /proc")
def test_two_workers_share_a_node_through_a_rebuild_and_the_death_of_the_follower(
    tmp_path: Path, database_url: str
) -> None:
    given = environment(tmp_path, database_url=database_url)
    with serving(tmp_path, workers="2", database_url=database_url) as service:
        positions = [service.record_party(f"before-{number}") for number in range(6)]
        assert run("rebuild", env=given).returncode == 0
        killed = _follower(service)
        assert killed in _processes(service.process.pid)
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: _read(service, positions[-1]))
        service.connect_anew()
        eventually(lambda: _follower(service) not in (0, killed))
        positions.append(service.record_party("after"))
        assert _read(service, positions[-1])
        eventually(lambda: len(_processes(service.process.pid)) == 2)
        assert service.metric("tamga_events_recorded_total") == len(positions)
        assert positions == list(range(211, 218))
        workers = _processes(service.process.pid)
        assert service.stop() == 0
    assert [pid for pid in workers if Path(f"/proc/{pid}").exists()] == []
    assert CliRunner().invoke(main, ["replay"], env=given).exit_code == 0


def _read(service: Service, position: int) -> bool:
    """Whether a new connection reads at this position."""
    try:
        headers = {"tamga-min-position": str(position)}
        answer = httpx.post(f"{service.url}/graphql", json={"query": TITLE}, headers=headers, verify=False, timeout=30)
    except httpx.TransportError:
        return False
    return "errors" not in answer.json()


def test_workers_end_when_the_process_that_started_them_is_killed(tmp_path: Path) -> None:
    with serving(tmp_path, workers="2", first_record="0") as service:
        workers = _processes(service.process.pid)
        service.process.kill()
        eventually(lambda: not any(_runs(pid) for pid in workers))


HASTY = """
import os, signal
fork = os.fork
def forked():
    pid = fork()
    if pid:
        os.kill(os.getpid(), signal.SIGTERM)
    return pid
os.fork = forked
from service.cli import main
main()
"""
"""A service that is told to end at the moment when it has a worker more."""


def test_a_signal_that_comes_while_a_worker_begins_ends_that_one_too(tmp_path: Path) -> None:
    env = environment(tmp_path, workers="2", first_record="0", port="0")
    with subprocess.Popen([sys.executable, "-c", HASTY, "serve"], env=env, cwd=ROOT) as hasty:
        try:
            assert hasty.wait(60) == 0
        finally:
            hasty.kill()


def test_metrics_are_shown_while_a_worker_begins_to_count(tmp_path: Path) -> None:
    places = {name: str(tmp_path) for name in ("TMPDIR", "TEMP", "TMP")}
    with started(environment(tmp_path, workers="2", first_record="0") | places) as service:
        service.ready()
        (counted,) = tmp_path.glob("tamga-metrics-*")
        for kind in ("counter", "histogram", "gauge_livesum"):
            (counted / f"{kind}_1.db").touch()
        assert service.metric("tamga_events_recorded_total") == 0


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for child processes in /proc")
def test_once_a_node_is_ready_no_worker_is_asked_before_it_can_answer_nor_one_that_replaces_another(
    tmp_path: Path,
) -> None:
    with serving(tmp_path, workers="2") as service:
        answers: list[tuple[int, str]] = []
        eventually(lambda: len(_asked(service, answers)) == 2, 60)
        two = {mark for _, mark in answers}
        killed = _processes(service.process.pid)[1]
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: killed not in _processes(service.process.pid))
        eventually(lambda: _asked(service, answers) > two, 60)
        assert {status for status, _ in answers} == {200}


def _asked(service: Service, answers: list[tuple[int, str]]) -> set[str]:
    """Ask some more; the marks of all processes that answered until now."""
    answers += _answers(service)
    return {mark for _, mark in answers}


def _answers(service: Service) -> list[tuple[int, str]]:
    """The status of each answer on eight connections at once, and a mark of the process that gave it."""

    def answered(_: int) -> tuple[int, str]:
        answer = httpx.get(f"{service.url}/graphql?query={{__typename}}", verify=False, timeout=60)
        return answer.status_code, answer.headers["x-request-id"].partition("-")[0]

    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(answered, range(8)))


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
