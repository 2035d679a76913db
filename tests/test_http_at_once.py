"""Questions by POST that are answered without a task: the same responses as ever, however their bytes come."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson
import pytest
import uvicorn

from service.app import App, create_app
from service.node import Node
from service.registry import Registry
from service.settings import Settings
from tests.support.server import serving
from tests.test_replica_follow import facts


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    node = Node(Settings(data_dir=tmp_path_factory.mktemp("node"), first_record=False, seal=False))
    made = create_app(node)
    node.start()
    position = Registry(node.log).record(facts(2), actor="cli").position
    assert node.replica.wait(position, 60)
    made.health.started = True
    yield made
    made.close()
    node.stop()


@dataclass
class Line:
    """A connection to a server, spoken to byte by byte."""

    server: uvicorn.Server
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answer(self) -> tuple[bytes, dict[bytes, bytes], bytes]:
        """Status line, headers and body of the next response."""
        async with asyncio.timeout(60):
            status, *lines = (await self.reader.readuntil(b"\r\n\r\n"))[:-4].split(b"\r\n")
            headers = dict(line.split(b": ", 1) for line in lines)
            return status, headers, await self.reader.readexactly(int(headers[b"content-length"]))

    async def say(self, *pieces: bytes) -> tuple[bytes, dict[bytes, bytes], bytes]:
        """The response to a request that comes in these pieces."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0.02)
        return await self.answer()


@asynccontextmanager
async def line(app: object) -> AsyncIterator[Line]:
    async with serving(app) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield Line(server, reader, writer)
        finally:
            writer.close()


def post(query: str, *headers: bytes, version: bytes = b"1.1") -> bytes:
    body = orjson.dumps({"query": query})
    fields = (b"host: x", b"content-type: application/json", b"content-length: %d" % len(body), *headers)
    return b"POST /graphql HTTP/%b\r\n%b\r\n\r\n%b" % (version, b"\r\n".join(fields), body)


class Tasks:
    """Passes on to an application, and counts how often it was not answered at once."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.begun = 0
        self.at_once = app.at_once

    async def __call__(self, scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        self.begun += scope["type"] == "http"
        await self._app(scope, receive, send)


DEALS = "{ deals(first: 1) { nodes { id title } } }"


async def test_a_plain_question_is_answered_without_a_task_and_like_any_other(app: App) -> None:
    async with line(tasks := Tasks(app)) as one:
        at_once, before = await one.say(post(DEALS)), tasks.begun
        as_ever = await one.say(post(DEALS)[:-5], post(DEALS)[-5:])
    assert (before, tasks.begun) == (0, 1)
    for status, headers, body in (at_once, as_ever):
        assert status == b"HTTP/1.1 200 OK"
        assert orjson.loads(body)["data"]["deals"]["nodes"]
        headers.pop(b"x-request-id"), headers.pop(b"date")
    assert at_once == as_ever


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("{ deals(first: 1) { nodes { nothing } } }", ()),
        ("{ deals(first: -1) { nodes { id } } }", ()),
        ("{", ()),
        (DEALS, (b"accept: image/png",)),
        (DEALS, (b"authorization: Bearer unknown",)),
        (DEALS, (b"tamga-min-position: x",)),
        ("subscription { newDeals { __typename } }", ()),
        ("mutation { recordFacts(facts: []) { __typename } }", ()),
    ],
)
async def test_what_is_refused_is_refused_by_a_task_that_tells_why(
    app: App, query: str, headers: tuple[bytes, ...]
) -> None:
    async with line(tasks := Tasks(app)) as one:
        _, headers_told, body = await one.say(post(query, *headers))
    assert tasks.begun == 1
    assert b"x-request-id" in headers_told
    assert orjson.loads(body)["errors"]


async def test_a_position_that_is_not_here_yet_is_waited_for_by_a_task(app: App) -> None:
    here = app.node.replica.position
    async with line(tasks := Tasks(app)) as one:
        reached, _, _ = await one.say(post(DEALS, b"tamga-min-position: %d" % here))
        assert (reached, tasks.begun) == (b"HTTP/1.1 200 OK", 0)
        waiting = asyncio.create_task(one.say(post(DEALS, b"tamga-min-position: %d" % (here + 1))))
        async with asyncio.timeout(60):
            while not tasks.begun:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        Registry(app.node.log).record(facts(1, first=2), actor="cli")
        status, _, body = await waiting
    assert (status, b'"errors"' in body) == (b"HTTP/1.1 200 OK", False)


async def test_an_id_that_a_proxy_gave_the_request_is_sent_back(app: App) -> None:
    async with line(app) as one:
        _, headers, _ = await one.say(post(DEALS, b"x-request-id: from-the-proxy"))
    assert headers[b"x-request-id"] == b"from-the-proxy"


async def test_questions_that_come_together_are_answered_in_order_and_keep_nobody_waiting(app: App) -> None:
    get = b"GET /graphql?query=%7B__typename%7D HTTP/1.1\r\nhost: x\r\naccept: application/json\r\n\r\n"
    queries = [post("{ a: __typename }"), get, post("{ c: __typename }"), post(DEALS), post("{ e: __typename }")]
    async with line(tasks := Tasks(app)) as one:
        first = await one.say(b"".join(queries))
        rest = [await one.answer() for _ in queries[1:]]
    told = [list(orjson.loads(body)["data"]) for _, _, body in (first, *rest)]
    assert told == [["a"], ["__typename"], ["c"], ["deals"], ["e"]]
    assert tasks.begun == 4  # all but the first: between them others have their turn


@pytest.mark.parametrize("cut", [1, 20, 100, -1])
async def test_a_question_may_be_cut_anywhere(app: App, cut: int) -> None:
    async with line(app) as one:
        whole = post(DEALS)
        assert (await one.say(whole[:cut], whole[cut:]))[2] == (await one.say(whole))[2]


@pytest.mark.parametrize("asked", [post(DEALS, b"connection: close"), post(DEALS, version=b"1.0")])
async def test_a_client_that_wants_the_connection_to_end_gets_that(app: App, asked: bytes) -> None:
    async with line(app) as one:
        assert (await one.say(asked))[1][b"connection"] == b"close"
        assert await one.reader.read() == b""


async def test_a_client_that_expects_to_be_told_to_go_on_is_told(app: App) -> None:
    asked = post(DEALS, b"expect: 100-continue")
    head, body = asked.split(b"\r\n\r\n")
    async with line(app) as one:
        one.writer.write(head + b"\r\n\r\n")
        async with asyncio.timeout(60):
            assert await one.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert (await one.say(body))[0] == b"HTTP/1.1 200 OK"


async def test_a_connection_that_rests_is_closed_but_none_that_asks_now_and_then(app: App) -> None:
    async with serving(app) as (server, port):
        server.config.timeout_keep_alive = 1
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        one, loop = Line(server, reader, writer), asyncio.get_running_loop()
        began = loop.time()
        while loop.time() < began + 2.5:
            await one.say(post(DEALS))
            await asyncio.sleep(0.1)
        last = loop.time()
        async with asyncio.timeout(60):
            assert await reader.read() == b""
        assert loop.time() > last + 0.5
        writer.close()


async def test_a_socket_on_a_connection_that_asked_before_outlives_the_time_that_one_may_rest(app: App) -> None:
    upgrade = (
        b"GET /graphql HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        b"sec-websocket-protocol: graphql-transport-ws\r\n\r\n"
    )
    async with serving(app) as (server, port):
        server.config.timeout_keep_alive = 1
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await Line(server, reader, writer).say(post(DEALS))
        writer.write(upgrade)
        async with asyncio.timeout(60):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
            await asyncio.sleep(1.5)
            writer.write(b"\x89\x80\0\0\0\0")
            assert await reader.readexactly(2) == b"\x8a\x00"
        writer.close()


async def test_a_body_that_breaks_off_as_no_client_sends_it_is_refused(app: App) -> None:
    async with line(app) as one:
        one.writer.write(b"POST /graphql HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabcde\r\nzz\r\n")
        async with asyncio.timeout(60):
            assert (await one.reader.read()).startswith(b"HTTP/1.1 400 ")


async def test_what_fails_at_once_is_logged_and_tried_by_a_task(app: App, caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Tasks):
        def __init__(self, app: App) -> None:
            super().__init__(app)
            self.at_once = self._fail  # type: ignore[assignment]

        def _fail(self, *_: object) -> None:
            raise RuntimeError("nobody foresaw this")

    async with line(tasks := Failing(app)) as one:
        assert (await one.say(post(DEALS)))[0] == b"HTTP/1.1 200 OK"
    assert tasks.begun == 1
    told = [record.getMessage() for record in caplog.records if record.name == "tamga.server"]
    assert told == ["a question could not be answered at once: nobody foresaw this"]


def test_an_address_with_parameters_is_left_to_a_task(app: App) -> None:
    headers, body = {b"content-type": b"application/json"}, post(DEALS).partition(b"\r\n\r\n")[2]
    assert app.at_once(b"/graphql", headers, body)
    assert app.at_once(b"/graphql?a=b", headers, body) is None
