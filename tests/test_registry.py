"""The registry on both stores: one way to write, whole or not at all, once however often it is sent."""

import threading
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent

from domain.catalogue import read_fact
from domain.fact import Fact, Refused
from service.log import Log
from service.registry import Registry

SOURCE = {"event": "SourceRegistered", "id": "source:s", "data": {"kind": "NEWS", "title": "A paper"}}


def fact(event: str, id: str, **data: Any) -> Fact:
    """A fact on the one source."""
    return read_fact({"event": event, "id": id, "sources": [{"source": "source:s"}], "data": data})


def opened() -> list[Fact]:
    """A source and a deal."""
    return [read_fact(SOURCE), fact("DealAnnounced", "deal:d", title="A deal")]


@pytest.fixture
def registry(log: Log) -> Registry:
    """A registry on an empty log."""
    return Registry(log)


def test_what_is_recorded_says_where(registry: Registry) -> None:
    receipt = registry.record(opened(), actor="cli")
    assert list(receipt.positions) == [1, 2]
    assert list(receipt.event_ids) == ["source:s@1", "deal:d@1"]
    assert receipt.position == 2


def test_a_fact_may_rest_on_what_the_same_command_opens(registry: Registry) -> None:
    registry.record([*opened(), fact("DealSuspended", "deal:d")], actor="cli")
    assert registry.load("deal:d").version == 2


def test_one_refused_fact_leaves_nothing_of_its_command(registry: Registry, log: Log) -> None:
    with pytest.raises(Refused) as no:
        registry.record([*opened(), fact("OptionExercised", "deal:d", line="x", quantity=_one())], actor="cli")
    assert (no.value.code, no.value.index, no.value.field) == ("UNKNOWN_KEY", 2, "data.line")
    assert log.head().position == 0


def test_the_same_command_again_gives_the_first_answer(registry: Registry, log: Log) -> None:
    first = registry.record(opened(), actor="cli", command_id="c")
    again = registry.record(opened(), actor="cli", command_id="c")
    assert again.repeated and not first.repeated
    assert (list(again.positions), list(again.event_ids)) == (list(first.positions), list(first.event_ids))
    assert log.head().position == 2


def test_another_request_under_the_same_command_id_is_refused(registry: Registry) -> None:
    registry.record(opened(), actor="cli", command_id="c")
    with pytest.raises(Refused) as no:
        registry.record([fact("DealSuspended", "deal:d")], actor="cli", command_id="c")
    assert no.value.code == "COMMAND_MISMATCH"


def test_command_ids_of_two_actors_do_not_meet(registry: Registry) -> None:
    registry.record(opened(), actor="cli", command_id="c")
    assert not registry.record([fact("DealSuspended", "deal:d")], actor="key:1", command_id="c").repeated


def test_an_expected_version_that_does_not_fit_is_refused(registry: Registry) -> None:
    registry.record(opened(), actor="cli", expected=[0, 0])
    with pytest.raises(Refused) as no:
        registry.record([fact("DealSuspended", "deal:d")], actor="cli", expected=[3])
    assert no.value.code == "VERSION_CONFLICT"
    assert registry.record([fact("DealSuspended", "deal:d")], actor="cli", expected=[1]).position == 3


def test_no_more_streams_are_remembered_than_there_is_room_for(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.registry._MOST_KNOWN", 2)
    registry.record([*opened(), fact("PartyRegistered", "party:p", kind="COMPANY", name="P")], actor="cli")
    registry.record(
        [fact("DealAnnounced", "deal:e", title="E", parties=[{"party": "party:p", "role": "BUYER"}])], actor="cli"
    )
    assert registry.exists("deal:e") and registry.exists("source:s")
    assert sum(map(registry.knows, ("source:s", "deal:d", "party:p", "deal:e"))) == 2


def test_what_another_node_opened_is_not_opened_again(registry: Registry, log: Log) -> None:
    other = Registry(log)
    registry.record(opened(), actor="cli")
    for expected, code in ((None, "ALREADY_EXISTS"), (0, "VERSION_CONFLICT")):
        with pytest.raises(Refused) as no:
            other.record([fact("DealAnnounced", "deal:d", title="Again")], actor="cli", expected=[expected])
        assert no.value.code == code
    assert log.head().position == 2


def test_an_event_that_may_open_a_stream_is_taken_by_one_that_another_node_opened(registry: Registry, log: Log) -> None:
    announced, signed = (fact(f"Agreement{how}", "agreement:a", title="A treaty") for how in ("Announced", "Signed"))
    registry.record([opened()[0], announced], actor="cli")
    Registry(log).record([signed], actor="cli")
    assert registry.load("agreement:a").version == 2


def test_a_repeat_is_answered_though_its_facts_would_now_be_refused(registry: Registry, log: Log) -> None:
    first = registry.record(opened(), actor="cli", command_id="c", expected=[0, 0])
    again = Registry(log).record(opened(), actor="cli", command_id="c", expected=[0, 0])
    assert again.repeated and again.event_ids == first.event_ids


def test_a_reference_to_what_is_not_there_is_refused(registry: Registry) -> None:
    with pytest.raises(Refused) as no:
        registry.record([fact("DealAnnounced", "deal:d", title="On nothing")], actor="cli")
    assert (no.value.code, no.value.field) == ("UNKNOWN_REFERENCE", "sources[0].source")


def test_many_writers_of_one_stream_all_get_through(registry: Registry) -> None:
    registry.record(opened(), actor="cli")
    _together(lambda: registry.record([fact("DealSuspended", "deal:d")], actor="cli"))
    assert registry.load("deal:d").version == 9


def test_one_command_sent_by_many_at_once_is_recorded_once(registry: Registry, log: Log) -> None:
    receipts: list[Any] = []
    _together(lambda: receipts.append(registry.record(opened(), actor="cli", command_id="c")))
    assert len(receipts) == 8
    assert sum(not receipt.repeated for receipt in receipts) == 1
    assert log.head().position == 2


@pytest.mark.parametrize(("topic", "state"), [("DealBlessed", b"{}"), ("DealSuspended", b"\xff")])
def test_an_object_with_an_event_that_this_version_cannot_read_takes_no_fact_and_others_do(
    registry: Registry, log: Log, topic: str, state: bytes
) -> None:
    registry.record(opened(), actor="cli")
    later = StoredEvent(originator_id="deal:d", originator_version=2, topic=topic, state=state)
    log.insert_events([later], command_id="later", request_hash="later", actor="cli")
    with pytest.raises(Refused, match=rf"deal:d@2 \({topic}\) cannot be read") as no:
        registry.record([fact("DealSuspended", "deal:d")], actor="cli")
    assert no.value.code == "HELD_BACK"
    assert registry.record([fact("DealAnnounced", "deal:e", title="Another")], actor="cli").position == 4


def test_a_command_of_no_facts_is_refused(registry: Registry) -> None:
    with pytest.raises(Refused, match="a command needs at least one fact"):
        registry.record([], actor="cli")


def test_an_event_over_the_limit_is_refused(registry: Registry) -> None:
    registry.record(opened(), actor="cli")
    topics = [{"source": "source:s", "locator": "x" * 400} for _ in range(200)]
    big = read_fact({"event": "DealSuspended", "id": "deal:d", "sources": topics, "data": {}})
    with pytest.raises(Refused) as no:
        registry.record([big], actor="cli")
    assert no.value.code == "TOO_LARGE"
    small = fact("DealSuspended", "deal:d")
    for refuse in (lambda: registry.record([small, big, small], actor="cli"), lambda: registry.check([small, big])):
        with pytest.raises(Refused, match="60,000 at most") as no:
            refuse()
        assert (no.value.code, no.value.index) == ("TOO_LARGE", 1)


def test_a_command_id_that_no_log_could_hold_is_refused_by_its_name(registry: Registry) -> None:
    with pytest.raises(Refused) as no:
        registry.record(opened(), actor="cli", command_id="two\nlines")
    assert (no.value.code, no.value.field) == ("INVALID_VALUE", "command_id")


def _one() -> dict[str, str]:
    return {"low": "1", "high": "1", "unit": "aircraft"}


def _together(act: Any) -> None:
    errors: list[BaseException] = []

    def guarded() -> None:
        try:
            act()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
