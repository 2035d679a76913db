"""The proxy of the compose file before two nodes, as it stands but for addresses and folders; skipped without nginx."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import httpx
import pytest

from service.settings import Settings
from tests.support.ports import free_port
from tests.support.readme import ROOT
from tests.support.service import Service, environment, eventually, started
from tests.support.stream_clients import messages_over_socket, messages_over_sse

NGINX: Final = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
EVENTS: Final = "subscription { events { ... on EventRecorded { event { id } } ... on CaughtUp { position } } }"

pytestmark = pytest.mark.skipif(NGINX is None, reason="no nginx on this machine")


class Proxied(NamedTuple):
    """Two nodes on one log, and the proxy before them."""

    url: str
    nodes: list[Service]
    key: str
    accessed: Path
    """What the proxy logs of each request."""

    def post(self, content: bytes, url: str = "") -> httpx.Response:
        """A request by a connection of its own, to the proxy or past it."""
        return httpx.post(f"{url or self.url}/graphql", content=content, headers={"content-type": "application/json"})

    def asked(self, head: bytes) -> bytes:
        """The first line of the answer to a request of this head, written as it stands."""
        host, port = self.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(head + b"Host: x\r\nConnection: close\r\n\r\n")
            return connection.recv(65_536).partition(b"\r\n")[0]


def config(folder: Path, port: int, nodes: list[int]) -> str:
    """The proxy's settings with this machine's places; names of containers are resolved by containers alone."""
    text = (ROOT / "deploy" / "nginx.conf").read_text("utf-8").replace("/tmp/", f"{folder}/")
    for number, node in enumerate(nodes, 1):
        text = text.replace(f"server node-{number}:8000 resolve", f"server 127.0.0.1:{node}")
    text = re.sub(r"\n *resolver [^\n]*", "", text).replace("listen 8080;", f"listen 127.0.0.1:{port};")
    return text.replace("/dev/stdout", f"{folder}/access.log").replace("/dev/stderr", f"{folder}/error.log")


@contextmanager
def proxy(folder: Path, port: int, nodes: list[int]) -> Iterator[str]:
    """A proxy on this port before nodes on those; its address."""
    (folder / "nginx.conf").write_text(config(folder, port, nodes))
    rights = "user root; " if os.geteuid() == 0 else ""
    line = [str(NGINX), "-c", f"{folder}/nginx.conf", "-g", f"{rights}daemon off;"]
    with subprocess.Popen(line, stderr=subprocess.DEVNULL) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    folder, port = tmp_path_factory.mktemp("proxied"), free_port()
    shared = {
        "database_url": f"sqlite:///{folder}/log.db",
        "recorder_key": f"{folder}/recorder.key",
        "signing_key": f"{folder}/signing.key",
        "listen": "ready",
    }
    with ExitStack() as stack:
        nodes = [stack.enter_context(started(environment(folder / name, **shared))) for name in ("one", "two")]
        for node in nodes:
            node.ready()
        url = stack.enter_context(proxy(folder, port, [node.port for node in nodes]))
        eventually(lambda: answers(url))
        yield Proxied(url, nodes, (folder / "recorder.key").read_text().strip(), folder / "access.log")


def answers(url: str, path: str = "/healthz", status: int = 200) -> bool:
    try:
        return httpx.get(f"{url}{path}").status_code == status
    except httpx.TransportError:
        return False


def test_a_body_of_the_largest_size_is_taken_and_a_larger_one_refused_as_nodes_refuse_it(proxied: Proxied) -> None:
    most = Settings().max_body
    assert proxied.post(b"{}" + b" " * (most - 2)).status_code == 400  # it was read, and holds no query
    told = [proxied.post(b"x" * (most + 1), url) for url in (proxied.url, proxied.nodes[0].url)]
    assert [answer.status_code for answer in told] == [413, 413]
    assert told[0].json() == told[1].json()


def test_whoever_sends_too_much_takes_no_node_away_from_others(proxied: Proxied) -> None:
    for size in (2, 20, 60):
        assert proxied.post(b"x" * (size << 20)).status_code == 413
        assert answers(proxied.url)


def test_whoever_asks_for_an_upgrade_that_no_node_makes_takes_no_node_away_from_others(proxied: Proxied) -> None:
    for wanted in ("h2c", "websocket"):
        for _ in range(5):
            headers = {"content-type": "application/json", "connection": "upgrade", "upgrade": wanted}
            body = b'{"query": "{ __typename }", "variables": {"x": "%s"}}' % (b"x" * 1_000_000)
            answer = httpx.post(f"{proxied.url}/graphql", content=body, headers=headers)
            assert answer.status_code == 200
            assert answers(proxied.url)


def test_an_address_is_taken_as_long_as_nodes_take_it_and_longer_heads_reach_none(proxied: Proxied) -> None:
    query = b"GET /graphql?query=%7B__typename%23"
    assert proxied.asked(query + b"x" * 55_000 + b"%0A%7D HTTP/1.1\r\n") == b"HTTP/1.1 200 OK"
    for _ in range(5):
        assert proxied.asked(query + b"x" * 62_000 + b"%0A%7D HTTP/1.1\r\n").startswith(b"HTTP/1.1 414")
        many = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 1_000) for number in range(70))
        assert proxied.asked(b"GET /healthz HTTP/1.1\r\n" + many).startswith(b"HTTP/1.1 400")
        assert answers(proxied.url)


async def test_each_event_leaves_at_once_while_its_streams_stay_open(proxied: Proxied) -> None:
    url = f"{proxied.url}/graphql"
    async with (
        messages_over_socket(url.replace("http", "ws"), EVENTS) as over_socket,
        httpx.AsyncClient() as client,
        messages_over_sse(client, url, EVENTS) as over_sse,
    ):
        for heard in (over_socket, over_sse):
            assert "position" in (await anext(heard))["data"]["events"]
        proxied.nodes[1].record_party("told-at-once", key=proxied.key)
        for heard in (over_socket, over_sse):
            assert (await anext(heard))["data"]["events"]["event"] == {"id": "party:told-at-once@1"}


def test_a_request_has_one_id_with_the_proxy_and_with_the_node(proxied: Proxied) -> None:
    id = httpx.get(f"{proxied.url}/readyz").headers["x-request-id"]
    eventually(lambda: f'"request_id":"{id}"' in proxied.accessed.read_text())


def test_metrics_are_not_passed_on(proxied: Proxied) -> None:
    paths = ("/metrics", "//metrics", "/%6detrics", "/log/../metrics", "/metrics?x=1")
    assert [httpx.get(proxied.url + path).status_code for path in paths] == [404] * len(paths)


def test_when_a_node_is_killed_the_other_answers_and_when_none_is_left_the_proxy_says_so(proxied: Proxied) -> None:
    first, second = proxied.nodes
    first.process.kill()
    first.process.wait(30)
    codes = {httpx.get(f"{proxied.url}/readyz").status_code for _ in range(20)}
    assert codes == {200}  # it did not take the request, so another was asked
    second.process.kill()
    second.process.wait(30)
    answer = proxied.post(b'{"query": "{ __typename }"}')
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["errors"][0]["extensions"] == {"code": "UNAVAILABLE"}
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


@pytest.fixture
def away(tmp_path: Path) -> Iterator[str]:
    """The address of a proxy behind which no node answers."""
    with proxy(tmp_path, free_port(), [free_port(), free_port()]) as url:
        eventually(lambda: answers(url, "/metrics", 404))
        yield url


def test_where_no_node_answers_an_event_source_is_asked_to_come_again(away: str) -> None:
    answer = httpx.get(f"{away}/graphql", headers={"accept": "text/event-stream"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")
    assert answer.text == "retry: 2000\n: No node answers.\n\n"


@pytest.mark.parametrize(("method", "accept"), [("POST", "text/event-stream"), ("GET", "application/json")])
def test_where_no_node_answers_all_others_are_told_so(away: str, method: str, accept: str) -> None:
    answer = httpx.request(method, f"{away}/graphql", headers={"accept": accept})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
