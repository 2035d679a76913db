"""Clients that nobody here wrote, at work on the first record as `tamga serve` gives it (`make clients`).

Each file `tests/clients/record/*.test.mjs` holds the tests of one npm client; gql's are here, since it is Python.
"""

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from gql import Client, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

from tests.support.ports import free_port
from tests.support.readme import ROOT
from tests.support.service import Service, environment, serving, started

CLIENTS = ROOT / "tests" / "clients"
BOEING = "deal:uz-boeing-787"
RECORD = """mutation Record($input: SourceRegisteredInput!) {
  recordSourceRegistered(input: $input) { ... on Recorded { position object { id } } ... on Refused { code } }
}"""
EVENTS = """subscription Events($after: String, $until: Until) {
  events(after: $after, until: $until) {
    ... on EventRecorded { cursor position event { id } }
    ... on CaughtUp { cursor }
  }
}"""

pytestmark = pytest.mark.clients


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("record")) as running:
        yield running


def written(id: str) -> dict[str, Any]:
    """The variables of RECORD."""
    return {"input": {"id": id, "kind": "NEWS", "title": "A title"}}


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
@pytest.mark.parametrize("client", sorted(path.name for path in (CLIENTS / "record").glob("*.test.mjs")))
def test_the_clients_tests_pass(client: str, service: Service) -> None:
    told = {"TAMGA_URL": f"{service.url}/graphql", "TAMGA_KEY": service.key}
    line = ["node", "--test", "--test-reporter=spec", str(Path("record") / client)]
    done = subprocess.run(
        line, cwd=CLIENTS, env=os.environ | told, capture_output=True, text=True, timeout=120, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_graphql_ws_goes_on_after_a_restart_where_the_server_says(tmp_path: Path) -> None:
    env = environment(tmp_path / "record", port=str(free_port()))
    with started(env) as before:
        before.ready()
        with following(before, "party:second@1") as follower:
            head = before.record_party("first")
            heard_until(follower, f'"position":{head}')
            before.stop()
            with started(env) as after:
                after.ready().record_party("second")
                heard = [*heard_until(follower, '"closed":1012'), *heard_until(follower, f'"position":{head + 1}')]
    assert any("resume" in message for message in heard)
    assert [message["position"] for message in heard if "position" in message] == [head + 1]


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_what_relays_compiler_persists_is_a_list_of_trusted_documents(tmp_path: Path) -> None:
    texts = persisted_by_relay(tmp_path)
    id, text = next((id, text) for id, text in texts.items() if "query documentsDealQuery(" in text)
    settings = {"trusted_documents": str(tmp_path / "persisted.json"), "trusted_only": "true"}
    with serving(tmp_path / "record", **settings) as service:

        def ask(**asked: Any) -> Any:
            return service.http.post("/graphql", json={"variables": {"id": BOEING}, **asked}).json()

        answers = [
            ask(doc_id=id),
            ask(documentId=f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"),
            ask(query=text),
        ]
        refused = ask(query="{ __typename }")["errors"][0]["extensions"]["code"]
    assert [answer["data"]["deal"]["id"] for answer in answers] == [BOEING] * 3
    assert refused == "DOCUMENT_NOT_TRUSTED"


def persisted_by_relay(folder: Path) -> dict[str, str]:
    """The documents of the Relay application by their ids, as its compiler writes them to persisted.json."""
    shutil.copytree(CLIENTS / "record" / "relay", folder / "src")
    shutil.copy(ROOT / "schema" / "schema.graphql", folder)
    (folder / "persisted.json").write_text("{}")
    paths = {"src": "src", "schema": "schema.graphql", "language": "javascript"}
    config = {**paths, "persistConfig": {"file": "persisted.json", "algorithm": "MD5"}}
    (folder / "relay.config.json").write_text(json.dumps(config))
    compiler = CLIENTS / "node_modules" / "relay-compiler" / "cli.js"
    subprocess.run(
        ["node", str(compiler), "relay.config.json"], cwd=folder, check=True, timeout=120, capture_output=True
    )
    found: dict[str, str] = json.loads((folder / "persisted.json").read_text())
    return found


@contextmanager
def following(service: Service, last: str) -> Iterator[subprocess.Popen[str]]:
    """A graphql-ws client that follows all events until it sees the last, telling each message as a line."""
    told = {"TAMGA_URL": f"{service.url}/graphql", "TAMGA_LAST": last}
    line = ["node", "record/restart.mjs"]
    with subprocess.Popen(line, cwd=CLIENTS, env=os.environ | told, stdout=subprocess.PIPE, text=True) as process:
        too_long = threading.Timer(60, process.kill)
        too_long.start()
        try:
            yield process
        finally:
            too_long.cancel()
            process.kill()


def heard_until(follower: subprocess.Popen[str], text: str) -> list[dict[str, Any]]:
    """The messages up to one that holds the text."""
    assert follower.stdout is not None
    heard = []
    for line in follower.stdout:
        heard.append(json.loads(line))
        if text in line:
            return heard
    raise AssertionError(f"{text} did not come; before it came {heard[-3:]}")


def over_http(service: Service, **options: Any) -> Client:
    """A client that asks by HTTP."""
    headers = {"authorization": f"Bearer {service.key}"}
    transport = HTTPXAsyncTransport(f"{service.url}/graphql", headers=headers, verify=False)
    return Client(transport=transport, **options)


def over_socket(service: Service) -> Client:
    """A client that asks by a WebSocket."""
    payload = {"Authorization": f"Bearer {service.key}"}
    url = f"{service.url}/graphql".replace("http", "ws")
    return Client(transport=WebsocketsTransport(url, init_payload=payload, connect_args={"proxy": None}))


async def test_gql_checks_its_documents_against_the_schema_that_it_fetched(service: Service) -> None:
    query = gql('query One { deal(id: "deal:uz-boeing-787") { commitment announced { shown { earliest } } } }')
    async with over_http(service, fetch_schema_from_transport=True) as session:
        found = await session.execute(query)
        with pytest.raises(Exception, match="Cannot query field 'thereIsNoSuchField'"):
            await session.execute(gql("{ thereIsNoSuchField }"))
    assert found["deal"]["commitment"] == "FIRM"


async def test_gql_knows_enums_and_scalars_of_the_schema(service: Service) -> None:
    query = gql("query Some($kind: [DealKind!]) { deals(filter: {kind: $kind}, first: 1) { nodes { kind created } } }")
    query.variable_values = {"kind": ["PROCUREMENT"]}
    async with over_http(service, fetch_schema_from_transport=True) as session:
        found = await session.execute(query, serialize_variables=True, parse_result=True)
    (deal,) = found["deals"]["nodes"]
    assert deal["kind"] == "PROCUREMENT" and deal["created"] > 0


@pytest.mark.parametrize(("over", "id"), [(over_http, "source:gql-http"), (over_socket, "source:gql-socket")])
async def test_gql_records_and_is_refused_in_the_result(service: Service, over: Any, id: str) -> None:
    first, again = gql(RECORD), gql(RECORD)
    first.variable_values = again.variable_values = written(id)
    async with over(service) as session:
        done = await session.execute(first)
        refused = await session.execute(again)
    assert done["recordSourceRegistered"]["object"] == {"id": id}
    assert refused["recordSourceRegistered"] == {"code": "ALREADY_EXISTS"}


async def test_gql_tells_errors_with_their_codes(service: Service) -> None:
    async with over_http(service) as session:
        with pytest.raises(TransportQueryError) as caught:
            await session.execute(gql('{ deals(after: "not a cursor") { totalCount } }'))
    assert caught.value.errors and caught.value.errors[0]["extensions"]["code"] == "BAD_CURSOR"


async def test_gql_follows_a_replay_to_its_end_and_then_what_is_new(service: Service) -> None:
    replay, live = gql(EVENTS), gql(EVENTS)
    replay.variable_values = {"after": "0", "until": {"position": 9}}
    record = gql(RECORD)
    record.variable_values = written("source:gql-live")
    async with over_socket(service) as session:
        positions = [message["events"].get("position") async for message in session.subscribe(replay)]
        ids: list[str] = []
        async with asyncio.timeout(60):
            async for message in session.subscribe(live):
                if "event" not in message["events"]:
                    await session.execute(record)
                    continue
                ids.append(message["events"]["event"]["id"])
                break
    assert [one for one in positions if one] == list(range(1, 10))
    assert ids == ["source:gql-live@1"]
