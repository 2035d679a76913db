"""Events as types: each of the catalogue reads back what was recorded, references as objects, corrections beside it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent
from graphql import GraphQLField, GraphQLObjectType, get_named_type, is_composite_type, is_leaf_type

from domain.catalogue import CATALOGUE
from tests.support import examples
from tests.support.reading import Reading, reading


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    with reading(tmp_path_factory.mktemp("first"), first_record=True) as record:
        yield record


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Reading]:
    with reading(tmp_path, first_record=True) as made:
        yield made


def selection(record: Reading, fields: dict[str, GraphQLField], depth: int = 2) -> str:
    """Every field, objects by their leaves."""
    chosen = []
    for name, field in fields.items():
        kind = get_named_type(field.type)
        if name == "proof" or any(str(each.type).endswith("!") for each in field.args.values()):
            continue
        if is_leaf_type(kind):
            chosen.append(name)
        elif depth and isinstance(kind, GraphQLObjectType):
            chosen.append(f"{name} {{ {selection(record, kind.fields, depth - 1)} __typename }}")
        elif depth and is_composite_type(kind):
            chosen.append(f"{name} {{ __typename }}")
    return " ".join(chosen)


@pytest.mark.parametrize("event", CATALOGUE)
def test_every_field_of_every_event_can_be_read(first: Reading, event: str) -> None:
    kind = first.schema.type_map[event]
    assert isinstance(kind, GraphQLObjectType)
    fields = selection(first, kind.fields)
    query = f'{{ events(filter: {{type: ["{event}"]}}, first: 3) {{ nodes {{ ... on {event} {{ {fields} }} }} }} }}'
    answer = first.ask(query)
    assert all(each["type"] == event for each in answer["events"]["nodes"])


def test_the_body_is_as_it_was_recorded_and_references_are_objects(first: Reading) -> None:
    query = """{ node(id: "deal:uz-boeing-787@1") { id ... on DealAnnounced {
      title kind occurredOn recordedBy data
      parties { role party { id name } } sources { locator stance source { title } origin { id } }
      object { __typename id ... on Deal { commitment } }
    } } }"""
    event = first.ask(query)["node"]
    assert event["data"]["title"] == event["title"]
    assert event["recordedBy"] == "first-record"
    assert event["parties"][0] == {
        "role": "BUYER", "party": {"id": "party:uzbekistan-airways", "name": "Uzbekistan Airways"},
    }  # fmt: skip
    assert event["object"] == {"__typename": "Deal", "id": "deal:uz-boeing-787", "commitment": "FIRM"}
    assert (event["sources"][0]["locator"], event["sources"][0]["stance"]) == ("para 5", "ASSERTS")


def test_references_keep_the_order_in_which_they_were_stated(first: Reading) -> None:
    query = """{ node(id: "relation:us-kz@1") { ... on RelationOpened { parties { id } data } } }"""
    event = first.ask(query)["node"]
    assert [party["id"] for party in event["parties"]] == event["data"]["parties"] == ["party:usa", "party:kaz"]


def test_a_correction_leaves_the_event_as_it_was_and_stands_beside_it(record: Reading) -> None:
    record.record(
        {
            "event": "FactCorrected", "id": "deal:uz-boeing-787",
            "data": {"target": 1, "field": "title", "now": "Dreamliners", "cause": "CLERICAL", "reason": "a slip"},
        }
    )  # fmt: skip
    query = """{ deal(id: "deal:uz-boeing-787") { title history(last: 1) { nodes {
        ... on FactCorrected { field now cause reason targetEvent { ... on DealAnnounced {
          title retracted corrections { kind reason now }
        } } }
    } } } }"""
    deal = record.ask(query)["deal"]
    assert deal["title"] == "Dreamliners"
    (correction,) = deal["history"]["nodes"]
    target = correction.pop("targetEvent")
    assert correction == {"field": "title", "now": "Dreamliners", "cause": "CLERICAL", "reason": "a slip"}
    assert target["title"] == "Boeing 787 aircraft for Uzbekistan Airways"
    assert (target["retracted"], target["corrections"][0]["now"]) == (False, "Dreamliners")


def test_an_event_that_this_version_cannot_read_keeps_its_place(record: Reading) -> None:
    event = StoredEvent("deal:uz-boeing-787", 21, "DealPainted", b'{"data":{"colour":"red"},"sources":[]}')
    (position,) = record.log.insert_events([event], command_id="later", request_hash="x", actor="cli")
    assert record.replica.wait(position, 30)
    query = '{ deal(id: "deal:uz-boeing-787") { version history(last: 1) { nodes { __typename id type data } } } }'
    deal = record.ask(query)["deal"]
    assert deal["version"] == 20
    assert deal["history"]["nodes"] == [
        {"__typename": "UnreadableEvent", "id": "deal:uz-boeing-787@21", "type": "DealPainted", "data": {}}
    ]


def test_events_are_filtered_by_type_object_time_source_and_command(first: Reading) -> None:
    def count(filter: str) -> Any:
        return first.ask(f"{{ events(filter: {{{filter}}}) {{ totalCount }} }}")["events"]["totalCount"]

    time = first.ask("{ events(filter: {after: 120, until: 121}) { nodes { recordedAt } } }")["events"]["nodes"][0]
    times = [one["recordedAt"] for one in _every(first)]
    assert count(f'recordedFrom: "{time["recordedAt"]}"') == sum(one >= time["recordedAt"] for one in times)
    assert count(f'recordedTo: "{time["recordedAt"]}"') == sum(one <= time["recordedAt"] for one in times)
    assert count('recordedFrom: "2999-01-01T00:00:00Z"') == count('recordedTo: "1999-01-01T00:00:00Z"') == 0
    everything = count("")
    assert count('object: ["deal:uz-boeing-787"]') == 20
    assert count('type: ["OptionExercised"]') == 1
    assert count("noun: [PROGRAMME], after: 100") < count("noun: [PROGRAMME]")
    assert count('occurred: {since: "2025-11-06", until: "2025-11-06"}, noun: [DEAL]') > 0
    assert count('source: ["source:asb-media-2025-09"]') == 44
    assert count('command: ["first-record-1"]') == count("noun: [SOURCE]") == 53
    assert count('noneOf: {command: ["first-record-1"]}') == everything - 53
    assert count('anyOf: [{type: ["OptionExercised"]}, {command: ["first-record-1"]}]') == 54


def _every(record: Reading) -> list[dict[str, Any]]:
    """Every event of the record."""
    pages = (
        f"{{ events(filter: {{after: {at}, until: {at + 100}}}, first: 100) {{ nodes {{ recordedAt }} }} }}"
        for at in range(0, 300, 100)
    )
    return [event for page in pages for event in record.ask(page)["events"]["nodes"]]


LAST = ("FactCorrected", "EventRetracted", "ClaimAdopted", "PartyMerged")


def test_each_event_of_the_catalogue_can_be_read_back(tmp_path: Path) -> None:
    with reading(tmp_path) as record:
        record.record(*examples.opened_world())
        for event in sorted(CATALOGUE, key=lambda name: name in LAST):
            record.record(examples.example(event))
        for event in CATALOGUE:
            kind = record.schema.type_map[event]
            assert isinstance(kind, GraphQLObjectType)
            fields = selection(record, kind.fields)
            query = (
                f'{{ events(first: 3, filter: {{type: ["{event}"]}}) {{ nodes {{ ... on {event} {{ {fields} }} }} }} }}'
            )
            assert record.ask(query)["events"]["nodes"]
