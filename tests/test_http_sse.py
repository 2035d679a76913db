"""Subscriptions as event streams and as multipart, over a real server: framing, resuming, errors, ends."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx
import orjson
import pytest
import pytest_asyncio

from schema.http.view import Manner
from tests.support.server import Served, served
from tests.support.small_api import SmallStreams

SSE = {"accept": "text/event-stream"}
APOLLO = {"accept": "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json;q=0.9"}

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with served(tmp_path_factory.mktemp("node"), Manner(ping_seconds=0.05)) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(verify=False, timeout=60) as opened:
        yield opened


def counting(to: int, **arguments: Any) -> dict[str, Any]:
    given = ", ".join(f"{name}: {orjson.dumps(value).decode()}" for name, value in arguments.items())
    return {"query": f"subscription {{ count(to: {to}, {given}) }}"}


async def body(client: httpx.AsyncClient, api: Served, asked: dict[str, Any], headers: dict[str, str]) -> str:
    """The whole of a stream that ends."""
    answer = await client.post(api.url, json=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.text


def events(text: str) -> list[dict[str, str]]:
    """The fields of each event; comments are left out."""
    blocks = [block.splitlines() for block in text.split("\n\n")]
    found = [dict(field(line) for line in block if line[:1] != ":") for block in blocks]
    return [fields for fields in found if fields]


def field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.removeprefix(" ")


async def test_each_message_has_its_cursor_as_id_and_the_end_has_none(api: Served, client: httpx.AsyncClient) -> None:
    text = await body(client, api, counting(2), SSE)
    assert "\r" not in text
    assert events(text) == [
        {"event": "next", "id": "1", "data": '{"data":{"count":1}}'},
        {"event": "next", "id": "2", "data": '{"data":{"count":2}}'},
        {"event": "complete", "data": ""},
    ]


async def test_a_stream_by_get_serves_a_browsers_event_source(api: Served, client: httpx.AsyncClient) -> None:
    answer = await client.get(api.url, params=counting(1), headers=SSE)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert [event["event"] for event in events(answer.text)] == ["next", "complete"]


async def test_last_event_id_counts_more_than_the_argument(api: Served, client: httpx.AsyncClient) -> None:
    text = await body(client, api, counting(4, after="1"), {**SSE, "last-event-id": "3"})
    assert [event.get("id") for event in events(text)] == ["4", None]


async def test_a_quiet_stream_sends_comments(api: Served, client: httpx.AsyncClient) -> None:
    assert events(await until_quiet(client, api, SSE, ":\n\n")) == []
    text = await body(client, api, counting(1, every=0.2), SSE)
    assert [event["event"] for event in events(text)] == ["next", "complete"]


async def until_quiet(client: httpx.AsyncClient, api: Served, headers: dict[str, str], sign: str) -> str:
    """What a stream without messages sends, up to its third sign of life."""
    text = ""
    async with client.stream("POST", api.url, json=counting(1, every=600), headers=headers) as answer:
        pieces = answer.aiter_text()
        while text.count(sign) < 3:
            text += await anext(pieces)
    return text


async def test_an_error_within_a_stream_is_masked_and_ends_it(api: Served, client: httpx.AsyncClient) -> None:
    first, last = events(await body(client, api, {"query": "subscription { failing }"}, SSE))
    assert orjson.loads(first["data"])["errors"][0]["extensions"]["code"] == "INTERNAL_ERROR"
    assert ("secret" in first["data"], last["event"]) == (False, "complete")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"query": "subscription { cont }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "subscription {"}, "GRAPHQL_PARSE_FAILED"),
        (counting(3, after="of another record"), "BAD_CURSOR"),
    ],
)
async def test_a_stream_that_cannot_begin_is_refused_as_json(
    api: Served, client: httpx.AsyncClient, asked: dict[str, Any], code: str
) -> None:
    answer = await client.post(api.url, json=asked, headers=SSE)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, code)


async def test_a_client_that_goes_ends_its_stream(api: Served, client: httpx.AsyncClient) -> None:
    async with client.stream("POST", api.url, json=counting(10, every=60), headers=SSE) as answer:
        await anext(answer.aiter_bytes())
    stream = cast(SmallStreams, api.app.executor.services.streams).begun[-1]
    async with asyncio.timeout(30):
        await stream.closed.wait()


async def test_multipart_sends_a_part_for_each_message_and_a_boundary_behind_it(
    api: Served, client: httpx.AsyncClient
) -> None:
    answer = await client.post(api.url, json=counting(2), headers=APOLLO)
    assert answer.headers["content-type"] == 'multipart/mixed; boundary="graphql"; subscriptionSpec=1.0'
    first, *parts, last = answer.text.split("\r\n--graphql")
    assert (first, last) == ("", "--\r\n")
    bodies = [orjson.loads(part.partition("\r\n\r\n")[2]) for part in parts]
    assert [one for one in bodies if one] == [{"payload": {"data": {"count": 1}}}, {"payload": {"data": {"count": 2}}}]


async def test_multipart_sends_signs_of_life_and_masked_errors(api: Served, client: httpx.AsyncClient) -> None:
    quiet = await until_quiet(client, api, APOLLO, "\r\n\r\n{}\r\n--graphql")
    failing = await body(client, api, {"query": "subscription { failing }"}, APOLLO)
    assert "payload" not in quiet
    assert '{"payload":null,"errors":[{"message":"Internal error' in failing


@pytest.mark.parametrize("headers", [SSE, APOLLO])
async def test_a_shutdown_tells_from_where_to_resume_and_completes(
    tmp_path: Path, client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    async with served(tmp_path) as api:
        async with client.stream("POST", api.url, json=counting(1000, every=0.05), headers=headers) as answer:
            pieces = answer.aiter_text()
            text = ""
            while '"count":2' not in text:
                text += await anext(pieces)
            api.app.drain.begin()
            text += "".join([piece async for piece in pieces])
        assert await api.app.drain.finished(30)
        refused = await client.post(api.url, json=counting(1), headers=headers)
    assert '{"data":null,"extensions":{"resume":"2"}}' in text
    assert text.endswith("event: complete\ndata:\n\n" if headers is SSE else "--graphql--\r\n")
    assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (503, "SHUTTING_DOWN")


async def test_an_event_source_is_told_to_come_again_where_others_are_told_503(
    tmp_path: Path, client: httpx.AsyncClient
) -> None:
    async with served(tmp_path) as api:
        api.app.drain.begin()
        browser = await client.get(api.url, params=counting(1), headers=SSE)
        other = await client.post(api.url, json=counting(1), headers=SSE)
    assert (browser.status_code, other.status_code) == (200, 503)
    assert browser.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert browser.text == "retry: 2000\n: This node is shutting down.\n\n"


async def test_a_query_that_takes_too_long_is_not_asked_for_again_and_again(
    tmp_path: Path, client: httpx.AsyncClient
) -> None:
    async with served(tmp_path, query_timeout=0.05, min_position_timeout=0.05) as api:
        answer = await client.get(api.url, params={"query": "{ slow(seconds: 60) }"}, headers=SSE)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (503, "TIMEOUT")
