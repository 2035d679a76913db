"""Subscriptions over WebSocket and event streams, with real clients and a real server."""

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from domain.catalogue import read_fact
from schema.http.delivery import Delivery
from schema.http.outflow import Outflow
from schema.http.websocket import Socket
from schema.streaming.subscriptions import Subscribed
from service.app import App, create_app
from service.node import Node
from service.protocols import Cycle, HttpProtocol, SocketProtocol
from service.streaming import Reading
from tests.support.examples import Json, bare, dollars, number, opened_world
from tests.support.server import running, serving
from tests.support.stores import STORES, fresh_database
from tests.support.stream_clients import Ended, ask, hear, messages_over_socket, messages_over_sse, socket
from tests.support.streams import DEALS, EVENTS

WORLD = len(opened_world())

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Api:
    """A node that serves."""

    def __init__(self, node: Node, app: App, port: int) -> None:
        self.node, self.app, self.port = node, app, port
        self.url = f"http://127.0.0.1:{port}/graphql"
        self.socket = f"ws://127.0.0.1:{port}/graphql"

    async def add(self, *facts: Json) -> int:
        """Record facts and wait until they can be read."""
        read = [read_fact(fact) for fact in facts]
        receipt = await asyncio.to_thread(lambda: self.node.registry.record(read, actor="key:test"))
        assert await self.node.replica.reached(receipt.position, 30)
        return receipt.position


@asynccontextmanager
async def served(folder: Path, url: str = "") -> AsyncIterator[Api]:
    """A node with its whole application, on the log at this address or in its folder."""
    with running(folder, database_url=url) as node:
        app = create_app(node)
        app.health.look()
        app.health.started = True
        async with serving(app) as (_, port):
            yield Api(node, app, port)
        app.close()


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=STORES)
async def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    folder = tmp_path_factory.mktemp("node")
    with fresh_database(request.param, folder) as url:
        async with served(folder, url) as one:
            await one.add(*opened_world())
            yield one


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(verify=False, timeout=60) as opened:
        yield opened


async def up_to_live(messages: AsyncIterator[Json]) -> list[Json]:
    """The values up to CaughtUp."""
    found: list[Json] = []
    async for payload in messages:
        value = next(iter(payload["data"].values()))
        assert payload.get("id", value["cursor"]) == value["cursor"]
        if value["__typename"] == "CaughtUp":
            return found
        found.append(value)
    return found


async def test_a_frontend_hears_of_new_deals_as_they_are_recorded(api: Api) -> None:
    async with messages_over_socket(api.socket, DEALS, filter={"noun": ["DEAL"]}) as messages:
        assert await up_to_live(messages) == []
        await api.add(bare("DealAnnounced", "deal:over-socket", title="Over a socket"))
        payload = await anext(messages)
    assert payload["data"]["newDeals"]["deal"] == {"title": "Over a socket", "commitment": "ANNOUNCED"}


async def test_an_event_stream_resumes_by_last_event_id_and_by_argument(api: Api, client: httpx.AsyncClient) -> None:
    async with messages_over_sse(client, api.url, EVENTS, after="0") as messages:
        whole = await up_to_live(messages)
    assert [each["position"] for each in whole][:WORLD] == list(range(1, WORLD + 1))
    async with messages_over_sse(client, api.url, EVENTS, last=whole[3]["cursor"], after="0") as messages:
        assert await up_to_live(messages) == whole[4:]
    async with messages_over_sse(client, api.url, EVENTS, after=whole[5]["cursor"]) as messages:
        assert await up_to_live(messages) == whole[6:]


async def test_a_range_is_an_event_stream_that_ends(api: Api, client: httpx.AsyncClient) -> None:
    async with messages_over_sse(client, api.url, EVENTS, until={"position": 3}) as messages:
        assert [each["data"]["events"]["position"] async for each in messages] == [1, 2, 3]


async def test_a_cursor_that_is_refused_ends_one_operation_and_not_the_socket(
    api: Api, client: httpx.AsyncClient
) -> None:
    async with socket(api.socket) as opened:
        await ask(opened, EVENTS, "bad", after="nonsense")
        with pytest.raises(Ended) as ended:
            await hear(opened)
        assert ended.value.errors is not None
        assert ended.value.errors[0]["extensions"]["code"] == "BAD_CURSOR"
        await ask(opened, EVENTS, "good", after="0")
        assert (await hear(opened))["data"]["events"]["position"] == 1
    body = {"query": EVENTS, "variables": {"after": "nonsense"}}
    answer = await client.post(api.url, json=body, headers={"accept": "text/event-stream"})
    assert "BAD_CURSOR" in answer.text


async def test_fifty_streams_of_one_socket_each_get_their_own(api: Api) -> None:
    async with socket(api.socket) as opened:
        for number in range(50):
            await ask(opened, DEALS, str(number), filter={"id": [f"deal:own-{number}"]})
            await hear(opened)
        await api.add(*(bare("DealAnnounced", f"deal:own-{number}", title=str(number)) for number in range(50)))
        titles = {(await hear(opened))["data"]["newDeals"]["deal"]["title"] for _ in range(50)}
    assert titles == {str(number) for number in range(50)}


async def test_15_new_deals_changes_and_corrections_that_match_resumed_without_loss_or_repeats(
    api: Api, client: httpx.AsyncClient
) -> None:
    deal, other = "deal:question-15", "deal:question-15-elsewhere"
    asked = {"country": ["KGZ"], "changes": ["COMMITMENT", "VALUE", "CORRECTION"]}
    await api.add(bare("PartyRegistered", "party:kg", kind="COMPANY", name="A mill", seat="KGZ"))
    async with messages_over_socket(api.socket, DEALS, filter=asked) as messages:
        await up_to_live(messages)
        party = {"parties": [{"party": "party:kg", "role": "BUYER"}]}
        await api.add(bare("DealAnnounced", deal, title="Looms", **party), bare("DealAnnounced", other, title="Other"))
        heard = [(await anext(messages))["data"]["newDeals"]]
    await api.add(
        bare("DealValueReported", deal, money=dollars("5")), bare("DealValueReported", other, money=dollars("6"))
    )
    async with messages_over_sse(client, api.url, DEALS, last=heard[-1]["cursor"], filter=asked) as messages:
        heard.append((await anext(messages))["data"]["newDeals"])
    again = {"field": "money", "now": dollars("7"), "cause": "MISREAD", "reason": "read again"}
    await api.add(bare("FactCorrected", deal, target=2, **again))
    await api.add(
        bare("DealLineReported", deal, key="l", item="Looms", quantity=number("5", "looms"), commitment="FIRM")
    )
    async with messages_over_socket(api.socket, DEALS, filter=asked, after=heard[-1]["cursor"]) as messages:
        heard += await up_to_live(messages)
    assert {each["object"]["id"] for each in heard} == {deal}
    assert [each["change"] for each in heard] == ["NEW", "VALUE", "VALUE", "CORRECTION", "COMMITMENT"]


@pytest.mark.parametrize("over", ["socket", "sse"])
async def test_a_client_that_stops_reading_delays_nobody_and_gets_everything_when_it_goes_on(
    api: Api, client: httpx.AsyncClient, over: str
) -> None:
    bulky = EVENTS.replace("{ id type }", f"{{ id {' '.join(f't{number}: summary' for number in range(200))} }}")
    opened = messages_over_socket(api.socket, bulky) if over == "socket" else messages_over_sse(client, api.url, bulky)
    async with opened as slow, messages_over_socket(api.socket, EVENTS) as quick:
        assert await up_to_live(slow) == await up_to_live(quick) == []
        added = []
        for start in range(0, 250, 50):
            deals = [f"deal:{over}-{number}" for number in range(start, start + 50)]
            await api.add(*(bare("DealAnnounced", each, title="x" * 100) for each in deals))
            added += [(await anext(quick))["data"]["events"]["position"] for _ in deals]
        async with asyncio.timeout(30):
            while held_up(api) != 1:  # noqa: ASYNC110  # the quick one comes back to wait; that tells nobody
                await asyncio.sleep(0.01)
        heard = [(await anext(slow))["data"]["events"] for _ in added]
    assert [each["position"] for each in heard] == added
    assert all(each["event"]["t199"].endswith("x" * 100) for each in heard)


def held_up(api: Api) -> int:
    """How many readers do not wait for what comes, since they have not sent what came."""
    return sum(group.members - len(group.waiting) for group in api.app.streams._hub._groups.values())


async def connected_and_gone(api: Api, how: str) -> None:
    """A client that came, heard something, and went."""
    if how == "socket":
        async with messages_over_socket(api.socket, EVENTS) as messages:
            await up_to_live(messages)
    elif how == "cut off":
        async with socket(api.socket) as opened:
            await ask(opened, EVENTS, filter={"type": ["ProgrammeClosed"]})
            await hear(opened)
            opened.transport.abort()
    elif how == "refused":
        async with socket(api.socket) as opened:
            await ask(opened, EVENTS, after="nonsense")
            with pytest.raises(Ended):
                await hear(opened)
    else:
        until = {"position": 3} if how == "ended" else None
        async with (
            httpx.AsyncClient(verify=False, timeout=60) as client,
            messages_over_sse(client, api.url, EVENTS, until=until) as messages,
        ):
            await anext(messages)


HELD = (Socket, Subscribed, Reading, Delivery, Outflow, SocketProtocol, HttpProtocol, Cycle)
"""What a node holds of a client."""


def held() -> Counter[str]:
    return Counter(type(each).__name__ for each in gc.get_objects() if type(each) in HELD)


@pytest.mark.parametrize("how", ["socket", "cut off", "refused", "event stream", "ended"])
async def test_a_client_that_is_gone_leaves_nothing_behind_that_must_be_looked_for(api: Api, how: str) -> None:
    await connected_and_gone(api, how)
    await asyncio.sleep(0.3)
    gc.collect()
    gc.disable()
    try:
        before = held()
        for _ in range(3):
            await connected_and_gone(api, how)
        async with asyncio.timeout(30):
            while held() - before:  # noqa: ASYNC110  # that something is freed tells nobody
                await asyncio.sleep(0.05)
    finally:
        gc.enable()


async def test_at_a_shutdown_every_stream_says_from_where_another_node_goes_on(
    tmp_path: Path, database_url: str, client: httpx.AsyncClient
) -> None:
    async with served(tmp_path, database_url) as first:
        await first.add(*opened_world())
        async with (
            messages_over_socket(first.socket, EVENTS, after="2") as over_socket,
            messages_over_sse(client, first.url, EVENTS, filter={"type": ["ProgrammeClosed"]}) as over_sse,
        ):
            assert len(await up_to_live(over_socket)) == WORLD - 2
            await up_to_live(over_sse)
            first.app.drain.begin()
            farewells = [[each async for each in messages] for messages in (over_socket, over_sse)]
            assert await first.app.drain.finished(30)
    resumes = [each[-1]["extensions"]["resume"] for each in farewells]
    assert [len(each) for each in farewells] == [1, 1]
    async with served(tmp_path, database_url) as second:
        await second.add(bare("DealAnnounced", "deal:later", title="Later"))
        for resume in resumes:
            async with messages_over_socket(second.socket, EVENTS, after=resume) as messages:
                assert [each["object"]["id"] for each in await up_to_live(messages)] == ["deal:later"]
