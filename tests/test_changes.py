"""What changed between two moments: which objects in which order, each field once and by the name that clients know."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type

from tests.support.reading import Reading, act, fact, reading

BOEING = "deal:uz-boeing-787"

KEYS = """query (
  $from: AsOf!, $to: AsOf, $filter: ChangeFilter, $first: Int, $after: String, $last: Int, $before: String
) {
  changes(from: $from, to: $to, filter: $filter, first: $first, after: $after, last: $last, before: $before) {
    totalCount nodes { objectId kind } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""
FIELDS = """query ($from: AsOf!, $after: String) { changes(from: $from, first: 20, after: $after) {
  nodes { objectId fields { field name item part was now position event { id } } } pageInfo { hasNextPage endCursor }
} }"""


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    """The first record with acts on it that reach other objects."""
    with reading(tmp_path_factory.mktemp("first"), first_record=True) as record:
        record.record(act("SourceWithdrawn", "source:glance-tungsten"))
        now = {"low": "9", "high": "9", "currency": "USD", "basis": "HEADLINE"}
        record.record(act("FactCorrected", BOEING, target=2, field="money", now=now, cause="MISREAD"))
        record.record(act("PartyMerged", "party:cove-capital", into="party:cove-kaz"))
        yield record


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Reading]:
    """The first record, for tests that write."""
    with reading(tmp_path, first_record=True) as made:
        yield made


def changed(record: Reading, since: int, until: int) -> list[tuple[str, str]]:
    """Id and kind of every changed object, as plain Python tells it from the events and from what they reached."""
    with record.replica.read() as connection:
        events: list[Any] = connection.execute("SELECT stream, position, version, type FROM event").fetchall()
        touched: list[Any] = connection.execute("SELECT id, position FROM touched").fetchall()
    last: dict[str, int] = {}
    kinds: dict[str, str] = {}
    editorial = ("FactCorrected", "EventRetracted", "ClaimAdopted", "SourceWithdrawn", "PartyMerged")
    for id, position, version, type_ in events:
        if since < position <= until:
            last[id] = max(last.get(id, 0), position)
            kind = "ADDED" if version == 1 else "CORRECTED" if type_ in editorial else "CHANGED"
            kinds[id] = min(kinds.get(id, kind), kind, key=("ADDED", "CORRECTED", "CHANGED").index)
    for id, position in touched:
        if since < position <= until:
            last[id] = max(last.get(id, 0), position)
            kinds.setdefault(id, "CHANGED")
    return [(id, kinds[id]) for id in sorted(last, key=lambda id: (last[id], id), reverse=True)]


def told(record: Reading, since: int, until: int, size: int, forward: bool) -> list[tuple[str, str]]:
    """The same as it is answered, page by page."""
    found: list[tuple[str, str]] = []
    cursor: str | None = None
    while True:
        turn = {"first": size, "after": cursor} if forward else {"last": size, "before": cursor}
        page = record.ask(KEYS, **{"from": {"position": since}, "to": {"position": until}}, **turn)["changes"]
        ids = [(node["objectId"], node["kind"]) for node in page["nodes"]]
        found = found + ids if forward else ids + found
        if not page["pageInfo"]["hasNextPage" if forward else "hasPreviousPage"]:
            assert page["totalCount"] == len(found)
            return found
        cursor = page["pageInfo"]["endCursor" if forward else "startCursor"]


def test_changes_between_any_moments_are_those_of_their_events_and_of_what_these_reached(first: Reading) -> None:
    random, head = Random(7), first.replica.position
    spans = [(0, head), (209, head), (head, head), *(sorted(random.choices(range(head + 1), k=2)) for _ in range(20))]
    for since, until in spans:
        expected = changed(first, since, until)
        for size in (3, 100):
            assert told(first, since, until, size, forward=True) == expected
            assert told(first, since, until, size, forward=False) == expected


def test_changes_are_chosen_by_object_noun_and_kind(first: Reading) -> None:
    expected = changed(first, 100, first.replica.position)
    for filter, passes in (
        ({"noun": ["DEAL"]}, lambda id, _: id.startswith("deal:")),
        ({"noun": ["PARTY", "SOURCE"]}, lambda id, _: id.startswith(("party:", "source:"))),
        ({"object": [BOEING]}, lambda id, _: id == BOEING),
        ({"kind": ["CORRECTED"]}, lambda _, kind: kind == "CORRECTED"),
        (
            {"kind": ["CHANGED", "ADDED"], "noun": ["DEAL"]},
            lambda id, kind: id.startswith("deal:") and kind != "CORRECTED",
        ),
    ):
        page = first.ask(KEYS, **{"from": {"position": 100}, "first": 100, "filter": filter})["changes"]
        found = [(node["objectId"], node["kind"]) for node in page["nodes"]]
        assert found == [one for one in expected if passes(*one)]
        assert page["totalCount"] == len(found) > 0


def every_step(record: Reading, since: int = 0) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step since a position, with the object's id."""
    cursor = None
    while True:
        page = record.ask(FIELDS, **{"from": {"position": since}, "after": cursor})["changes"]
        for node in page["nodes"]:
            yield from ((node["objectId"], step) for step in node["fields"])
        if not page["pageInfo"]["hasNextPage"]:
            return
        cursor = page["pageInfo"]["endCursor"]


def test_a_step_is_named_by_the_fields_that_clients_ask_for(first: Reading) -> None:
    for id, step in every_step(first):
        kind = first.schema.type_map[id.partition(":")[0].capitalize()]
        assert isinstance(kind, GraphQLObjectType)
        shown: Any = get_named_type(kind.fields[step["name"]].type)
        if "nodes" in getattr(shown, "fields", {}):
            shown = get_named_type(shown.fields["nodes"].type)
        assert step["part"] is None or step["part"] in shown.fields, step
        assert step["field"] == "/".join(one for one in (step["name"], step["item"], step["part"]) if one is not None)


def test_each_step_is_told_once_and_changes_something(first: Reading) -> None:
    steps = [(id, step["position"], step["field"]) for id, step in every_step(first)]
    assert len(steps) == len(set(steps)) > 500
    assert all(step["was"] != step["now"] for _, step in every_step(first))


def steps_of(record: Reading, since: int, id: str = "deal:odd") -> list[tuple[str, Any, Any]]:
    return [(step["field"], step["was"], step["now"]) for one, step in every_step(record, since) if one == id]


def money(low: str, basis: str) -> dict[str, str]:
    return {"low": low, "high": low, "currency": "USD", "basis": basis}


def test_a_value_is_told_as_the_value_whichever_basis_shows_it(record: Reading) -> None:
    record.record(fact("DealAnnounced", "deal:odd", title="Odd"))
    start = record.replica.position
    record.record(fact("DealValueReported", "deal:odd", money=money("5", "HEADLINE")))
    assert steps_of(record, start) == [("value", None, "USD 5"), ("value/verification", None, "SINGLE_ORIGIN")]
    start = record.replica.position
    record.record(fact("DealValueReported", "deal:odd", money=money("7", "CONTRACT")))
    assert ("value", "USD 5", "USD 7") in steps_of(record, start)
    assert not any(field.startswith("claimed/") for field, *_ in steps_of(record, start))
    start = record.replica.position
    now = {"target": 2, "field": "money", "now": money("6", "HEADLINE"), "cause": "MISREAD"}
    record.record(act("FactCorrected", "deal:odd", **now))
    assert steps_of(record, start) == [("claimed/value:HEADLINE/text", "USD 5", "USD 6")]
    start = record.replica.position
    record.record(act("EventRetracted", "deal:odd", target=3, cause="MISREAD"))
    assert ("value", "USD 7", "USD 6") in steps_of(record, start)


def test_a_step_names_the_event_that_caused_it_and_defaults_are_not_told(record: Reading) -> None:
    start = record.replica.position
    record.record(fact("DealAnnounced", "deal:odd", "2026-01", title="Odd", kind="SUPPLY"))
    steps = {step["field"]: step for id, step in every_step(record, start) if id == "deal:odd"}
    assert {name: step["now"] for name, step in steps.items() if step["part"] is None} == {
        "title": "Odd", "kind": "SUPPLY", "commitment": "ANNOUNCED", "schedule": "UNKNOWN", "announced": "2026-01",
    }  # fmt: skip
    assert {step["event"]["id"] for step in steps.values()} == {"deal:odd@1"}
