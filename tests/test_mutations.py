"""The mutations that the catalogue makes: their inputs, what they record, and what they answer over HTTP."""

import ast
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from graphql import GraphQLEnumType, GraphQLInputObjectType, get_named_type
from graphql.utilities import coerce_input_value

from domain.catalogue import CATALOGUE, read_fact
from schema.facts import asked, member
from schema.mutations import RefusalCode
from schema.operation import sound
from tests.support.examples import DEAL, bare, dollars, example, opened_world
from tests.support.readme import ROOT
from tests.support.server import Served, served
from tests.support.small_api import small_schema
from tests.support.stores import STORES, fresh_database
from tests.support.writing import Writer, input_of, one

SCHEMA = sound(small_schema()._schema)
SOURCE = bare("SourceRegistered", "source:first", kind="NEWS", title="A title")

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=STORES)
async def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    folder = tmp_path_factory.mktemp("node")
    with fresh_database(request.param, folder) as url:
        async with served(folder, database_url=url) as running:
            yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(verify=False, timeout=60) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def writer(api: Served, client: httpx.AsyncClient) -> Writer:
    """A client with a key, whose record holds what the examples speak of."""
    opened = Writer(client, api.url, api.writing)
    assert (await opened.record_all(opened_world()))["__typename"] == "Recorded"
    return opened


def input_type(name: str) -> GraphQLInputObjectType:
    kind = SCHEMA.type_map[name]
    assert isinstance(kind, GraphQLInputObjectType)
    return kind


async def test_each_event_has_a_mutation_and_a_member_of_the_input_of_any_fact() -> None:
    root = SCHEMA.mutation_type
    assert root
    assert set(root.fields) == {f"record{name}" for name in CATALOGUE} | {"recordFacts"}
    assert set(input_type("FactInput").fields) == {member(name) for name in CATALOGUE}


@pytest.mark.parametrize("name", CATALOGUE)
async def test_the_input_of_an_event_becomes_the_fact_that_its_json_is(name: str) -> None:
    value = coerce_input_value(input_of(example(name), expectedVersion=3), input_type(f"{name}Input"))
    assert (asked(name, value).fact, asked(name, value).expected) == (read_fact(example(name)), 3)


@pytest.mark.parametrize("name", CATALOGUE)
async def test_an_opening_event_gets_an_id_if_none_is_given_and_no_other_does(name: str) -> None:
    needed = input_type(f"{name}Input").fields["id"].type
    assert str(needed) == ("ID" if CATALOGUE[name].opens else "ID!")
    if CATALOGUE[name].opens:
        value = {key: item for key, item in input_of(example(name)).items() if key != "id"}
        made = asked(name, coerce_input_value(value, input_type(f"{name}Input"))).fact.id
        assert made.partition(":")[0] == example(name)["id"].partition(":")[0]
        assert made.partition(":")[2][14] == "7"


async def test_everything_that_is_made_from_the_catalogue_is_described() -> None:
    reached: list[Any] = [kind for name, kind in SCHEMA.type_map.items() if name.endswith("Input")]
    reached += [SCHEMA.mutation_type, SCHEMA.type_map["Recorded"], SCHEMA.type_map["Refused"]]
    fields = [field for kind in reached for field in kind.fields.values()]
    arguments = [one for field in fields for one in getattr(field, "args", {}).values()]
    enums = [kind for field in fields if isinstance(kind := get_named_type(field.type), GraphQLEnumType)]
    values = [value for kind in enums for value in kind.values.values()]
    assert [thing for thing in [*reached, *fields, *arguments, *enums, *values] if not thing.description] == []


async def test_codes_of_the_domain_are_enums_and_defaults_are_those_of_the_domain() -> None:
    fields = input_type("AgreementSignedInput").fields
    assert str(fields["kind"].type) == "AgreementKind!"
    assert fields["kind"].default_value == "UNKNOWN"
    assert str(fields["parties"].type) == "[PartyRefInput!]!"


async def test_every_code_that_anything_refuses_with_is_in_the_enum() -> None:
    files = [*(ROOT / "domain").glob("*.py"), ROOT / "service" / "registry.py", ROOT / "schema" / "recording.py"]
    calls = [node for file in files for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    named = [call for call in calls if getattr(call.func, "id", "").lower() == "refused" and call.args]
    codes = {code.value for call in named if isinstance(code := call.args[0], ast.Constant)}
    assert len(codes) > 10
    assert codes <= {str(code) for code in RefusalCode}


async def test_a_recorded_fact_is_answered_with_its_position_events_and_object(writer: Writer) -> None:
    done = await writer.record(example("DealValueReported"))
    assert done["__typename"] == "Recorded"
    assert done["events"] == [{"id": f"{DEAL}@8", "type": "DealValueReported"}]
    assert (done["object"], done["position"] > 20, len(done["commandId"])) == ({"id": DEAL}, True, 36)


async def test_a_refused_fact_is_answered_with_code_field_and_reason(writer: Writer) -> None:
    wrong = example("DealValueReported", money=dollars("1", currency="XXY", as_stated="1 of them"))
    done = await writer.record(wrong)
    assert (done["__typename"], done["code"], done["field"], done["index"]) == (
        "Refused",
        "INVALID_VALUE",
        "money.currency",
        0,
    )
    assert "XXY" in done["message"]


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"occurredOn": "2025-13-40"}, "INVALID_VALUE", "occurredOn"),
        ({"sources": []}, "NO_SOURCE", "sources"),
        ({"sources": [{"source": "source:nobody"}]}, "UNKNOWN_REFERENCE", "sources[0].source"),
        ({"id": "deal:nobody"}, "NOT_FOUND", "id"),
        ({"id": "DEAL"}, "INVALID_VALUE", "id"),
        ({"id": "party:uz"}, "WRONG_NOUN", "id"),
        ({"expectedVersion": 0}, "VERSION_CONFLICT", "expectedVersion"),
    ],
)
async def test_what_is_refused_names_the_field_as_the_input_has_it(
    writer: Writer, changes: dict[str, Any], code: str, field: str
) -> None:
    done = await writer.record(example("DealValueReported"), **changes)
    assert (done["__typename"], done.get("code"), done.get("field")) == ("Refused", code, field)


async def test_several_facts_are_recorded_all_or_none(writer: Writer) -> None:
    opened = bare("SourceRegistered", "source:all-or-none", kind="NEWS", title="A title")
    deal = example("DealAnnounced", id="deal:with-no-party", parties=[{"party": "party:no", "role": "BUYER"}])
    done = await writer.record_all([opened, deal])
    assert (done["code"], done["index"], done["field"]) == ("UNKNOWN_REFERENCE", 1, "parties[0].party")
    assert (await writer.ask('{ node(id: "source:all-or-none") { id } }'))["data"] == {"node": None}


async def test_a_fact_can_refer_to_what_an_earlier_one_of_the_list_opened(writer: Writer) -> None:
    source = bare("SourceRegistered", "source:in-a-list", kind="NEWS", title="A title")
    deal = {**bare("DealAnnounced", "deal:in-a-list", title="Two"), "sources": [{"source": "source:in-a-list"}]}
    done = await writer.record_all([source, deal])
    assert [event["id"] for event in done["events"]] == ["source:in-a-list@1", "deal:in-a-list@1"]


async def test_a_repeated_command_records_nothing_twice(writer: Writer) -> None:
    fact = bare("SourceRegistered", "source:repeated", kind="NEWS", title="A title")
    first = await writer.record(fact, "repeated-1")
    assert await writer.record(fact, "repeated-1") == first
    assert first["commandId"] == "repeated-1"


async def test_a_repeated_command_whose_id_was_made_up_gets_the_id_that_was_recorded(writer: Writer) -> None:
    fact = bare("SourceRegistered", "unused", kind="NEWS", title="A title")
    first = await writer.record(fact, "made-up-1", id=None)
    assert await writer.record(fact, "made-up-1", id=None) == first


async def test_a_command_id_of_another_request_is_refused(writer: Writer) -> None:
    await writer.record(bare("SourceRegistered", "source:one", kind="NEWS", title="One"), "used-1")
    done = await writer.record(bare("SourceRegistered", "source:two", kind="NEWS", title="Two"), "used-1", id=None)
    assert (done["code"], done["field"]) == ("COMMAND_MISMATCH", "commandId")


@pytest.mark.parametrize("wrong", ["", "\u0007", "x" * 201])
async def test_a_command_id_that_could_not_be_kept_is_refused(writer: Writer, wrong: str) -> None:
    done = await writer.record(SOURCE, wrong)
    assert (done["code"], done["field"]) == ("INVALID_VALUE", "commandId")


async def test_json_values_keep_the_names_on_disk(writer: Writer) -> None:
    done = await writer.record(example("FactCorrected"))
    assert (done["__typename"], done["events"][0]["type"]) == ("Recorded", "FactCorrected")


async def test_a_float_in_a_json_value_is_refused(writer: Writer) -> None:
    done = await writer.record(example("FactClaimed"), value={"low": 1.5})
    assert (done["code"], done["field"]) == ("INVALID_VALUE", "value.low")


async def test_a_decimal_is_never_read_from_a_json_number(writer: Writer) -> None:
    money = {"low": 1.5, "high": 1.5, "currency": "USD"}
    answer = await writer.ask(one("DealValueReported"), input=input_of(example("DealValueReported"), money=money))
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_USER_INPUT"}


async def test_fragments_aliases_and_directives_shape_the_answer(writer: Writer) -> None:
    fact = bare("SourceRegistered", "source:shaped", kind="NEWS", title="A title")
    document = """mutation($input: SourceRegisteredInput!, $no: Boolean!, $part: Boolean!) {
      __typename
      a: recordSourceRegistered(input: $input) { ...R ... on Refused { code } }
    }
    fragment R on Recorded { kind: __typename object { ...T } object { name: __typename } position @include(if: $no) }
    fragment T on Node { id ... on Thing @include(if: $part) { v: version } }"""
    answer = await writer.ask(document, input=input_of(fact), no=False, part=True)
    shaped = {"kind": "Recorded", "object": {"id": "source:shaped", "v": 1, "name": "Thing"}}
    assert answer == {"data": {"__typename": "Mutation", "a": shaped}}


async def test_mutations_of_one_document_run_one_after_the_other(writer: Writer) -> None:
    document = """mutation($a: SourceRegisteredInput!, $b: SourceArchivedInput!) {
      a: recordSourceRegistered(input: $a) { ... on Recorded { object { ... on Thing { version } } } }
      b: recordSourceArchived(input: $b) { ... on Recorded { object { ... on Thing { version } } } }
    }"""
    first = input_of(bare("SourceRegistered", "source:two-steps", kind="NEWS", title="A title"))
    second = input_of(example("SourceArchived", id="source:two-steps"))
    answer = await writer.ask(document, a=first, b=second)
    assert answer["data"] == {"a": {"object": {"version": 1}}, "b": {"object": {"version": 2}}}


async def test_an_error_inside_the_object_keeps_its_place_and_what_was_recorded(writer: Writer) -> None:
    fact = bare("SourceRegistered", "source:broken", kind="NEWS", title="A title")
    selection = "... on Recorded { it: object { ... on Thing { titles broken } } }"
    answer = await writer.ask(one("SourceRegistered", selection), input=input_of(fact))
    assert answer["data"]["done"] == {"it": {"titles": ["A title"], "broken": None}}
    assert [error["path"] for error in answer["errors"]] == [["done", "it", "broken"]]


async def test_a_mutation_that_fails_takes_nothing_from_those_beside_it(writer: Writer) -> None:
    document = """mutation ($b: SourceRegisteredInput = {kind: NEWS, title: "B"}) {
      a: recordSourceRegistered(input: {id: "source:before-it", kind: NEWS, title: "A"}) { __typename }
      b: recordSourceRegistered(input: $b) { __typename }
      c: recordSourceRegistered(input: {id: "source:after-it", kind: NEWS, title: "C"}) { __typename }
    }"""
    answer = await writer.ask(document, b=None)
    assert answer["data"] == {"a": {"__typename": "Recorded"}, "b": None, "c": {"__typename": "Recorded"}}
    assert [error["path"] for error in answer["errors"]] == [["b"]]


async def test_the_actor_is_recorded_with_the_command(api: Served, writer: Writer) -> None:
    done = await writer.record(bare("SourceRegistered", "source:by-whom", kind="NEWS", title="A title"))
    log: Any = api.app.executor.services.registry.recorder
    (entry,) = log.select_notifications(done["position"], 1)
    assert entry.recorded_by.startswith("key:") and len(entry.recorded_by) == 12
    assert api.key not in entry.recorded_by


async def test_writing_without_a_key_is_refused_with_401(api: Served, client: httpx.AsyncClient) -> None:
    asked_for = {"query": one("SourceRegistered"), "variables": {"input": input_of(SOURCE)}}
    answer = await client.post(api.url, json=asked_for)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer", "Basic Zm9vOmJhcg==", "nonsense"])
async def test_an_unknown_key_is_refused_even_for_reading(api: Served, client: httpx.AsyncClient, header: str) -> None:
    answer = await client.post(api.url, json={"query": "{ echo }"}, headers={"authorization": header})
    assert (answer.status_code, "nonsense" in answer.text) == (401, False)
