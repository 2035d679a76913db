"""graphql-transport-ws over a real server and a real client: messages, close codes, limits, ends."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
from gql import Client, gql
from gql.transport.websockets import WebsocketsTransport
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from schema.http import GraphQLApp
from schema.http.view import Manner
from tests.support.examples import bare
from tests.support.server import Served, served, serving
from tests.support.small_api import COUNT, SmallStreams
from tests.support.talk import talking
from tests.support.writing import input_of, one

PROTOCOLS = [Subprotocol("graphql-transport-ws")]

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with served(tmp_path_factory.mktemp("node"), max_subscriptions=3) as running:
        yield running


async def test_a_subscription_sends_its_messages_and_completes(api: Served) -> None:
    async with talking(api) as talk:
        await talk.begin()
        await talk.subscribe("a", COUNT, to=3)
        assert await talk.until_complete("a") == [{"data": {"count": n}} for n in (1, 2, 3)]


async def test_queries_are_answered_too(api: Served) -> None:
    async with talking(api) as talk:
        await talk.begin()
        await talk.subscribe("q", "{ echo }")
        assert await talk.until_complete("q") == [{"data": {"echo": "nothing"}}]


async def test_mutations_need_the_key_of_the_first_message(api: Served) -> None:
    fact = input_of(bare("SourceRegistered", "source:by-socket", kind="NEWS", title="A title"))
    async with talking(api) as talk:
        await talk.begin()
        await talk.subscribe("m", one("SourceRegistered"), input=fact)
        refused = await talk.hear()
    async with talking(api) as talk:
        await talk.begin(Authorization=f"Bearer {api.key}")
        await talk.subscribe("m", one("SourceRegistered"), input=fact)
        (recorded,) = await talk.until_complete("m")
    assert (refused["type"], refused["payload"][0]["extensions"]["code"]) == ("error", "UNAUTHENTICATED")
    assert recorded["data"]["done"]["object"] == {"id": "source:by-socket"}


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ eco }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query A { echo } query B { echo }"}, "OPERATION_NAME_NEEDED"),
        ({"query": "{ echo }", "operationName": "B"}, "OPERATION_NAME_NEEDED"),
        ({"query": COUNT, "variables": {"to": 1, "after": "of another record"}}, "BAD_CURSOR"),
        ({"query": "subscription { failing }"}, "INTERNAL_ERROR"),
        ({"documentId": "sha256:0"}, "PERSISTED_QUERY_NOT_FOUND"),
        ({"extensions": {"persistedQuery": {"sha256Hash": "0"}}}, "PERSISTED_QUERY_NOT_FOUND"),
    ],
)
async def test_a_failing_operation_gets_an_error_and_leaves_the_socket_open(
    api: Served, payload: dict[str, Any], code: str
) -> None:
    async with talking(api) as talk:
        await talk.begin()
        await talk.say({"id": "bad", "type": "subscribe", "payload": payload})
        message = await talk.hear()
        await talk.subscribe("good", "{ echo }")
        assert len(await talk.until_complete("good")) == 1
    assert (message["id"], message["type"]) == ("bad", "error")
    assert message["payload"][0]["extensions"]["code"] == code
    assert "secret" not in str(message)


MALFORMED: list[Any] = ["", "{", "[]", "5", "null", b'{"type":"ping"}', {"type": "nonsense"}, {"type": 5}, {}]
MALFORMED += [{"type": "ping", "payload": 5}, {"type": "complete"}]
MALFORMED += [{"type": "subscribe", "payload": {"query": "{echo}"}}]
PAYLOADS: list[Any] = [None, 5, [], {}, {"query": 5}]
MALFORMED += [{"id": "a", "type": "subscribe", "payload": payload} for payload in PAYLOADS]
MALFORMED += [{"id": "a", "type": "subscribe", "payload": {"query": "{echo}", "variables": []}}]
MALFORMED += [{"id": "", "type": "subscribe", "payload": {"query": "{echo}"}}, "[" * 5000]


@pytest.mark.parametrize("message", MALFORMED, ids=lambda message: str(message)[:40])
async def test_a_malformed_message_closes_the_socket_with_4400(api: Served, message: Any) -> None:
    async with talking(api) as talk:
        await talk.begin()
        await talk.say(message)
        assert (await talk.closing())[0] == 4400


async def test_subscribing_before_the_acknowledgement_closes_with_4401(api: Served) -> None:
    async with talking(api) as talk:
        await talk.subscribe("a", "{ echo }")
        assert await talk.closing() == (4401, "Unauthorized")


async def test_a_second_first_message_closes_with_4429(api: Served) -> None:
    async with talking(api) as talk:
        await talk.begin()
        await talk.say({"type": "connection_init"})
        assert (await talk.closing())[0] == 4429


async def test_an_id_in_use_closes_with_4409(api: Served) -> None:
    async with talking(api) as talk:
        await talk.begin()
        await talk.subscribe("a", COUNT, to=5, every=60)
        await talk.subscribe("a", COUNT, to=5)
        assert await talk.closing() == (4409, "Subscriber for a already exists")


async def test_a_reason_is_cut_to_what_a_closing_frame_can_hold(api: Served) -> None:
    async with talking(api) as talk:
        await talk.begin()
        for _ in range(2):
            await talk.subscribe("\N{SNOWMAN}" * 100, COUNT, to=5, every=60)
        assert await talk.closing() == (4409, "Subscriber for " + "\N{SNOWMAN}" * 36)


@pytest.mark.parametrize(
    ("origin", "allowed", "opens"),
    [
        ("https://elsewhere.example", (), False),
        ("null", (), False),
        ("https://elsewhere.example", ("https://elsewhere.example",), True),
        ("https://elsewhere.example", ("https://another.example",), False),
        ("https://elsewhere.example", ("*",), True),
        ("the node's own", (), True),
    ],
)
async def test_a_page_opens_a_socket_if_it_is_our_own_or_allowed(
    tmp_path: Path, origin: str, allowed: tuple[str, ...], opens: bool
) -> None:
    async with served(tmp_path, allowed_origins=allowed) as api:
        given = api.root if origin == "the node's own" else origin
        if not opens:
            with pytest.raises(InvalidStatus, match="403"):
                await connect(api.socket, origin=Origin(given), subprotocols=PROTOCOLS, proxy=None)
            return
        async with talking(api, origin=Origin(given)) as talk:
            await talk.begin()


@pytest.mark.parametrize("header", ["Bearer nonsense", "Basic x", "nonsense"])
async def test_an_unknown_key_closes_with_4403(api: Served, header: str) -> None:
    async with talking(api) as talk:
        await talk.say({"type": "connection_init", "payload": {"Authorization": header}})
        code, reason = await talk.closing()
        assert (code, reason.partition(": ")[0]) == (4403, "Forbidden")
        assert "key" in reason


@pytest.mark.parametrize("offered", [["graphql-ws"], ["other"], None])
async def test_another_protocol_closes_with_4406(api: Served, offered: Any) -> None:
    async with talking(api, subprotocols=offered) as talk:
        assert await talk.closing() == (4406, "Subprotocol not acceptable: offer graphql-transport-ws")


async def test_a_ping_is_answered_with_its_payload(api: Served) -> None:
    async with talking(api) as talk:
        await talk.say({"type": "ping", "payload": {"a": 1}})
        assert await talk.hear() == {"type": "pong", "payload": {"a": 1}}
        await talk.say({"type": "ping"})
        assert await talk.hear() == {"type": "pong"}


async def test_a_completed_operation_sends_no_more_and_its_id_can_be_used_again(api: Served) -> None:
    async with talking(api) as talk:
        await talk.begin()
        await talk.subscribe("a", COUNT, to=1000, every=0.02)
        await talk.hear()
        await talk.say({"id": "a", "type": "complete"})
        await talk.subscribe("a", "{ echo }")
        while (message := await talk.hear())["payload"] != {"data": {"echo": "nothing"}}:
            assert message["id"] == "a"
        assert await talk.hear() == {"id": "a", "type": "complete"}
    assert cast(SmallStreams, api.app.executor.services.streams).begun[-1].closed.is_set()


async def test_more_operations_than_the_limit_get_an_error(api: Served) -> None:
    async with talking(api) as talk:
        await talk.begin()
        for id in ("a", "b", "c", "d"):
            await talk.subscribe(id, COUNT, to=5, every=60)
        message = await talk.hear()
        assert (message["id"], message["payload"][0]["extensions"]["code"]) == ("d", "TOO_MANY_SUBSCRIPTIONS")


async def test_a_socket_that_closes_ends_its_streams(api: Served) -> None:
    async with talking(api) as talk:
        await talk.begin()
        await talk.subscribe("a", COUNT, to=5, every=60)
        await talk.subscribe("q", "{ echo }")
        await talk.until_complete("q")
    stream = cast(SmallStreams, api.app.executor.services.streams).begun[-1]
    async with asyncio.timeout(30):
        await stream.closed.wait()


async def test_a_frame_over_the_limit_closes_the_socket(api: Served) -> None:
    async with talking(api) as talk:
        await talk.begin()
        await talk.say("x" * 300_000)
        assert (await talk.closing())[0] == 1009


async def test_reading_can_need_a_key(tmp_path: Path) -> None:
    async with served(tmp_path, Manner(open_reading=False)) as api:
        async with talking(api) as talk:
            await talk.say({"type": "connection_init"})
            code, reason = await talk.closing()
            assert code == 4403
            assert "Authorization in the payload of connection_init" in reason
        async with talking(api) as talk:
            await talk.begin(Authorization=f"Bearer {api.key}")
            await talk.subscribe("q", "{ echo }")
            assert len(await talk.until_complete("q")) == 1


async def test_the_gql_client_of_python_is_served(api: Served) -> None:
    transport = WebsocketsTransport(api.socket, init_payload={"Authorization": f"Bearer {api.key}"})
    async with Client(transport=transport) as session:
        found = [one["count"] async for one in session.subscribe(gql("subscription { count(to: 3) }"))]
        echoed = await session.execute(gql("{ echo }"))
    assert (found, echoed) == ([1, 2, 3], {"echo": "nothing"})


class NeverBegins(SmallStreams):
    """Streams that break before their first message."""

    async def subscribe(self, *_: Any) -> Any:
        raise OSError("a secret of the machine")


async def test_a_stream_that_cannot_begin_is_told_as_an_error_and_masked(tmp_path: Path) -> None:
    async with served(tmp_path) as api:
        services: Any = api.app.executor.services
        broken = GraphQLApp(replace(services, streams=NeverBegins()), "")
        async with serving(broken) as (_, port), talking(replace(api, port=port)) as talk:
            await talk.begin()
            await talk.subscribe("a", COUNT, to=5)
            message = await talk.hear()
    assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "INTERNAL_ERROR")
    assert "secret" not in str(message)
