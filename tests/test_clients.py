"""Clients and checkers that nobody here wrote, as npm has them, against a running server (`make clients`)."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.examples import bare
from tests.support.readme import ROOT
from tests.support.server import Served, served
from tests.support.writing import RESULT, input_of

CLIENTS = ROOT / "tests" / "clients"
QUERY = '{ echo(text: "from outside") }'
MUTATION = f"mutation($input: SourceRegisteredInput!) {{ done: recordSourceRegistered(input: $input) {{ {RESULT} }} }}"
SUBSCRIPTION = "subscription($to: Int!) { count(to: $to) }"

pytestmark = [
    pytest.mark.clients,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("node") is None, reason="needs node"),
]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with served(tmp_path_factory.mktemp("node")) as running:
        yield running


async def script(name: str, api: Served) -> Any:
    """What a script says of the server, which it asks for the operations of this test."""
    fact = input_of(bare("SourceRegistered", f"source:by-{name}", kind="NEWS", title="A title"))
    documents = {"query": QUERY, "mutation": MUTATION, "variables": {"input": fact}}
    documents |= {"subscription": SUBSCRIPTION, "streaming": {"to": 5}, "messages": 3}
    told = {"TAMGA_URL": api.url, "TAMGA_KEY": api.key, "TAMGA_DOCUMENTS": json.dumps(documents)}
    process = await asyncio.create_subprocess_exec(
        "node",
        f"{name}.mjs",
        cwd=CLIENTS,
        env={**os.environ, **told},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(60):
            said, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, errors.decode()
    return json.loads(said)


async def test_all_audits_of_graphql_over_http_pass(api: Served) -> None:
    results = await script("audits", api)
    assert len(results) >= 61
    assert [one for one in results if one["status"] != "ok"] == []


@pytest.mark.parametrize("name", ["urql", "apollo", "ws", "sse"])
async def test_a_client_queries_writes_and_subscribes(api: Served, name: str) -> None:
    said = await script(name, api)
    assert said["query"]["echo"] == "from outside"
    assert said["mutation"]["done"]["object"]["id"] == f"source:by-{name}"
    assert [message["count"] for message in said["messages"]] == [1, 2, 3]


async def test_urql_is_told_why_an_operation_is_refused_and_can_use_get(api: Served) -> None:
    said = await script("urql", api)
    assert (said["error"], said["byGet"]["echo"]) == ("GRAPHQL_VALIDATION_FAILED", "from outside")


async def test_apollo_sends_a_persisted_query_once(api: Served) -> None:
    said = await script("apollo", api)
    assert said["persisted"] == [{"__typename": "Query"}] * 2
    assert said["carriedTheQuery"] == [False, True, False]


async def test_graphql_ws_keeps_its_socket_through_a_bad_operation(api: Served) -> None:
    assert (await script("ws", api))["error"] == "GRAPHQL_VALIDATION_FAILED"


async def test_an_event_source_gets_the_cursors_as_ids(api: Served) -> None:
    said = await script("sse", api)
    assert ([one["count"] for one in said["browser"]], said["ids"]) == ([1, 2, 3], ["1", "2", "3"])
    assert said["refused"] == 400
