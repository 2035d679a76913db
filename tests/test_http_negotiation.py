"""Which media type answers which Accept header, in tables and over a real server."""

from pathlib import Path

import httpx
import pytest

from schema.http.negotiate import for_result, for_stream, prefers_page
from schema.http.view import Manner
from tests.support.server import served

URQL = (
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"
)
APOLLO = (
    "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/graphql-response+json,application/json;q=0.9"
)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
NEW, OLD, SSE = "application/graphql-response+json", "application/json", "text/event-stream"


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", OLD),
        ("*/*", OLD),
        ("application/*", OLD),
        (OLD, OLD),
        (NEW, NEW),
        (f"{OLD}, {NEW}", OLD),
        (f"{NEW}, {OLD}", NEW),
        (f"{OLD};q=0.5, {NEW}", NEW),
        (f"{NEW};q=0, */*", OLD),
        (f"{OLD};q=0, */*;q=0.1", NEW),
        (URQL, NEW),
        (APOLLO, NEW),
        (BROWSER, OLD),
        (SSE, SSE),
        (f"{SSE};q=0.5, {OLD}", OLD),
        ("APPLICATION/JSON ; Q=1", OLD),
        ("application/json;q=nonsense", None),
        ("image/png", None),
        ("text/*", None),
    ],
)
def test_a_result_comes_in_what_the_client_likes_best(accept: str, media: str | None) -> None:
    assert for_result(accept) == media


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (SSE, SSE),
        (URQL, SSE),
        (APOLLO, "multipart/mixed"),
        (f"{OLD}, {SSE}", SSE),
        ("*/*", None),
        ("", None),
        (OLD, None),
        (f"{SSE};q=0", None),
    ],
)
def test_a_stream_needs_a_client_that_names_a_type_for_streams(accept: str, media: str | None) -> None:
    assert for_stream(accept) == media


def test_only_a_browser_gets_the_page() -> None:
    assert prefers_page(BROWSER)
    assert not any(prefers_page(accept) for accept in ("*/*", "", OLD, URQL, f"{OLD}, text/html"))


async def test_a_client_that_takes_nothing_we_have_gets_406_as_json(tmp_path: Path) -> None:
    async with served(tmp_path) as api, httpx.AsyncClient(verify=False, timeout=60) as client:
        answer = await client.post(api.url, json={"query": "{ echo }"}, headers={"accept": "image/png"})
    assert (answer.status_code, list(answer.json())) == (406, ["errors"])


async def test_a_query_that_prefers_an_event_stream_gets_one(tmp_path: Path) -> None:
    async with served(tmp_path) as api, httpx.AsyncClient(verify=False, timeout=60) as client:
        answer = await client.post(api.url, json={"query": "{ echo }"}, headers={"accept": SSE})
    assert answer.content == b'event: next\ndata: {"data":{"echo":"nothing"}}\n\nevent: complete\ndata:\n\n'


async def test_the_statuses_of_the_draft_can_be_chosen(tmp_path: Path) -> None:
    accept = {"accept": NEW}
    async with (
        served(tmp_path, Manner(draft_statuses=True)) as api,
        httpx.AsyncClient(headers=accept, verify=False, timeout=60) as client,
    ):
        invalid = await client.post(api.url, json={"query": "{ eco }"})
        partial = await client.post(api.url, json={"query": "{ boom echo }"})
        whole = await client.post(api.url, json={"query": "{ echo }"})
    assert [invalid.status_code, partial.status_code, whole.status_code] == [422, 294, 200]
