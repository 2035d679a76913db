"""Whether a node lives and is ready, with the reasons: a real node, in every state that it can be in."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import apsw
import httpx
import pytest
from eventsourcing.persistence import OperationalError, StoredEvent
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
    """The application of a node that is not started, and patient: a busy machine makes none unready."""
    app = create_app(Node(made(tmp_path, 600)))
    yield app
    stopped(app)


@pytest.fixture
def hasty(tmp_path: Path) -> Iterator[App]:
    """The same of one that says soon that something stalls."""
    app = create_app(Node(made(tmp_path, 0.4)))
    yield app
    stopped(app)


def made(folder: Path, stall_seconds: float) -> Settings:
    return Settings(data_dir=folder, first_record=False, seal=False, stall_seconds=stall_seconds)


def told_by(logger: str, caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == logger]


def stopped(app: App) -> None:
    app.close()
    app.health.close()
    app.node.stop()


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


async def test_health_is_told_while_every_thread_for_other_work_waits(app: App) -> None:
    started(app)
    answered = threading.Event()
    waiting = [asyncio.create_task(asyncio.to_thread(answered.wait, 120)) for _ in range(64)]
    try:
        async with asyncio.timeout(60):
            told = [(await get(app, path)).status_code for path in ("/healthz", "/readyz", "/metrics")]
    finally:
        answered.set()
        await asyncio.gather(*waiting)
    assert told == [200, 200, 200]


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


async def test_a_node_without_a_replica_asks_an_event_source_to_come_again_as_it_understands_it(app: App) -> None:
    answer = await get(app, "/graphql?query={__typename}", accept="text/event-stream")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert answer.text == "retry: 2000\n: This node is starting.\n\n"


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


def test_a_node_whose_follower_stalls_is_not_ready_as_the_head_of_the_log_shows(hasty: App) -> None:
    started(hasty).node.follower.interrupt()
    eventually(lambda: not hasty.node.follower.alive)
    Registry(hasty.node.log).record(facts(1), actor="cli")
    eventually(lambda: any(why.startswith("the replica is at 0 of 5 events") for why in hasty.health.reasons()))
    assert hasty.health.ready()[0] == 503


async def test_a_follower_that_has_ended_calls_for_a_restart(app: App) -> None:
    started(app).node.follower.interrupt()
    eventually(lambda: not app.node.follower.alive)
    assert (await get(app, "/healthz")).status_code == 500


async def test_a_log_that_does_not_answer_makes_a_node_not_ready(hasty: App) -> None:
    started(hasty).node.log.close()
    eventually(lambda: hasty.health.reasons())
    assert "the log has not answered" in (await reasons(hasty))[1][0]


async def test_entries_of_a_log_that_does_not_answer_are_to_be_asked_for_again(tmp_path: Path) -> None:
    app = started(create_app(Node(Settings(data_dir=tmp_path))))
    eventually(lambda: app.node.audit.size() == app.node.log.head().position)
    entries = f"/log/tile/entries/000.p/{app.node.audit.size()}"
    assert (await get(app, entries)).status_code == 200
    app.node.log.close()
    answer = await get(app, entries)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    stopped(app)


async def test_commands_that_the_log_cannot_take_are_a_warning_until_it_takes_one(app: App) -> None:
    registry = Registry(started(app).node.log)
    with closing(apsw.Connection(str(app.node.settings.data_dir / "log.db"))) as other:
        [[room]] = other.execute("PRAGMA page_count")
        app.node.log._writing.execute(f"PRAGMA max_page_count = {room}")  # type: ignore[attr-defined]
        with pytest.raises(OperationalError, match="full"):
            registry.record(facts(200), actor="cli")
        [warning] = (await get(app, "/readyz")).json()["warnings"]
        assert warning.startswith("the latest commands were not recorded")
        assert "database or disk is full" in warning
        app.node.log._writing.execute("PRAGMA max_page_count = 1000000")  # type: ignore[attr-defined]
    registry.record(facts(1), actor="cli")
    assert (await get(app, "/readyz")).json()["warnings"] == []


async def test_a_stream_that_is_held_back_is_told_with_its_position_and_the_reason_and_logged_once(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    log, why = started(app).node.log, "DealBlessed: ValueError: unknown event 'DealBlessed'"
    later = StoredEvent(originator_id="deal:d", originator_version=1, topic="DealBlessed", state=b"{}")
    log.insert_events([later], command_id="later", request_hash="later", actor="cli")
    eventually(lambda: app.health.held_back())
    answer = (await get(app, "/readyz")).json()
    assert (answer["status"], answer["warnings"]) == ("ready", [f"1 held back: deal:d from position 1 on ({why})"])
    eventually(lambda: told_by("tamga.health", caplog))
    app.health.look()
    assert told_by("tamga.health", caplog) == [f"held back: deal:d from position 1 on ({why})"]
    assert "tamga_held_back_streams 1.0" in (await get(app, "/metrics")).text


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_node_that_waits_for_the_seals_of_another_says_for_how_long(tmp_path: Path, database_url: str) -> None:
    settings = Settings(data_dir=tmp_path, database_url=database_url, seal=False, stall_seconds=0.4)
    app = create_app(Node(replace(settings, first_record=False)))
    started(app)
    Registry(app.node.log).record(facts(1), actor="cli")
    eventually(lambda: app.health.warnings())
    [warning] = (await get(app, "/readyz")).json()["warnings"]
    assert warning.startswith("sealed up to 0 of 5 events for ")
    stopped(app)


async def test_the_log_says_when_a_node_stops_being_ready_and_when_it_is_ready_again(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tamga.health")
    started(app)
    with closing(apsw.Connection(str(app.node.replica.path))) as connection:
        connection.execute("ALTER TABLE held_back RENAME TO away")
        unready = "not ready: the replica cannot be read: no such table: main.held_back"
        eventually(lambda: told_by("tamga.health", caplog) == [unready])
        connection.execute("ALTER TABLE away RENAME TO held_back")
        eventually(lambda: told_by("tamga.health", caplog) == [unready, "ready again"])


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
    stopped(app)


async def test_a_served_checkpoint_that_is_damaged_is_none_and_health_and_metrics_are_told_all_the_same(
    app: App,
) -> None:
    tiles = app.node.settings.data_dir / "tiles"
    tiles.mkdir()
    (tiles / "checkpoint").write_text("cut off\n")
    started(app)
    assert [(await get(app, path)).status_code for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 200]
    assert "tamga_sealed_position 0.0" in (await get(app, "/metrics")).text
    assert (await get(app, "/log/tile/0/000.p/1")).status_code == 404
