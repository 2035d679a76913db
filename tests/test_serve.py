"""`tamga serve` as operators meet it: real processes, real signals, real HTTP."""

import contextlib
import fcntl
import json
import resource
import shlex
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, NamedTuple

import httpx
import pytest
from click.testing import CliRunner

from service.cli import main
from service.replica.rules import rules
from service.workers import bind
from tests.support import stores
from tests.support.service import Service, environment, eventually, run, serving, started

TITLE = '{ deal(id: "deal:uz-boeing-787") { title } }'


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service at its first start, which speaks as it does to people."""
    with serving(tmp_path_factory.mktemp("first") / "var", log_format="text") as service:
        eventually(lambda: b"Ctrl+C" in service.said)
        yield service


def test_the_first_start_says_where_it_serves_and_how_many_events_it_holds(first: Service) -> None:
    assert first.said.decode().startswith(f"Tamga serves 210 events at {first.url}/graphql")


def test_the_first_start_makes_a_key_that_the_owner_alone_can_read_and_says_where(first: Service) -> None:
    key = first.folder / "recorder.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert f"{key} (made just now" in first.said.decode()
    assert first.key not in first.said.decode()


def test_more_clients_connect_than_a_process_may_have_open_files_at_first(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
    try:
        service = Service(environment(tmp_path, first_record="0"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with service.lasting(), ExitStack() as stack:
        service.ready()
        for _ in range(200):
            opened = stack.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            opened.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            assert opened.recv(20).startswith(b"HTTP/1.1 200")


def test_the_curl_line_of_the_greeting_is_answered(first: Service) -> None:
    line = next(line for line in first.said.decode().splitlines() if line.startswith("  curl"))
    words = shlex.split(line)
    body = words[words.index("--data") + 1]
    answer = httpx.post(words[2], content=body, headers={"content-type": "application/json"}).json()
    assert answer["data"]["deal"]["value"]["shown"]["asStated"]


def test_the_query_of_the_greeting_is_answered(first: Service) -> None:
    query = first.said.decode().partition("GraphiQL:\n")[2].partition("Ctrl+C")[0]
    assert first.ask(query)["deal"]["title"]


def test_a_node_that_has_caught_up_is_alive_and_ready(first: Service) -> None:
    assert first.http.get("/healthz").json()["status"] == "alive"
    ready = first.http.get("/readyz").json()
    assert (ready["status"], ready["reasons"], ready["position"] == ready["head"]) == ("ready", [], True)


def test_metrics_tell_positions_lag_and_counts(first: Service) -> None:
    position = first.record_party("counted")
    first.ask(TITLE)
    eventually(lambda: first.metric("tamga_log_position") == position)
    assert first.metric("tamga_lag_events") == 0
    assert first.metric('tamga_command_seconds_count{outcome="recorded"}') >= 1
    assert first.metric('tamga_read_seconds_count{outcome="answered"}') >= 1
    assert first.metric("tamga_held_back_streams") == 0


def test_an_unknown_path_is_not_found_and_the_root_leads_to_the_api(first: Service) -> None:
    unknown = first.http.get("/graphql/")
    assert (unknown.status_code, "GraphQL is at /graphql." in unknown.text) == (404, True)
    assert first.http.get("/").headers["location"] == "/graphql"


@pytest.mark.parametrize("path", ["/healthz/", "/readyz/", "/metrics/", "/log"])
def test_no_redirect_names_the_address_by_which_a_proxy_speaks_to_the_node(first: Service, path: str) -> None:
    assert first.status(path) == 404


def test_a_checkpoint_is_asked_for_again_and_a_full_tile_never(first: Service) -> None:
    eventually(lambda: first.status("/log/checkpoint") == 200)
    assert first.http.get("/log/checkpoint").headers["cache-control"] == "public, no-cache"
    size = int(first.http.get("/log/checkpoint").text.splitlines()[1])
    tile = first.http.get(f"/log/tile/0/000.p/{size}")
    assert (tile.status_code, "immutable" in tile.headers["cache-control"]) == (200, True)
    assert first.status("/log/tile/0/999") == 404


def test_every_answer_names_its_request_and_keeps_the_name_that_a_proxy_gave(first: Service) -> None:
    assert first.http.get("/healthz").headers["x-request-id"]
    assert first.http.get("/healthz", headers={"x-request-id": "proxy-7"}).headers["x-request-id"] == "proxy-7"


def test_the_page_and_the_schema_are_served(first: Service) -> None:
    page = first.http.get("/graphql", headers={"accept": "text/html"})
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert first.status("/graphiql/graphiql.js") == 200
    assert "type Query" in first.http.get("/graphql/schema").text


def test_who_connects_is_refused_until_somebody_listens() -> None:
    with bind("127.0.0.1", 0) as bound:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(bound.getsockname())
        bound.listen()
        socket.create_connection(bound.getsockname()).close()


def test_a_port_that_is_taken_is_a_clear_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("serve", env=environment(tmp_path, port=str(port)))
    assert done.returncode == 2
    assert f"port {port}" in done.stderr
    assert "TAMGA_PORT" in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PORT", "http", "a whole number from 0 to 65535"),
        ("DATABASE_URL", "mysql://x:secret@y", "postgresql://"),
        ("DATABASE_URL", "postgresql://x:sec%ZZsecret@y/z", "percent-encoded"),
        ("DATABASE_URL", "postgresql://x:sec@secret@y/z", "percent-encoded"),
        ("DATABASE_URL", "postgresql://x:sec/secret@y/z", "percent-encoded"),
        ("DATABASE_URL", "postgresql://x:sec secret@y/z", "percent-encoded"),
        ("LOG_LEVEL", "loud", "debug, info, warning or error"),
        ("DRAIN_SECONDS", "-1", "a number of seconds from 0.001 on"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(tmp_path: Path, name: str, value: str, told: str) -> None:
    done = CliRunner().invoke(main, ["serve"], env={"TAMGA_DATA_DIR": str(tmp_path), f"TAMGA_{name}": value})
    assert done.exit_code == 2
    assert f"TAMGA_{name}" in done.stderr
    assert told in done.stderr
    assert "secret" not in done.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_damaged_log_is_refused_with_the_way_to_restore(tmp_path: Path, workers: str) -> None:
    (tmp_path / "log.db").write_bytes(b"this is no database" * 100)
    done = run("serve", env=environment(tmp_path, port="0", workers=workers))
    assert done.returncode == 2
    assert "To restore" in done.stderr


class Life(NamedTuple):
    """A service from its start to SIGTERM."""

    service: Service
    key: str
    position: int
    streamed: list[tuple[str, str]]
    exit_code: int


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    """A service that recorded a party and was told to end while a subscription was open."""
    with serving(tmp_path_factory.mktemp("life")) as service:
        key, position = service.key, service.record_party("kept", "my-command")
        query = {"query": "subscription { newDeals { __typename } }"}
        with service.http.stream("POST", "/graphql", json=query, headers={"accept": "text/event-stream"}) as answer:
            events = _events(answer)
            next(events)
            assert service.metric("tamga_streams_open") == 1
            service.process.terminate()
            streamed = list(events)
        return Life(service, key, position, streamed, service.end())


def _events(answer: httpx.Response) -> Iterator[tuple[str, str]]:
    kind = ""
    for line in answer.iter_lines():
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        if name in ("data", "data:"):
            yield kind, value


def test_sigterm_ends_streams_with_where_to_resume(life: Life) -> None:
    assert [kind for kind, _ in life.streamed][-2:] == ["next", "complete"]
    assert json.loads(life.streamed[-2][1])["extensions"]["resume"]


def test_after_sigterm_the_process_ends_in_order(life: Life) -> None:
    assert life.exit_code == 0
    assert life.service.logged[-1]["message"] == "stopped"


def test_whoever_has_connected_when_a_signal_comes_is_answered(tmp_path: Path) -> None:
    told: list[bytes] = []
    with serving(tmp_path, first_record="0") as service, ThreadPoolExecutor(16) as pool:
        asking = [pool.submit(_ask_until_refused, service.port, told) for _ in range(16)]
        eventually(lambda: len(told) > 100)
        assert service.stop() == 0
        for one in asking:
            one.result(30)
    cut = [answer for answer in told if not answer.startswith(b"HTTP/1.1 200 ")]
    assert len(cut) <= 2  # who connects between the last look and the end; of all sixteen nobody looked after


def _ask_until_refused(port: int, told: list[bytes]) -> None:
    while True:
        try:
            connection = socket.create_connection(("127.0.0.1", port), 30)
        except ConnectionError:
            return
        answer = b""
        with connection, contextlib.suppress(ConnectionError):
            connection.sendall(b"GET /graphql?query={__typename} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = connection.recv(65_536)
        told.append(answer)


def test_the_log_tells_each_command_with_its_position_and_request_and_no_key(life: Life) -> None:
    [told] = [line for line in life.service.logged if line.get("command_id") == "my-command"]
    assert (told["position"], told["level"], told["request_id"] != "") == (life.position, "info", True)
    assert life.key not in json.dumps(life.service.logged)


def test_a_restart_keeps_the_key_and_what_was_recorded(life: Life) -> None:
    with serving(life.service.folder) as again:
        assert (again.key, again.record_party("kept", "my-command")) == (life.key, life.position)
        assert again.http.get("/readyz").json()["position"] == life.position


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with serving(tmp_path, first_record="0") as service, socket.create_connection(("127.0.0.1", service.port)) as slow:
        slow.sendall(
            b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"
        )
        time.sleep(0.2)
        service.process.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            service.process.wait(0.5)
        assert service.stop() == 128 + signal.SIGTERM


def test_a_node_that_waits_for_its_replica_says_so_and_can_be_ended(tmp_path: Path) -> None:
    with open(tmp_path / f"replica-{rules()}.db.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with started(environment(tmp_path)) as service:
            eventually(lambda: service.status("/readyz") == 503)
            assert service.http.get("/readyz").json()["reasons"] == ["starting"]
            assert service.status("/healthz") == 200
            refused = service.http.post("/graphql", json={"query": "{ __typename }"})
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            assert refused.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
            assert service.stop() == 0
    assert service.logged[-1]["message"] == "stopped"


@pytest.fixture
def held(tmp_path: Path) -> Iterator[IO[str]]:
    """The lock of the replica, as a process that is about to make it holds it."""
    with open(tmp_path / f"replica-{rules()}.db.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks for signal handlers in /proc")
def test_a_node_may_refuse_connections_until_it_has_caught_up(tmp_path: Path, held: IO[str]) -> None:
    with started(environment(tmp_path, listen="ready")) as service:
        eventually(lambda: _starts(service))
        assert (service.status("/healthz"), service.process.poll()) == (0, None)
        fcntl.flock(held, fcntl.LOCK_UN)
        eventually(lambda: service.status("/readyz"))
        assert service.status("/readyz") == 200


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks for signal handlers in /proc")
def test_a_node_that_takes_no_connection_yet_can_be_ended(tmp_path: Path, held: IO[str]) -> None:
    with started(environment(tmp_path, listen="ready")) as service:
        eventually(lambda: _starts(service))
        assert service.stop() == 0
    assert service.logged[-1]["message"] == "stopped"


def _starts(service: Service) -> bool:
    """Whether the server runs, so that it would end in order."""
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Service]]:
    """Two nodes on one PostgreSQL database, with keys that they share."""
    folder = tmp_path_factory.mktemp("nodes")
    keys = {"recorder_key": str(folder / "recorder.key"), "signing_key": str(folder / "signing.key")}
    with stores.fresh_database("postgresql", folder) as url, ExitStack() as stack:
        one, two = (stack.enter_context(_node(folder / name, url, keys)) for name in ("one", "two"))
        yield one.ready(), two.ready()


def _node(folder: Path, url: str, keys: dict[str, str]) -> Any:
    return started(environment(folder, database_url=url, **keys))


def test_what_one_node_records_every_node_reads_from_its_position_on(nodes: tuple[Service, Service]) -> None:
    one, two = nodes
    key = Path(one.folder.parent / "recorder.key").read_text().strip()
    for number in range(20):
        writer, reader = (one, two) if number % 2 else (two, one)
        position = writer.record_party(f"p{number}", key=key)
        found = reader.ask(f'{{ party(id: "party:p{number}", minPosition: {position}) {{ name }} }}')
        assert found["party"]["name"] == f"p{number}"


def test_a_new_node_starts_from_the_snapshot_of_another(nodes: tuple[Service, Service], tmp_path: Path) -> None:
    one, _ = nodes
    url, copy = one.database_url, str(tmp_path / "copy")
    for words, folder in ((("save", copy), one.folder), (("load", copy), tmp_path / "new")):
        done = CliRunner().invoke(main, ["replica", *words], env=environment(folder, database_url=url))
        assert (done.exit_code, done.stderr) == (0, "")
    keys = {"recorder_key": str(one.folder.parent / "recorder.key"), "seal": "0"}
    with _node(tmp_path / "new", url, keys) as new:
        assert new.ready().ask(TITLE) == one.ask(TITLE)
