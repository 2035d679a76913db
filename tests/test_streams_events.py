"""events: every event in order, from any cursor, up to any end; what is refused, and what equal streams share."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from domain.catalogue import read_fact
from schema.context import Access, Context
from schema.context import Message as Sent
from schema.errors import Rejected
from schema.streaming import Subscriptions
from service.replica.store import Replica
from tests.support.examples import DEAL, Json, bare, dollars, opened_world
from tests.support.streams import DEALS, EVENTS, Streaming, hear, streaming, until_live

WORLD = len(opened_world())

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def api(tmp_path: Path, database_url: str) -> AsyncIterator[Streaming]:
    async with streaming(tmp_path, database_url) as opened:
        await opened.add(*opened_world())
        yield opened


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def still(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Streaming]:
    """The same for all tests that only read."""
    async with streaming(tmp_path_factory.mktemp("still")) as opened:
        await opened.add(*opened_world())
        yield opened


def positions(messages: list[Json]) -> list[int]:
    return [each["position"] for each in messages]


def renamed(number: int) -> Json:
    return bare("DealAnnounced", f"deal:more-{number}", title=f"More {number}")


async def refused(api: Streaming, query: str = EVENTS, **asked: Any) -> Json:
    """The error of a subscription that is refused."""
    with pytest.raises(Rejected) as refusal:
        await api.subscribe(query, **asked)
    error: Json = dict(refusal.value.errors[0].formatted)
    return error


async def test_the_whole_history_then_caught_up_once_then_live(api: Streaming) -> None:
    async with api.open(EVENTS, after="0") as stream:
        assert positions(await until_live(stream)) == list(range(1, WORLD + 1))
        await api.add(renamed(1))
        await api.add(renamed(2))
        live = [await hear(stream), await hear(stream)]
    assert [each["__typename"] for each in live] == ["EventRecorded"] * 2
    assert positions(live) == [WORLD + 1, WORLD + 2]


async def test_without_a_cursor_only_what_is_recorded_from_now_on(api: Streaming) -> None:
    async with api.open(EVENTS) as stream:
        first = await hear(stream)
        assert (first["__typename"], first["position"]) == ("CaughtUp", WORLD)
        await api.add(renamed(1))
        assert (await hear(stream))["event"] == {"id": "deal:more-1@1", "type": "DealAnnounced"}


async def test_the_object_is_as_it_was_right_after_the_event(still: Streaming) -> None:
    query = """subscription { events(after: "0", filter: {id: ["deal:aircraft"]}) {
      ... on EventRecorded { event { type } object { ... on Deal { version value { shown { low } } } } } } }"""
    messages = await still.told(query.replace("... on EventRecorded", "__typename ... on EventRecorded"), after="0")
    assert [each["object"]["version"] for each in messages] == [1, 2, 3, 4, 5, 6, 7]
    assert [each["object"]["value"] is None for each in messages[:2]] == [True, False]


async def test_every_cursor_goes_on_exactly_behind_it_and_serves_the_other_stream_too(still: Streaming) -> None:
    messages = await still.told(EVENTS)
    for number in (0, 7, WORLD - 1):
        assert await still.told(EVENTS, after=messages[number]["cursor"]) == messages[number + 1 :]
    deals = await still.told(DEALS, after=messages[-1]["cursor"])
    assert deals == []
    behind = await still.told(EVENTS, after=(await still.told(DEALS))[-1]["cursor"])
    assert positions(behind)[-1] == WORLD


async def test_last_event_id_counts_more_than_the_argument(still: Streaming) -> None:
    cursor = (await still.told(EVENTS))[-2]["cursor"]
    stream = await still.subscribe(EVENTS, last=cursor, after="0")
    assert positions(await until_live(stream)) == [WORLD]
    await stream.aclose()


async def test_a_cursor_resumes_on_another_node_and_after_a_restart(tmp_path: Path, database_url: str) -> None:
    async with streaming(tmp_path, database_url) as first:
        await first.add(*opened_world())
        messages = await first.told(EVENTS)
    async with streaming(tmp_path, database_url) as again:
        assert await again.told(EVENTS, after=messages[4]["cursor"]) == messages[5:]


async def test_a_stream_says_where_to_resume_also_where_nothing_matched(api: Streaming) -> None:
    async with api.open(EVENTS, filter={"type": ["ProgrammeClosed"]}) as stream:
        await hear(stream)
        position = await api.add(renamed(1))
        async with asyncio.timeout(5):
            while f".{position}." not in stream.cursor:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        cursor = stream.cursor
        await api.add(renamed(2))
        assert positions(await api.told(EVENTS, after=cursor)) == [position + 1]


@pytest.mark.parametrize("after", ["", "x", "-1", "a53cac19c36f0df6.1.5B227E222C305D", "1.5", "12345678901234567"])
async def test_what_is_no_cursor_of_this_record_is_refused(still: Streaming, after: str) -> None:
    error = await refused(still, after=after)
    assert (error["extensions"]["code"], error["message"][:7]) == ("BAD_CURSOR", "after: ")


async def test_a_list_below_a_message_begins_nowhere_but_at_its_start(still: Streaming) -> None:
    page = "query ($id: ID!) { deal(id: $id) { history(first: 1) { pageInfo { endCursor } } } }"
    asked = await asyncio.to_thread(still.record.ask, page, id=DEAL)
    cursor = asked["deal"]["history"]["pageInfo"]["endCursor"]
    query = """subscription ($after: String, $cursor: String) { events(after: $after) {
      ... on EventRecorded { object { ... on Deal { history(after: $cursor) { totalCount } } } } } }"""
    error = await refused(still, query, cursor=cursor)
    assert error["message"] == "history: Messages are read each at its own position, so that no cursor fits in all."
    assert (await refused(still, query, cursor="x"))["message"].startswith("history: after: This is not a cursor")


async def test_an_altered_cursor_or_one_of_a_list_is_refused(still: Streaming) -> None:
    cursor = (await still.told(EVENTS))[0]["cursor"]
    for altered in (cursor[:-2], cursor.replace(".1.", ".99999999999999999."), cursor[:8] + "0" * 8 + cursor[16:]):
        assert (await refused(still, after=altered))["extensions"]["code"] == "BAD_CURSOR"


async def test_a_cursor_from_the_future_is_refused_and_says_where_the_record_is(still: Streaming) -> None:
    error = await refused(still, after=str(WORLD + 1))
    assert error["extensions"] == {"code": "BAD_CURSOR", "position": WORLD}
    assert "future" in error["message"]


async def test_a_node_that_is_behind_says_so_of_a_cursor_that_another_gave(api: Streaming) -> None:
    api.record.follower.stop()
    ahead = api.record.registry.record([read_fact(renamed(1))], actor="key:test").position
    context = Context(services=api.services)
    with pytest.raises(Rejected) as refusal:
        await api.streams.subscribe(api.record.operations.prepare(EVENTS), {"after": str(ahead)}, context)
    assert refusal.value.status == 503
    assert refusal.value.errors[0].extensions == {"code": "POSITION_NOT_REACHED", "position": WORLD}
    assert (await refused(api, after=str(ahead + 1)))["extensions"] == {"code": "BAD_CURSOR", "position": ahead}


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ({"filter": {"type": ["NoSuchEvent"]}}, "NoSuchEvent"),
        ({"filter": {"kind": ["NOTHING"]}}, "NOTHING"),
        ({"filter": {"country": ["KAZ", "uzb"]}}, "uzb"),
        ({"filter": {"noun": ["nothing"]}}, "nothing"),
        ({"filter": {"id": ["uz-boeing-787"]}}, "filter.id: 'uz-boeing-787' is no id such as deal:uz-boeing-787"),
        ({"filter": {"id": ["deal:aircraft@3"]}}, "filter.id: 'deal:aircraft@3'"),
        ({"filter": {"party": ["party:uz", "KAZ"]}}, "filter.party: 'KAZ'"),
        ({"filter": {"party": ["party:x"] * 1001}}, "1000"),
        ({"until": {"position": 1, "time": "2026-01-01T00:00:00Z"}}, "Until"),
    ],
)
async def test_arguments_that_do_not_fit_are_refused_by_name(still: Streaming, asked: Json, word: str) -> None:
    error = await refused(still, **asked)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert word in error["message"]


NESTED = "history(first: 100) { nodes { object { " * 3 + "id" + " } } }" * 3


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        (f"subscription {{ events {{ ... on EventRecorded {{ object {{ {NESTED} }} }} }} }}", {}),
        (EVENTS, {"filter": {"id": [f"deal:{number}" for number in range(10_001)]}}),
        (EVENTS, {"after": "1" * 10_001}),
    ],
)
async def test_a_subscription_is_held_to_the_limits_of_a_query(still: Streaming, query: str, asked: Json) -> None:
    assert (await refused(still, query, **asked))["extensions"]["code"] == "TOO_COSTLY"


@pytest.mark.parametrize("filter", [{"noun": ["DEAL", "PARTY"]}, {"id": ["party:uz"]}, {"kind": ["LOAN", "COUNTRY"]}])
async def test_what_new_deals_never_tells_of_cannot_be_asked_for(still: Streaming, filter: Json) -> None:
    (name,) = filter
    error = await refused(still, DEALS, filter=filter)
    assert error["message"].startswith(f"filter.{name}: ")
    assert error["message"].endswith("newDeals tells of deals, agreements and investments alone.")


@pytest.mark.parametrize("name", ["noun", "id", "type", "party", "kind", "commitment", "recordedBy", "changes"])
async def test_an_empty_list_takes_nothing_and_null_takes_all(still: Streaming, name: str) -> None:
    assert await still.told(EVENTS, filter={name: []}) == []
    assert len(await still.told(EVENTS, filter={name: None})) == WORLD


async def test_a_range_ends_behind_its_position_or_time(still: Streaming) -> None:
    assert positions(await still.told(EVENTS, until={"position": 4})) == [1, 2, 3, 4]
    assert positions(await still.told(EVENTS, after="2", until={"position": 4})) == [3, 4]
    async with still.open(EVENTS, until={"position": 3}) as stream:
        assert [each["__typename"] for each in [await hear(stream) for _ in range(3)]] == ["EventRecorded"] * 3
        with pytest.raises(StopAsyncIteration):
            await hear(stream)
    assert positions(await still.told(EVENTS, until={"time": "2020-01-01T00:00:00Z"})) == []


async def test_an_end_in_the_future_is_waited_for_also_by_streams_that_nothing_matches(api: Streaming) -> None:
    asked = {"until": {"position": WORLD + 2}, "after": str(WORLD)}
    async with (
        api.open(EVENTS, **asked) as every,
        api.open(EVENTS, filter={"type": ["ProgrammeClosed"]}, **asked) as none,
    ):
        assert [(await hear(each))["__typename"] for each in (every, none)] == ["CaughtUp"] * 2
        for number in range(3):
            await api.add(renamed(number))
        assert positions(await until_live(every)) == [WORLD + 1, WORLD + 2]
        assert await until_live(none) == []


@pytest.mark.parametrize("end", [{"position": 2**53 - 1}, {"time": "2100-01-01T00:00:00Z"}])
async def test_a_stream_with_an_end_far_off_is_not_woken_by_what_it_does_not_take(api: Streaming, end: Json) -> None:
    async with api.open(EVENTS, filter={"type": ["DealCancelled"]}, until=end) as stream:
        assert (await hear(stream))["__typename"] == "CaughtUp"
        following = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        waits = stream._reading._woken
        position = await api.add(renamed(1))
        while api.streams._hub.head < position:  # noqa: ASYNC110  # the hub has no event for it
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        assert stream._reading._woken is waits
        await api.add(bare("DealCancelled", DEAL))
        assert b"DealCancelled" in (await asyncio.wait_for(following, 5)).payload


async def test_a_replay_up_to_a_coming_time_asks_once_where_that_is(still: Streaming) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    async with still.open(EVENTS, after="0", until={"time": later.isoformat()}) as stream:
        for number in range(1, WORLD + 1):
            assert (await hear(stream))["position"] == number
            assert stream._reading._until is not None
            assert stream._reading._until.before == WORLD


async def test_an_end_at_a_coming_time_ends_when_it_has_passed(still: Streaming) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=0.3)
    async with still.open(EVENTS, until={"time": soon.isoformat()}) as stream:
        assert positions(await until_live(stream)) == list(range(1, WORLD + 1))
        assert await until_live(stream) == []
        assert datetime.now(UTC) >= soon


async def test_filters_of_events_look_at_the_event_and_its_object(api: Streaming) -> None:
    await api.add(bare("FactCorrected", DEAL, target=2, field="money", now=dollars("8"), cause="MISREAD", reason="so"))
    cases: list[tuple[Json, list[str]]] = [
        ({"id": ["gathering:unga-80"]}, ["gathering:unga-80@1"]),
        ({"noun": ["PROGRAMME", "RELATION"]}, ["relation:us-uz@1", "programme:c5@1"]),
        ({"type": ["InvestmentMade"]}, ["investment:plant@1"]),
        ({"correctionsOnly": True}, ["deal:aircraft@8"]),
        (
            {"commitment": ["ANNOUNCED"], "type": ["DealAnnounced", "MinistryAnnounced"]},
            ["deal:aircraft@1", "deal:locomotives@1"],
        ),
        ({"country": ["KAZ"]}, ["institution:ministry-ai@1", "institution:digital-agency@1"]),
        ({"kind": ["OFFICIAL_RELEASE"]}, ["source:official-release@1"]),
        ({"changes": ["COMMITMENT"]}, ["deal:aircraft@3"]),
        ({"changes": ["VALUE"], "correctionsOnly": True}, ["deal:aircraft@8"]),
        ({"recordedBy": ["nobody"]}, []),
        ({"party": ["party:us"]}, ["party:us@1", "relation:us-uz@1"]),
    ]
    found = [(filter, [each["event"]["id"] for each in await api.told(EVENTS, filter=filter)]) for filter, _ in cases]
    assert found == cases


async def test_equal_streams_share_the_very_bytes_whatever_they_filter_by(api: Streaming) -> None:
    filters: list[Json] = [{}, {"noun": ["DEAL"]}, {"type": ["DealAnnounced"]}]
    streams = [await api.subscribe(EVENTS, filter=each) for each in filters]
    for stream in streams:
        await hear(stream)
    await api.add(renamed(1))
    payloads = [(await stream.__anext__()).payload for stream in streams]
    assert payloads[0] is payloads[1] is payloads[2]
    for stream in streams:
        await stream.aclose()
    assert api.streams.open == 0


async def test_a_client_that_cannot_be_written_to_keeps_nothing_from_the_others(api: Streaming) -> None:
    def broken(sent: Sent) -> bool:
        raise RuntimeError("no socket")

    streams = [await api.subscribe(EVENTS) for _ in range(9)]
    for stream in streams:
        await hear(stream)
        stream.hand_to(broken)
    following = [asyncio.ensure_future(hear(stream)) for stream in streams]
    await asyncio.sleep(0)
    await api.add(renamed(1))
    assert {message["position"] for message in await asyncio.gather(*following)} == {WORLD + 1}
    for stream in streams:
        await stream.aclose()


async def test_cancelling_a_wait_loses_nothing(api: Streaming) -> None:
    async with api.open(EVENTS) as stream:
        await hear(stream)
        for number in range(5):
            with pytest.raises(TimeoutError):
                await hear(stream, seconds=0.002)
            await api.add(renamed(number))
            assert (await hear(stream))["event"]["id"] == f"deal:more-{number}@1"


async def test_a_reader_who_falls_behind_holds_no_queue_and_misses_nothing(api: Streaming) -> None:
    async with api.open(EVENTS) as slow, api.open(EVENTS) as quick:
        await hear(slow)
        await hear(quick)
        for start in range(0, 600, 50):
            await api.add(*(renamed(number) for number in range(start, start + 50)))
            assert len([await hear(quick) for _ in range(50)]) == 50
        group = slow._reading._group
        assert len(group.notes) <= 256
        assert positions([await hear(slow) for _ in range(600)]) == list(range(WORLD + 1, WORLD + 601))


async def test_a_stream_ends_with_its_credentials(still: Streaming) -> None:
    stream = await still.subscribe(EVENTS, access=Access("key:x", expires=time.time() + 0.1))
    await hear(stream)
    with pytest.raises(Rejected) as ended:
        await hear(stream)
    assert ended.value.status == 401
    await stream.aclose()


async def test_variables_below_the_field_are_part_of_what_is_shared(still: Streaming) -> None:
    query = """subscription($n: Int!) { events(after: "0", filter: {id: ["deal:aircraft"]}) {
      __typename ... on EventRecorded { object { ... on Deal { history(first: $n) { nodes { id } } } } } } }"""
    for count in (1, 2):
        messages = await still.told(query, n=count, after="0")
        assert len(messages[-1]["object"]["history"]["nodes"]) == count


async def test_a_process_that_only_reads_the_replica_of_another_tells_the_same(api: Streaming) -> None:
    own = api.record.replica
    beside = Replica(own.path.parent, own.record_id)
    streams = Subscriptions(api.record.schema, beside)
    try:
        assert not beside.follows
        operation = api.record.operations.prepare(EVENTS)
        stream = await streams.subscribe(operation, {"after": "0"}, Context(services=api.services))
        assert len(await until_live(stream)) == WORLD
        await api.add(renamed(1))
        assert (await hear(stream))["position"] == WORLD + 1
        await stream.aclose()
    finally:
        streams.close()
        beside.close()


async def test_without_a_replica_yet_a_stream_is_refused_and_may_be_tried_again(api: Streaming, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    streams = Subscriptions(api.record.schema, Replica(tmp_path / "empty", "record"))
    with pytest.raises(Rejected) as refusal:
        await streams.subscribe(api.record.operations.prepare(EVENTS), {}, Context(services=api.services))
    assert refusal.value.errors[0].extensions is not None
    assert refusal.value.errors[0].extensions["code"] == "UNAVAILABLE"
    streams.close()
