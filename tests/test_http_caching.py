"""How long an answer by GET may be kept, and when it must be asked for again; and that streams end with credentials."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from schema.context import Access
from schema.http import GraphQLApp
from schema.http.caching import is_of_replica
from schema.operation import Operations, sound
from schema.rules import rules_of_answers
from schema.schema import build
from service.replica.rules import rules as replica_rules
from tests.support.examples import bare
from tests.support.server import Served, served, serving
from tests.support.writing import Writer

FIXED = '{ node(id: "source:first", asOf: {position: 1}) { id } }'
BY_VARIABLE = 'query($p: Position!) { node(id: "source:first", asOf: {position: $p}) { id } }'
BY_MOMENT = 'query($at: AsOf) { node(id: "source:first", asOf: $at) { id } }'
NOW = '{ node(id: "source:first") { id } }'

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(verify=False, timeout=60) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory, client: httpx.AsyncClient) -> AsyncIterator[Served]:
    async with served(tmp_path_factory.mktemp("node")) as running:
        await write(running, client, "first")
        yield running


async def write(api: Served, client: httpx.AsyncClient, key: str) -> None:
    fact = bare("SourceRegistered", f"source:{key}", kind="NEWS", title="A title")
    assert (await Writer(client, api.url, api.writing).record(fact))["__typename"] == "Recorded"


def rules(api: Served) -> str:
    return rules_of_answers(api.app.executor.services.replica.rules)


@pytest.mark.parametrize(
    "asked",
    [
        {"query": FIXED},
        {"query": BY_VARIABLE, "variables": '{"p": 1}'},
        {"query": BY_MOMENT, "variables": '{"at": {"position": 1}}'},
    ],
)
async def test_an_answer_at_a_past_position_by_named_rules_is_kept_for_ever(
    api: Served, client: httpx.AsyncClient, asked: dict[str, str]
) -> None:
    answer = await client.get(api.url, params={**asked, "rules": rules(api)})
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["etag"] == f'W/"1.{rules(api)}"'


@pytest.mark.parametrize(
    "asked",
    [
        {"query": NOW},
        {"query": FIXED},
        {"query": FIXED, "rules": "others"},
        {"query": FIXED, "rules": replica_rules()},
        {"query": "{ ... on Query { echo } }"},
        {"query": BY_MOMENT},
        {"query": BY_VARIABLE, "variables": '{"p": 1000}'},
    ],
)
async def test_any_other_answer_is_asked_for_again(
    api: Served, client: httpx.AsyncClient, asked: dict[str, str]
) -> None:
    answer = await client.get(api.url, params={"rules": rules(api), **asked} if asked["query"] != FIXED else asked)
    assert answer.headers["cache-control"] == "public, no-cache"


async def test_what_is_fixed_keeps_its_validator_while_the_record_grows_and_what_is_not_does_not(
    api: Served, client: httpx.AsyncClient
) -> None:
    before = [(await client.get(api.url, params={"query": query})).headers["etag"] for query in (FIXED, NOW)]
    await write(api, client, "later")
    after = [
        (await client.get(api.url, params={"query": query}, headers={"if-none-match": known})).status_code
        for query, known in zip((FIXED, NOW), before, strict=True)
    ]
    assert after == [304, 200]


async def test_a_reader_that_must_see_a_later_position_is_not_told_that_nothing_changed(
    api: Served, client: httpx.AsyncClient
) -> None:
    known = {"if-none-match": (await client.get(api.url, params={"query": NOW})).headers["etag"]}
    position = api.app.executor.services.replica.position
    statuses = [
        (
            await client.get(api.url, params={"query": NOW}, headers={**known, "tamga-min-position": str(least)})
        ).status_code
        for least in (position, position + 1)
    ]
    assert statuses == [304, 200]


@pytest.mark.parametrize("query", ["{ choice(which: {position: 1}) }", FIXED[:-1] + "choice(which: {position: 1}) }"])
async def test_what_is_not_read_from_the_replica_is_not_kept(
    api: Served, client: httpx.AsyncClient, query: str
) -> None:
    answer = await client.get(api.url, params={"query": query, "rules": rules(api)})
    assert "errors" not in answer.json()
    assert (answer.headers["cache-control"], "etag" in answer.headers) == ("no-store", False)


@pytest.mark.parametrize(
    ("query", "fixed"),
    [
        ("{ deal(id: 1) { title history { nodes { id } } } deals { totalCount } __typename }", True),
        ("{ deal(id: 1) { value { claim { event { proof { file } } } } } }", False),
        ("{ deal(id: 1) { ...Way } } fragment Way on Deal { history { nodes { proof { file } } } }", False),
        ("{ log { position } }", False),
        ("{ checkpoint { note } }", False),
    ],
)
async def test_proofs_checkpoints_and_the_head_are_not_fixed_by_a_position(query: str, fixed: bool) -> None:
    schema = sound(build()._schema)
    assert is_of_replica(Operations(schema).prepare(query), schema) is fixed


@pytest.mark.parametrize("asked", [{"query": "{ nothing }"}, {"query": "{"}, {"variables": "5"}])
async def test_a_refusal_is_not_kept(api: Served, client: httpx.AsyncClient, asked: dict[str, str]) -> None:
    assert (await client.get(api.url, params=asked)).headers["cache-control"] == "no-store"


async def test_an_answer_with_errors_is_not_kept(api: Served, client: httpx.AsyncClient) -> None:
    answer = await client.get(api.url, params={"query": "{ boom }"})
    assert (answer.headers["cache-control"], "etag" in answer.headers) == ("no-store", False)


async def test_an_answer_to_somebody_with_a_key_is_private(api: Served, client: httpx.AsyncClient) -> None:
    answer = await client.get(api.url, params={"query": NOW}, headers=api.writing)
    assert answer.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("accept", ["text/event-stream", "multipart/mixed"])
async def test_credentials_that_end_end_the_stream_with_an_error(
    tmp_path: Path, client: httpx.AsyncClient, accept: str
) -> None:
    async with served(tmp_path) as api:
        services: Any = api.app.executor.services
        ending = replace(services, authenticate=lambda token: Access("guest", time.time() + 0.1))
        asked = {"query": "subscription { count(to: 5, every: 60) }"}
        async with serving(GraphQLApp(ending, "")) as (_, port):
            headers = {"accept": accept, "authorization": "Bearer for-a-moment"}
            answer = await client.post(replace(api, port=port).url, json=asked, headers=headers)
    assert '"code":"UNAUTHENTICATED"' in answer.text
    assert answer.text.endswith(("event: complete\ndata:\n\n", "--graphql--\r\n"))
