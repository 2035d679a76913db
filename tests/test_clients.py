"""Clients and checkers that nobody here wrote, as npm has them, against a running server (`make clients`)."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.examples import bare
from tests.support.readme import ROOT
from tests.support.server import Served, served_whole
from tests.support.writing import RESULT, input_of

CLIENTS = ROOT / "tests" / "clients"
SCHEMA = ROOT / "schema" / "schema.graphql"
QUERY = 'query Found { deal(id: "deal:uz-boeing-787") { commitment } }'
MUTATION = f"mutation($input: SourceRegisteredInput!) {{ done: recordSourceRegistered(input: $input) {{ {RESULT} }} }}"
SUBSCRIPTION = """subscription($after: String, $until: Position!) {
  events(after: $after, until: {position: $until}) { __typename ... on EventRecorded { position cursor } }
}"""

pytestmark = [
    pytest.mark.clients,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("node") is None, reason="needs node"),
]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with served_whole(tmp_path_factory.mktemp("node")) as running:
        yield running


async def script(name: str, **told: str) -> Any:
    """What a script says; `told` are its variables."""
    process = await asyncio.create_subprocess_exec(
        "node",
        f"{name}.mjs",
        cwd=CLIENTS,
        env={**os.environ, **{f"TAMGA_{key.upper()}": value for key, value in told.items()}},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(120):
            said, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, errors.decode()
    return json.loads(said)


async def client(name: str, api: Served) -> Any:
    """What a client says of the server, which it asks for the operations of this test."""
    fact = input_of(bare("SourceRegistered", f"source:by-{name}", kind="NEWS", title="A title"))
    documents: dict[str, Any] = {"query": QUERY, "mutation": MUTATION, "variables": {"input": fact}}
    documents |= {"subscription": SUBSCRIPTION, "streaming": {"after": "0", "until": 5}, "messages": 3}
    return await script(name, url=api.url, key=api.key, documents=json.dumps(documents))


async def test_all_audits_of_graphql_over_http_pass(api: Served) -> None:
    results = await script("audits", url=api.url)
    assert len(results) >= 61
    assert [one for one in results if one["status"] != "ok"] == []


@pytest.mark.parametrize("name", ["urql", "apollo", "ws", "sse"])
async def test_a_client_queries_writes_and_subscribes(api: Served, name: str) -> None:
    said = await client(name, api)
    assert said["query"]["deal"]["commitment"] == "FIRM"
    assert said["mutation"]["done"]["object"]["id"] == f"source:by-{name}"
    assert [message["events"]["position"] for message in said["messages"]] == [1, 2, 3]


async def test_urql_is_told_why_an_operation_is_refused_and_can_use_get(api: Served) -> None:
    said = await client("urql", api)
    assert (said["error"], said["byGet"]["deal"]["commitment"]) == ("GRAPHQL_VALIDATION_FAILED", "FIRM")


async def test_apollo_sends_a_persisted_query_once(api: Served) -> None:
    said = await client("apollo", api)
    assert said["persisted"] == [{"__typename": "Query"}] * 2
    assert said["carriedTheQuery"] == [False, True, False]


async def test_graphql_ws_keeps_its_socket_through_a_bad_operation(api: Served) -> None:
    assert (await client("ws", api))["error"] == "GRAPHQL_VALIDATION_FAILED"


async def test_an_event_source_gets_the_cursors_as_ids(api: Served) -> None:
    said = await client("sse", api)
    assert said["ids"] == [message["events"]["cursor"] for message in said["browser"]]
    assert (len(set(said["ids"])), said["refused"]) == (3, 400)


async def test_graphql_eslints_recommended_and_relay_rules_hold() -> None:
    assert await script("lint", schema=str(SCHEMA)) == []


async def test_relays_compiler_accepts_pages_refetching_and_mutations(tmp_path: Path) -> None:
    said = await script("relay", schema=str(SCHEMA), out=str(tmp_path))
    assert said["status"] == 0, said["said"]
    assert {"dealsMoreQuery.graphql.js", "dealsItemQuery.graphql.js"} <= set(said["made"])


async def test_every_breaking_change_since_the_last_release_stands_in_the_changelog(tmp_path: Path) -> None:
    before = tmp_path / "before.graphql"
    before.write_text(_released("schema/schema.graphql"))
    told = (ROOT / "CHANGELOG.md").read_text()
    breaking = await script("inspect", before=str(before), schema=str(SCHEMA))
    assert [change for change in breaking if change["path"] not in told] == []


def _released(path: str) -> str:
    """A file as the last release had it."""
    tag = subprocess.run(
        ["git", "describe", "--tags", "--abbrev=0"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if tag.returncode:
        pytest.skip("nothing was released yet")
    shown = ["git", "show", f"{tag.stdout.strip()}:{path}"]
    return subprocess.run(shown, cwd=ROOT, capture_output=True, text=True, check=True).stdout
