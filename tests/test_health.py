"""Whether a node lives and is ready, with the reasons: a real node, in every state that it can be in."""

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import apsw
import httpx
import pytest
from websockets import InvalidStatus, Subprotocol
from websockets.asyncio.client import connect

from service.app import App, create_app
from service.health import Lag
from service.node import Node
from service.registry import Registry
from service.settings import Settings
from tests.support.server import serving
from tests.support.service import eventually
from tests.test_replica_follow import facts


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """The application of a node that is not started."""
    node = Node(replace(Settings(data_dir=tmp_path), first_record=False, seal=False, stall_seconds=0.4))
    app = create_app(node)
    yield app
    app.close()
    app.health.close()
    node.stop()


def started(app: App) -> App:
    app.health.look()
    app.health.watch()
    app.node.start()
    app.health.started = True
    return app


async def get(app: App, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(verify=False, transport=httpx.ASGITransport(app), base_url="http://node") as client:
        return await client.get(path, headers=headers)


async def reasons(app: App) -> tuple[int, list[str]]:
    answer = await get(app, "/readyz")
    return answer.status_code, answer.json()["reasons"]


async def test_a_node_that_has_caught_up_is_ready(app: App) -> None:
    assert await reasons(started(app)) == (200, [])


async def test_a_node_that_builds_its_replica_is_alive_and_not_ready_and_says_how_far_it_is(app: App) -> None:
    app.health.look()
    app.health.progress(3_000, 10_000)
    assert await reasons(app) == (503, ["catching up with the log: 3,000 of 10,000 events"])
    assert (await get(app, "/healthz")).status_code == 200


async def test_a_replica_that_cannot_be_read_makes_a_node_unready_and_no_question_about_it_fails(app: App) -> None:
    started(app)
    with closing(apsw.Connection(str(app.node.replica.path))) as connection:
        connection.execute("DROP TABLE held_back")
    assert await reasons(app) == (503, ["the replica cannot be read: no such table: main.held_back"])
    assert (await get(app, "/healthz")).status_code == 200
    assert (await get(app, "/metrics")).status_code == 200


async def test_a_node_without_a_replica_asks_to_come_again(app: App) -> None:
    answer = await get(app, "/graphql?query={__typename}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"


async def test_a_node_without_a_replica_takes_no_sockets_either_and_logs_no_error(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(app) as (_, port):
        logging.getLogger("uvicorn.error").addHandler(caplog.handler)
        with pytest.raises(InvalidStatus) as refused:
            await connect(
                f"ws://127.0.0.1:{port}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None
            )
    assert (refused.value.response.status_code, refused.value.response.headers["retry-after"]) == (503, "1")
    assert caplog.messages == []


async def test_a_node_whose_follower_stalls_is_not_ready_as_the_head_of_the_log_shows(app: App) -> None:
    started(app).node.follower.interrupt()
    eventually(lambda: not app.node.follower.alive)
    Registry(app.node.log).record(facts(1), actor="cli")
    eventually(lambda: app.health.reasons())
    status, told = await reasons(app)
    assert status == 503
    assert told[0].startswith("the replica is at 0 of 5 events")


async def test_a_follower_that_has_ended_calls_for_a_restart(app: App) -> None:
    started(app).node.follower.interrupt()
    eventually(lambda: not app.node.follower.alive)
    assert (await get(app, "/healthz")).status_code == 500


async def test_a_log_that_does_not_answer_makes_a_node_not_ready(app: App) -> None:
    started(app).node.log.close()
    eventually(lambda: app.health.reasons())
    assert "the log has not answered" in (await reasons(app))[1][0]


async def test_a_node_that_shuts_down_is_not_ready(app: App) -> None:
    started(app).health.draining = True
    assert await reasons(app) == (503, ["draining: this node is shutting down"])


async def test_lag_is_counted_in_events_and_seconds(app: App) -> None:
    started(app).node.follower.interrupt()
    eventually(lambda: not app.node.follower.alive)
    Registry(app.node.log).record(facts(1), actor="cli")
    eventually(lambda: app.health.lag_seconds > 0)
    shown = (await get(app, "/metrics")).text
    assert "tamga_lag_events 5.0" in shown
    assert "tamga_ready" in shown


def test_the_lag_is_that_of_the_oldest_head_not_reached() -> None:
    lag = Lag()
    for head, now in ((5, 1.0), (9, 2.0), (9, 3.0)):
        lag.see(head, now)
    assert [lag.seconds(position, 4.0) for position in (0, 4, 5, 8, 9)] == [3.0, 3.0, 2.0, 2.0, 0.0]


@pytest.mark.parametrize(("host", "reading", "status"), [("127.0.0.1", "loopback", 404), ("0.0.0.0", "loopback", 401)])
async def test_reading_is_open_on_loopback_and_elsewhere_needs_a_key(
    tmp_path: Path, host: str, reading: str, status: int
) -> None:
    node = Node(replace(Settings(data_dir=tmp_path), first_record=False, seal=False, host=host, reading=reading))
    app = create_app(node)
    started(app)
    asked = await get(app, "/graphql?query={__typename}")
    assert (asked.status_code == 401) == (status == 401)
    assert (await get(app, "/log/checkpoint")).status_code == status
    key = {"authorization": f"Bearer {(tmp_path / 'recorder.key').read_text().strip()}"}
    assert (await get(app, "/log/checkpoint", **key)).status_code == 404
    assert (await get(app, "/graphql?query={__typename}", **key)).json() == {"data": {"__typename": "Query"}}
    app.close()
    app.health.close()
    node.stop()
