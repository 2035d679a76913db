"""The nouns as types: every field, filter and order can be read, by both paths alike, at any moment and on any day."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
)

from domain.catalogue import CATALOGUE
from domain.values import NOUNS
from schema.plan.compile import Compiler
from service.replica.tables import TABLES
from service.replica.view import number_key
from tests.support import examples
from tests.support.reading import Reading, fact, reading

LAST = ("FactCorrected", "EventRetracted", "ClaimAdopted", "PartyMerged")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    """A record in which every event of the catalogue happened."""
    with reading(tmp_path_factory.mktemp("world")) as record:
        record.record(*examples.opened_world())
        for event in sorted(CATALOGUE, key=lambda name: name in LAST):
            record.record(examples.example(event))
        yield record


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    """The first record, which no test of this file writes to."""
    with reading(tmp_path_factory.mktemp("first"), first_record=True) as made:
        yield made


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Reading]:
    with reading(tmp_path, first_record=True) as made:
        yield made


def plural(noun: str) -> str:
    return f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"


def selection(fields: dict[str, GraphQLField], depth: int) -> str:
    """Every field, connections by their items."""
    chosen = []
    for name, field in fields.items():
        kind = get_named_type(field.type)
        if is_leaf_type(kind):
            chosen.append(name)
        elif isinstance(kind, GraphQLObjectType) and kind.name.endswith("Connection"):
            chosen.append(f"{name}(first: 3) {{ totalCount nodes {{ __typename }} }}")
        elif depth and isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)) and name != "proof":
            chosen.append(f"{name} {{ __typename {selection(kind.fields, depth - 1)} }}")
    return " ".join(chosen)


@pytest.mark.parametrize("noun", NOUNS)
def test_every_field_reads_the_same_by_both_paths(world: Reading, noun: str) -> None:
    kind = world.schema.type_map[noun.capitalize()]
    assert isinstance(kind, GraphQLObjectType)
    for name, field in kind.fields.items():
        chosen = selection({name: field}, 2)
        if not chosen:
            continue
        query = f"{{ {plural(noun)}(first: 3) {{ nodes {{ id {chosen} }} }} }}"
        operation = world.operations.prepare(query)
        fast = asyncio.run(world.engine.execute(operation))
        assert b'"errors"' not in fast, (query, fast)
        assert orjson.loads(fast) == orjson.loads(asyncio.run(world.engine.executed_slowly(operation)))


SAMPLES = {
    "String": "x", "ID": "deal:uz-boeing-787", "Int": 1, "Boolean": True, "Date": "2025-09-22", "Position": 5,
    "DateTime": "2025-09-22T00:00:00Z", "Decimal": "1000",
}  # fmt: skip


EVENTS = ["FactCorrected", "EventRetracted"]
KNOWN = {"country": ["KAZ", "UZB"], "currency": "USD", "language": ["en"], "type": EVENTS, "kind": EVENTS}
"""What filters know by name, of those fields that are texts."""


def sample_of(name: str, kind: GraphQLInputType, depth: int = 2) -> Any:
    """A value of a field."""
    return KNOWN[name] if name in KNOWN and get_named_type(kind).name == "String" else sample(kind, depth)


def sample(kind: GraphQLInputType, depth: int = 2) -> Any:
    """A value of an input type: objects with everything that is no list of themselves."""
    bare = get_nullable_type(kind)
    if isinstance(bare, GraphQLList):
        return [sample(bare.of_type, depth), sample(bare.of_type, depth)]
    if isinstance(bare, GraphQLEnumType):
        return next(iter(bare.values))
    if isinstance(bare, GraphQLInputObjectType):
        fields = bare.fields.items()
        return {
            name: sample_of(name, field.type, depth - 1)
            for name, field in fields
            if depth and get_named_type(field.type) is not bare
        }
    return SAMPLES[bare.name]


@pytest.mark.parametrize("root", [*map(plural, NOUNS), "events", "corrections"])
def test_every_filter_and_order_is_taken(world: Reading, root: str) -> None:
    assert world.schema.query_type
    arguments = world.schema.query_type.fields[root].args
    filter_, order = get_named_type(arguments["filter"].type), get_named_type(arguments["orderBy"].type)
    assert isinstance(filter_, GraphQLInputObjectType)
    assert isinstance(order, GraphQLEnumType)
    chosen = f"{root}(filter: $filter, orderBy: $order, first: 2) {{ totalCount nodes {{ __typename }} }}"
    query = f"query ($filter: {filter_.name}, $order: {order.name}) {{ {chosen} }}"
    for name, field in filter_.fields.items():
        value = sample_of(name, field.type)
        world.ask(query, filter={name: value})
        world.ask(query, filter={"noneOf": {name: value}})
    for each in order.values:
        world.ask(query, order=each)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ('deals(filter: {country: ["Kazakhstan"]})', "filter: country: 'Kazakhstan' is not a country code"),
        ('deals(filter: {anyOf: [{party: {country: ["KAZ", "UZ"]}}]})', "filter: country: 'UZ' is not a country code"),
        ('deals(filter: {value: {currency: "dollars"}})', "filter: currency: 'dollars' is not a currency code"),
        ('parties(filter: {country: ["kaz"]})', "filter: country: 'kaz' is not a country code"),
        ('sources(filter: {language: ["English"]})', "filter: language: 'English' is not a language code"),
        (
            'events(filter: {type: ["AgreementSinged"]})',
            "filter: type: 'AgreementSinged' is not an event of the record",
        ),
        ('corrections(filter: {kind: ["Correction"]})', "filter: kind: 'Correction' is not an event of the record"),
    ],
)
def test_a_filter_that_can_find_nothing_for_a_slip_is_told(world: Reading, query: str, told: str) -> None:
    (error,) = world.response(f"{{ {query} {{ totalCount }} }}")["errors"]
    assert (error["extensions"]["code"], told in error["message"]) == ("BAD_USER_INPUT", True)


@pytest.mark.parametrize("noun", NOUNS)
def test_an_order_and_its_opposite_are_mirror_images(world: Reading, noun: str) -> None:
    chosen = f"list: {plural(noun)}(orderBy: $order, first: 100) {{ nodes {{ id }} }}"
    query = f"query ($order: {noun.capitalize()}Order) {{ {chosen} }}"
    order = world.schema.type_map[f"{noun.capitalize()}Order"]
    assert isinstance(order, GraphQLEnumType)
    by_columns: dict[str, list[Any]] = {}
    for name, value in order.values.items():
        ids = [node["id"] for node in world.ask(query, order=name)["list"]["nodes"]]
        by_columns.setdefault(str(value.value).lstrip("-"), []).append(ids)
    for one, other in by_columns.values():
        assert one == other[::-1]


def test_an_object_says_what_to_call_it_without_being_asked_what_it_is(first: Reading) -> None:
    query = """{ changes(from: {position: 0}, first: 100) { nodes { object { label
      ... on Source { title } ... on Party { title: name } ... on Institution { title: name }
      ... on Gathering { title: name } ... on Agreement { title } ... on Deal { title } ... on Investment { title }
      ... on Relation { title } ... on Programme { title } __typename } } } }"""
    objects = [node["object"] for node in first.ask(query)["changes"]["nodes"]]
    assert len({one["__typename"] for one in objects}) == 9
    assert [one["label"] for one in objects] == [one["title"] for one in objects]


def test_payments_and_deliveries_tell_who_says_when_and_what_others_say_of_how_much(record: Reading) -> None:
    dollars = [{"low": low, "high": low, "currency": "USD", "basis": "ACTUALLY_PAID"} for low in ("7", "9")]
    items = [{"low": low, "high": low, "unit": "item"} for low in ("2", "3")]
    record.record(
        fact("DealAnnounced", "deal:paid", title="Paid"),
        fact("DealLineReported", "deal:paid", key="a", item="a", quantity=items[0], commitment="FIRM"),
        fact("GoodsDelivered", "deal:paid", "2025-02-01", line="a", quantity=items[0]),
        fact("PaymentMade", "deal:paid", "2025-02-02", money=dollars[0], payer="party:usa"),
        fact("FactClaimed", "deal:paid", target=4, field="money", value=dollars[1]),
    )
    query = """{ deal(id: "deal:paid") {
      payments { date { text claim { event { id } } } claimed { claims { text } } }
      deliveriesMade { date { text } claimed { text } }
    } }"""
    assert record.ask(query)["deal"] == {
        "payments": [
            {
                "date": {"text": "2025-02-02", "claim": {"event": {"id": "deal:paid@4"}}},
                "claimed": {"claims": [{"text": "USD 7"}, {"text": "USD 9"}]},
            }
        ],
        "deliveriesMade": [{"date": {"text": "2025-02-01"}, "claimed": None}],
    }


def test_a_past_moment_reads_the_same_after_later_writes(record: Reading) -> None:
    before = record.replica.position
    lists = (f"{plural(noun)}(first: 50, %s) {{ totalCount nodes {{ id version retracted }} }}" for noun in NOUNS)
    chosen = (
        *lists,
        "dealTotals(by: [YEAR], %s) { counted totals { total } excluded { reasons } }",
        'search(text: "boeing", %s) { nodes { objectId title snippet } }',
        "events(first: 3, %s) { totalCount nodes { id } }",
        'deal(id: "deal:uz-boeing-787", %s) { value { text } claims { id standing } }',
    )
    queries = [f"query ($p: Position!) {{ {each % 'asOf: {position: $p}'} }}" for each in chosen]
    answers = [record.ask(query, p=before) for query in queries]
    record.record(
        {"event": "SourceWithdrawn", "id": "source:asb-media-2025-09", "data": {"reason": "gone"}},
        {
            "event": "EventRetracted",
            "id": "deal:kz-tungsten",
            "data": {"target": 1, "cause": "CLERICAL", "reason": "x"},
        },
        {"event": "PartyMerged", "id": "party:boeing", "data": {"into": "party:wabtec", "reason": "a test"}},
    )
    assert [record.ask(query, p=before) for query in queries] == answers


def test_a_moment_beyond_the_newest_event_is_an_error(world: Reading) -> None:
    for query in (
        "{ deals(asOf: {position: 9999}) { totalCount } }",
        "{ dealTotals(asOf: {position: 9999}) { counted } }",
        "{ events(asOf: {position: 9999}) { totalCount } }",
        "{ corrections(asOf: {position: 9999}) { totalCount } }",
        '{ search(text: "wabtec", asOf: {position: 9999}) { totalCount } }',
        '{ nodes(ids: ["party:boeing"], asOf: {position: 9999}) { id } }',
        "{ changes(from: {position: 1}, to: {position: 9999}) { totalCount } }",
        "{ changes(from: {position: 9999}) { totalCount } }",
        "query ($from: Position! = 9999) { changes(from: {position: $from}) { totalCount } }",
        '{ deals(asOf: {time: "2999-01-01T00:00:00Z"}) { totalCount } }',
        '{ deal(id: "deal:uz-boeing-787", asOf: {time: "2999-01-01T00:00:00Z"}) { history { totalCount } } }',
        '{ changes(from: {position: 1}, to: {time: "2999-01-01T00:00:00Z"}) { totalCount } }',
        '{ changes(from: {time: "2999-01-01T00:00:00Z"}) { totalCount } }',
    ):
        assert world.response(query)["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


def test_changes_that_would_run_backwards_are_refused(first: Reading) -> None:
    for start in ({"position": 9}, {"time": first.log.head().recorded_at}):
        query = "query ($start: AsOf!) { changes(from: $start, to: {position: 8}) { totalCount } }"
        (error,) = first.response(query, start=start)["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert error["message"].endswith("which is behind to: 8.")


def test_the_present_moment_is_one_of_the_record_even_by_a_clock_that_is_a_little_ahead(world: Reading) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=5)).isoformat()
    query = "query ($time: DateTime!) { deals(asOf: {time: $time}) { totalCount } }"
    assert world.ask(query, time=soon) == world.ask("{ deals { totalCount } }")


def test_on_a_day_an_object_shows_what_is_claimed_of_that_day(first: Reading) -> None:
    query = """query ($day: Date) { deal(id: "deal:uz-boeing-787", on: $day) {
      claimed { subject claims { id sources { source { id } } } } lines { reports { quantity { claims { id } } } }
    } }"""
    then, now = (first.ask(query, day=day)["deal"] for day in ("2025-09-10", None))
    claims = [claim["id"] for value in then["claimed"] for claim in value["claims"]]
    assert "deal:uz-boeing-787@1#title" in claims
    assert "deal:uz-boeing-787@16#quantity" not in claims
    assert "deal:uz-boeing-787@16#quantity" in [claim["id"] for value in now["claimed"] for claim in value["claims"]]
    assert all(claim["sources"] for value in then["claimed"] for claim in value["claims"])
    assert first.ask(query, day="2020-01-01") == {"deal": None}


def test_references_to_a_merged_party_mean_the_survivor_from_then_on(record: Reading) -> None:
    before = record.replica.position
    record.record({"event": "PartyMerged", "id": "party:boeing", "data": {"into": "party:wabtec", "reason": "a test"}})
    query = """query ($p: Position!) {
      now: deal(id: "deal:uz-boeing-787") { parties { role party { id } statedParty { id mergedInto { id } } } }
      then: deal(id: "deal:uz-boeing-787", asOf: {position: $p}) { parties { party { id } } }
      party(id: "party:wabtec") { deals(first: 50) { nodes { id } } }
      merged: parties(filter: {merged: true}) { nodes { id mergedInto { id } } }
    }"""
    answer = record.ask(query, p=before)
    seller = next(link for link in answer["now"]["parties"] if link["role"] == "SELLER")
    assert seller["party"] == {"id": "party:wabtec"}
    assert seller["statedParty"] == {"id": "party:boeing", "mergedInto": {"id": "party:wabtec"}}
    assert {"party": {"id": "party:boeing"}} in answer["then"]["parties"]
    assert {"id": "deal:uz-boeing-787"} in answer["party"]["deals"]["nodes"]
    assert answer["merged"]["nodes"] == [{"id": "party:boeing", "mergedInto": {"id": "party:wabtec"}}]


@pytest.mark.parametrize(
    ("small", "great"),
    [("9", "10"), ("1.5", "1.50001"), ("-10", "-9"), ("-0.5", "0"), ("99.99", "100"), ("0", "0.1"), ("-2", "-1.5")],
)
def test_numbers_as_keys_sort_like_numbers(small: str, great: str) -> None:
    assert number_key(small) < number_key(great)


@pytest.mark.parametrize(("one", "other"), [("1.5", "1.50"), ("7", "7.0"), ("-7", "-7.00")])
def test_equal_numbers_have_equal_keys(one: str, other: str) -> None:
    assert number_key(one) == number_key(other)


LOOKUPS = (
    '{ node(id: "deal:uz-boeing-787@3") { id } }',
    '{ deal(id: "deal:uz-boeing-787") { history { nodes { id summary } } corrections { targetEvent { id } } } }',
    "{ deals { nodes { claimed { claims { event { id } sources { source { id } origin { id } } } } } } }",
    "{ deals { nodes { anomalies { events { id } } commitmentHistory { event { id } } programmes { totalCount } } } }",
    '{ source(id: "source:asb-media-2025-09") { derived { nodes { id } } resting { nodes { event { id } } } } }',
    '{ party(id: "party:boeing") { deals { nodes { id } } agreements { nodes { id } } financings { totalCount } } }',
    '{ deals(filter: {party: {party: ["party:boeing"]}}) { nodes { id } } }',
    '{ deals(filter: {agreement: ["agreement:x"], programme: ["programme:x"]}) { nodes { id } } }',
    "{ corrections { nodes { event { id } targetEvent { id corrections { kind } } } } }",
    "{ changes(from: {position: 200}) { nodes { fields { event { id } } events { id } corrections { kind } } } }",
)


@pytest.mark.parametrize("query", LOOKUPS)
def test_what_is_looked_up_is_found_by_an_index(first: Reading, query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that grows with the record is walked only as a list in its own order."""
    made: list[str] = []
    root = Compiler.root

    def kept(self: Compiler, *given: Any) -> str:
        made.append(root(self, *given))
        return made[-1]

    monkeypatch.setattr(Compiler, "root", kept)
    first.ask(query)
    with first.replica.read() as connection:
        count = max(map(int, re.findall(r"\?(\d+)", made[0])), default=0)
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {made[0]}", (1,) * count)]
    pages = {step.split()[1] for step in plan if step.startswith(("CO-ROUTINE", "MATERIALIZE"))}
    aliases = "|".join(name[:2] for name in (*TABLES, "event"))
    walked = [step for step in plan if re.match(rf"SCAN ({aliases})\d", step) and step.split()[1] not in pages]
    assert [step for step in walked if "USING" not in step] == []
