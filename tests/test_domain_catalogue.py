"""The catalogue walked event by event: what each can carry, its line for people, its bytes, and its names for ever."""

import dataclasses
import json
from copy import deepcopy
from typing import Any

import pytest
import rfc8785
from hypothesis import given as any_of
from hypothesis import strategies as st

from domain.catalogue import AGGREGATES, CATALOGUE, COMMON_EVENTS, HOMES, load_fact, read_fact
from domain.fact import Fact, Refused, body, canonical, plain
from tests.support.examples import ARTICLE, EXAMPLES, Record, example, given, opened_world
from tests.support.names_on_disk import GOLDEN, broken_promises, names_on_disk

MAX_STATE = 60_000
NOUNS = {
    "source": {"SourceRegistered", "SourceArchived", "SourceWithdrawn"},
    "party": {"PartyRegistered", "PartyIdentified", "PartyRenamed", "PartyMerged", "PartySucceeded"},
    "institution": {
        "MinistryAnnounced", "MinistryEstablished", "MandateDefined", "OfficeholderAppointed", "InstitutionRenamed",
        "InstitutionDissolved",
    },
    "gathering": {"GatheringConvened"},
    "agreement": {
        "AgreementAnnounced", "AgreementAdopted", "AgreementSigned", "AgreementApproved", "AgreementRatified",
        "AgreementAccededTo", "AgreementWithdrawnFrom", "AgreementEnteredIntoForce", "AgreementAmended",
        "AgreementExtended", "AgreementSuspended", "AgreementTerminated", "AgreementLapsed", "AgreementSuperseded",
    },
    "deal": {
        "DealAnnounced", "DealValueReported", "DealLineReported", "OptionExercised", "OptionExpired",
        "CommitmentFirmed", "ConditionSet", "ConditionMet", "FinancingOffered", "FinancingCommitted", "FinancingLapsed",
        "OwnershipStated", "DeliveryScheduled", "DeliveryRescheduled", "GoodsDelivered", "PaymentMade",
        "DealLinkedToAgreement", "DealSuspended", "DealResumed", "DealCompleted", "DealCancelled", "DealTerminated",
        "DealLapsed", "DealSuperseded",
    },
    "investment": {
        "InvestmentAnnounced", "InvestmentMade", "OutputReported", "LocalizationRateReported", "InvestmentDivested",
    },
    "relation": {"RelationOpened", "IndicatorReported"},
    "programme": {"ProgrammeAnnounced", "ProgrammeValueReported", "DealIncluded", "DealExcluded", "ProgrammeClosed"},
}  # fmt: skip
COMMON = {
    "EffectClaimed", "AssessmentVoiced", "SectorAssigned", "FactClaimed", "ClaimAdopted", "FactCorrected",
    "EventRetracted",
}  # fmt: skip
every_event = pytest.mark.parametrize("event", list(CATALOGUE))


def refusal(value: Any) -> tuple[str, str]:
    with pytest.raises(Refused) as refused:
        read_fact(value)
    return refused.value.code, refused.value.field


def amounts(value: Any) -> list[str]:
    """What a summary must name of the amounts in the data: a figure's own words, else its numbers."""
    if not isinstance(value, dict):
        return []
    if not {"low", "high"} & set(value):
        return [text for item in value.values() for text in amounts(item)]
    return [value["as_stated"]] if "as_stated" in value else [value[key] for key in ("low", "high") if key in value]


def required(event: str) -> dict[str, Any]:
    """The example's data with the required fields alone."""
    fields = names_on_disk()["events"][event]["fields"]
    return {name: value for name, value in example(event)["data"].items() if fields[name]["required"]}


def contains(stored: Any, sent: Any) -> bool:
    """Whether all that was sent is stored; defaults may stand beside it."""
    if isinstance(sent, dict):
        return all(name in stored and contains(stored[name], value) for name, value in sent.items())
    if isinstance(sent, list):
        return len(stored) == len(sent) and all(map(contains, stored, sent))
    return bool(stored == sent)


def test_the_catalogue_is_the_list_of_the_domain() -> None:
    assert {noun: {event.__name__ for event in kind.events} - COMMON for noun, kind in AGGREGATES.items()} == NOUNS
    assert COMMON_EVENTS == COMMON
    assert all(set(HOMES[event]) == set(NOUNS) for event in COMMON)


def test_there_is_an_example_of_every_event() -> None:
    assert set(EXAMPLES) == set(CATALOGUE)


@every_event
def test_the_example_of_an_event_is_taken(event: str) -> None:
    record = given()
    fact = record.take(example(event))
    assert record.get(fact.id).facts[-1] == fact


@every_event
def test_an_example_uses_every_field(event: str) -> None:
    left_out = {"quantity"} if event == "IndicatorReported" else set()
    assert {field.name for field in dataclasses.fields(CATALOGUE[event])} == set(EXAMPLES[event][1]) | left_out


@every_event
def test_a_summary_is_one_line_that_names_the_amounts(event: str) -> None:
    summary = read_fact(example(event)).content.summary()
    assert summary == summary.strip()
    assert len(summary.splitlines()) == 1
    assert [amount for amount in amounts(example(event)["data"]) if amount not in summary] == []


@every_event
def test_a_summary_of_the_shortest_form_is_one_line_too(event: str) -> None:
    shortest = read_fact(example(event) | {"data": required(event)})
    assert len(shortest.content.summary().splitlines()) == 1
    assert "None" not in shortest.content.summary()


def test_a_summary_stays_on_one_line_whatever_its_texts_hold() -> None:
    title = "22\naircraft\r\n\x1b[31m\u2028 and\tmore\x85"
    assert read_fact(example("DealAnnounced", title=title)).content.summary().endswith("22 aircraft [31m and more")


@every_event
def test_an_event_comes_back_from_its_stored_bytes(event: str) -> None:
    fact = read_fact(example(event))
    assert load_fact(event, fact.id, canonical(body(fact))) == fact


@every_event
def test_the_stored_bytes_are_canonical_json(event: str) -> None:
    stored = canonical(body(read_fact(example(event))))
    assert stored == rfc8785.dumps(json.loads(stored))
    assert len(stored) < MAX_STATE


@every_event
def test_the_stored_bytes_hold_all_that_was_sent(event: str) -> None:
    sent = example(event)
    stored = json.loads(canonical(body(read_fact(sent))))
    for name, value in sent["data"].items():
        assert contains(stored["data"][name], value)
    assert stored["occurred_on"] == sent["occurred_on"]
    assert contains(stored["sources"], sent["sources"])


@every_event
def test_fields_left_out_are_left_out_of_the_bytes(event: str) -> None:
    stored = canonical(body(read_fact(example(event, occurred_on=None) | {"data": required(event)})))
    assert b"null" not in stored
    assert b"occurred_on" not in stored


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=60).filter(str.strip)


@any_of(texts, texts)
def test_texts_of_any_script_are_stored_canonically_and_come_back(title: str, quote: str) -> None:
    fact = read_fact(example("DealAnnounced", title=title, sources=[{"source": ARTICLE, "quote": quote}]))
    stored = canonical(body(fact))
    assert stored == rfc8785.dumps(body(fact))
    assert load_fact("DealAnnounced", fact.id, stored) == fact
    assert fact.content.summary().splitlines()[1:] == []


@every_event
def test_an_unknown_key_is_refused_wherever_it_stands(event: str) -> None:
    fact = example(event, sources=[{"source": ARTICLE, "page": "3"}])
    assert refusal(fact) == ("INVALID_VALUE", "sources[0].page")
    assert refusal(example(event, bogus="x")) == ("INVALID_VALUE", "data.bogus")
    assert refusal(example(event) | {"recorded_by": "me"}) == ("INVALID_VALUE", "recorded_by")


def test_an_unknown_key_is_refused_at_any_depth() -> None:
    parties = [{"party": "party:us", "role": "BUYER"}, {"party": "party:us", "role": "SELLER", "share": "1"}]
    assert refusal(example("DealAnnounced", parties=parties)) == ("INVALID_VALUE", "data.parties[1].share")
    money = {**example("PaymentMade")["data"]["money"], "rate": "1"}
    assert refusal(example("PaymentMade", money=money)) == ("INVALID_VALUE", "data.money.rate")


@every_event
def test_a_missing_field_that_is_required_is_refused(event: str) -> None:
    for name in required(event):
        code, field = refusal(example(event, **{name: None}))
        assert (code, field.split(".")[0]) == ("INVALID_VALUE", "data")


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (8.5, "data.now"),
        (float("nan"), "data.now"),
        ({"low": 8.5}, "data.now.low"),
        ([[1.0]], "data.now[0][0]"),
        (2**53, "data.now"),
        (-(10**400), "data.now"),
        ("a\0b", "data.now"),
        ("\ud800", "data.now"),
        ({"a": ["\udfff"]}, "data.now.a[0]"),
        ({"\ud800": 1}, "data.now"),
    ],
)
def test_what_json_readers_do_not_agree_on_is_refused(value: Any, field: str) -> None:
    assert refusal(example("FactCorrected", now=value)) == ("INVALID_VALUE", field)
    assert refusal(example("FactClaimed", value=value)) == ("INVALID_VALUE", field.replace("now", "value"))


@pytest.mark.parametrize("depth", [40, 5_000, 200_000])
def test_json_nested_too_deep_is_refused_without_fail(depth: int) -> None:
    value: Any = "x"
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    assert refusal(example("FactCorrected", now=value)) == ("INVALID_VALUE", "$")
    assert refusal(example("DealCancelled", sources=[value])) == ("INVALID_VALUE", "$")
    while isinstance(value, (list, dict)):  # taken apart level by level, as the interpreter would recurse
        value = value[0] if isinstance(value, list) else value["a"]


@pytest.mark.parametrize("value", [None, [], "deal", 7, 0.5, True, [["event", "DealCancelled"]]])
def test_what_is_no_object_is_no_fact(value: Any) -> None:
    assert refusal(value)[0] == "INVALID_VALUE"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"event": None}, "event"),
        ({"event": "DealUpdated"}, "event"),
        ({"event": "dealCancelled"}, "event"),
        ({"event": ["DealCancelled"]}, "event"),
        ({"data": []}, "data"),
        ({"data": "x"}, "data"),
        ({"sources": {"source": ARTICLE}}, "sources"),
        ({"sources": 5}, "sources"),
        ({"sources": "source:article"}, "sources"),
        ({"sources": [ARTICLE]}, "sources[0]"),
        ({"sources": [{}]}, "sources[0]"),
        ({"sources": [{"source": ARTICLE, "stance": "MAYBE"}]}, "sources[0].stance"),
        ({"sources": [{"source": ARTICLE, "quote": "x" * 301}]}, "sources[0].quote"),
        ({"occurred_on": 2025}, "occurred_on"),
        ({"data": {"statement": ""}}, "data.statement"),
        ({"data": {"statement": "x" * 2001}}, "data.statement"),
    ],
)
def test_a_malformed_fact_is_refused_by_the_name_of_the_field(changes: dict[str, Any], field: str) -> None:
    assert refusal({**example("DealCancelled"), **changes}) == ("INVALID_VALUE", field)


def test_the_facts_that_open_a_world_are_taken_by_a_record_of_nothing() -> None:
    assert len(Record(opened_world()).streams) == len({fact["id"] for fact in opened_world()})


def test_an_older_event_without_the_optional_fields_of_today_is_read() -> None:
    old = b'{"data":{"title":"Aircraft"},"sources":[]}'
    assert plain(load_fact("DealAnnounced", "deal:a", old).content)["kind"] == "UNKNOWN"


def test_a_newer_event_with_a_field_of_tomorrow_is_read() -> None:
    newer = b'{"data":{"colour":"blue","title":"Aircraft"},"sources":[]}'
    assert load_fact("DealAnnounced", "deal:a", newer).event == "DealAnnounced"


@pytest.mark.parametrize("state", [b"", b"{", b"[]", b'{"data":{}}', b'{"data":7,"sources":[]}', b"\xff"])
def test_bytes_that_are_no_event_raise_a_value_error(state: bytes) -> None:
    with pytest.raises(ValueError):
        load_fact("DealAnnounced", "deal:a", state)


def test_a_country_that_is_no_more_does_not_stop_an_old_event_from_being_read() -> None:
    fact: Fact = read_fact(example("MinistryAnnounced", country="XYZ"))
    assert load_fact(fact.event, fact.id, canonical(body(fact))) == fact


# Names on disk. They are for ever: what these tests miss, older records would lose.

UPDATE = "To add a name on purpose: python -m tests.support.names_on_disk, and commit tests/data/catalogue.json."


def golden() -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(GOLDEN.read_text("utf-8"))
    return kept


def test_every_name_on_disk_is_kept() -> None:
    assert broken_promises(golden(), names_on_disk()) == [], UPDATE


def test_the_golden_file_knows_every_event() -> None:
    assert set(golden()["events"]) == set(CATALOGUE), UPDATE


def changed(*path: str, to: Any = None) -> dict[str, Any]:
    """The names of today with one of them changed, or gone."""
    now = deepcopy(names_on_disk())
    place = now
    for name in path[:-1]:
        place = place[name]
    if to is None:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return now


DEAL_FIELDS = ("events", "DealAnnounced", "fields")


@pytest.mark.parametrize(
    "now",
    [
        changed("events", "DealAnnounced"),
        changed("events", "DealAnnounced", "nouns", to=["party"]),
        changed(*DEAL_FIELDS, "title"),
        changed(*DEAL_FIELDS, "title", "type", to="int"),
        changed(*DEAL_FIELDS, "kind", "required", to=True),
        changed(*DEAL_FIELDS, "colour", to={"type": "str", "required": True}),
        changed("values", "Money", "basis"),
        changed("values", "Money"),
        changed("codes", "MoneyBasis", to=["CONTRACT"]),
        changed("values", "Fact", "occurred_on"),
    ],
)
def test_a_name_changed_or_gone_or_a_new_required_field_is_noticed(now: dict[str, Any]) -> None:
    assert broken_promises(names_on_disk(), now)


@pytest.mark.parametrize(
    "now",
    [
        changed(*DEAL_FIELDS, "colour", to={"type": "str", "required": False}),
        changed(*DEAL_FIELDS, "title", "required", to=False),
        changed("events", "DealPainted", to={"nouns": ["deal"], "fields": {}}),
        changed("codes", "Stance", to=["DOUBTS", "DENIES", "REPEATS", "ASSERTS"]),
    ],
)
def test_a_new_optional_field_event_or_code_passes(now: dict[str, Any]) -> None:
    assert broken_promises(names_on_disk(), now) == []
