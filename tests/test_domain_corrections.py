"""Corrections, retractions, further claims and adoptions: what they refuse and what a stream holds after them."""

from typing import Any

import pytest

from domain.catalogue import CATALOGUE
from domain.deal_terms import OptionExercised
from domain.fact import field_names
from tests.support.examples import (
    AIRLINE,
    ARTICLE,
    BANK,
    CONTRACT,
    DEAL,
    MAKER,
    MINISTRY,
    RELATION,
    RELEASE,
    REPRINT,
    Record,
    bare,
    dollars,
    example,
    given,
    number,
)

EDITORIAL = [name for name, event in CATALOGUE.items() if event.editorial]
CAUSES = ["CLERICAL", "MISREAD", "SOURCE_CORRECTED", "WRONG_ENTITY", "WRONG_UNIT"]


def corrected(target: int, field: str, now: Any, id: str = DEAL, **changes: Any) -> dict[str, Any]:
    return example("FactCorrected", id=id, target=target, field=field, now=now, **changes)


def retracted(target: int, id: str = DEAL) -> dict[str, Any]:
    return example("EventRetracted", id=id, target=target)


def claimed(target: int, field: str, value: Any, stance: str = "ASSERTS", id: str = DEAL) -> dict[str, Any]:
    sources = [{"source": ARTICLE, "stance": stance}]
    return example("FactClaimed", id=id, target=target, field=field, value=value, sources=sources)


def adopted(claim: str) -> dict[str, Any]:
    return example("ClaimAdopted", claim=claim)


def exercised(count: str) -> dict[str, Any]:
    return example("OptionExercised", quantity=number(count, "aircraft"))


def open_options(record: Record) -> int:
    return int(getattr(record.get(DEAL), "open_options")("jets"))  # noqa: B009  # only deals have it


def test_a_correction_changes_one_field_and_keeps_what_was_recorded() -> None:
    record = given(corrected(1, "title", "22 aircraft"))
    held = record.held(DEAL, 1)
    assert record.value(DEAL, 1, "title") == "22 aircraft"
    assert getattr(held.original.content, "title") == "Aircraft"  # noqa: B009
    assert held.corrections == {"title": 8}


def test_the_latest_correction_of_a_field_wins() -> None:
    record = given(corrected(1, "title", "One"), corrected(1, "kind", "SUPPLY"), corrected(1, "title", "Two"))
    assert record.value(DEAL, 1, "title") == "Two"
    assert record.held(DEAL, 1).corrections == {"title": 10, "kind": 9}


def test_a_correction_is_the_whole_new_value() -> None:
    record = given(
        example("DealValueReported", line=None),
        corrected(8, "money", {"high": "9", "modifier": "UP_TO", "currency": "EUR"}),
    )
    money = record.value(DEAL, 8, "money")
    assert (money.low, money.high, money.currency, money.basis) == (None, "9", "EUR", None)


def test_a_correction_to_null_takes_an_optional_field_away() -> None:
    record = given(example("DealValueReported"), corrected(8, "line", None), corrected(1, "parties", None))
    assert record.value(DEAL, 8, "line") is None
    assert record.value(DEAL, 1, "parties") == ()


@pytest.mark.parametrize(("target", "field"), [(1, "title"), (2, "money"), (3, "commitment")])
def test_a_required_field_cannot_be_taken_away(target: int, field: str) -> None:
    assert given().refuse(corrected(target, field, None)) == ("INVALID_VALUE", "data.now")


def test_the_date_and_the_sources_can_be_corrected() -> None:
    record = given(corrected(1, "occurred_on", "2025-09"), corrected(1, "sources", [{"source": ARTICLE}]))
    fact = record.held(DEAL, 1).fact
    assert fact.occurred_on == "2025-09"
    assert [source.source for source in fact.sources] == [ARTICLE]


@pytest.mark.parametrize("now", [[], None])
def test_a_correction_leaves_at_least_one_source(now: Any) -> None:
    assert given().refuse(corrected(1, "sources", now)) == ("NO_SOURCE", "data.now")


def test_the_sources_of_a_source_may_be_taken_away() -> None:
    record = given(corrected(1, "sources", [{"source": ARTICLE}], id=RELEASE))
    record.take(corrected(1, "sources", None, id=RELEASE))
    assert record.held(RELEASE, 1).fact.sources == ()


@pytest.mark.parametrize("field", ["id", "event", "data", "version", "target", "nowhere", "money.low"])
def test_only_a_top_level_field_of_the_event_can_be_corrected_never_its_id(field: str) -> None:
    assert given().refuse(corrected(2, field, "deal:other")) == ("UNKNOWN_TARGET", "data.field")


@pytest.mark.parametrize(
    ("target", "field", "now"),
    [
        (1, "title", ""),
        (1, "title", 7),
        (1, "kind", "GIFT"),
        (1, "occurred_on", "2025-13"),
        (1, "sources", [{"source": "nowhere"}]),
        (1, "parties", [{"party": AIRLINE}]),
        (2, "money", dollars("8.5", currency="ZZZ")),
        (2, "money", dollars("8.5", modifier="UP_TO")),
        (2, "money", dollars("8.5") | {"bogus": 1}),
        (1, "parties", [{"party": AIRLINE, "role": "BUYER", "share": "1"}]),
        (1, "sources", [{"source": ARTICLE, "page": "1"}]),
    ],
)
def test_a_new_value_is_validated_like_the_original(target: int, field: str, now: Any) -> None:
    assert given().refuse(corrected(target, field, now)) == ("INVALID_VALUE", "data.now")
    if field != "sources":
        assert given().refuse(claimed(target, field, now)) == ("INVALID_VALUE", "data.value")


def test_a_new_value_cannot_name_what_is_unknown() -> None:
    parties = [{"party": "party:nobody", "role": "BUYER"}]
    assert given().refuse(corrected(1, "parties", parties)) == ("UNKNOWN_REFERENCE", "data.now")
    sources = [{"source": "source:nowhere"}]
    assert given().refuse(corrected(1, "sources", sources)) == ("UNKNOWN_REFERENCE", "data.now")


@pytest.mark.parametrize("target", [8, 9, 2**53 - 1])
def test_a_version_that_is_not_there_yet_is_refused(target: int) -> None:
    for fact in (corrected(target, "title", "x"), retracted(target), claimed(target, "title", "x")):
        assert given().refuse(fact) == ("UNKNOWN_TARGET", "data.target")


@pytest.mark.parametrize("target", [0, -1, 2**53, 10**400, "1", True, None])
def test_a_version_is_a_number_from_1_on(target: Any) -> None:
    fact = retracted(1)
    fact["data"]["target"] = target
    assert given().refuse(fact) == ("INVALID_VALUE", "data.target")


@pytest.mark.parametrize("cause", CAUSES)
def test_a_correction_says_why_the_record_was_wrong(cause: str) -> None:
    record = given(corrected(1, "title", "x", cause=cause), example("EventRetracted", target=2, cause=cause))
    assert record.get(DEAL).version == 9
    assert given().refuse(corrected(1, "title", "x", cause=None))[0] == "INVALID_VALUE"


@pytest.mark.parametrize("event", EDITORIAL)
def test_an_act_on_the_record_is_retracted_not_corrected(event: str) -> None:
    act = example(event)
    target = 8 if act["id"] == DEAL else 2
    refused = given(act).refuse(corrected(target, "reason", "another", id=act["id"]))
    assert refused in [("UNKNOWN_TARGET", "data.target"), ("PARTY_MERGED", "id")]
    assert given(act, retracted(target, act["id"])).held(act["id"], target).retracted_by == target + 1


def test_a_retracted_fact_is_left_out_of_what_stands() -> None:
    record = given(exercised("8"), retracted(8))
    assert list(record.get(DEAL).live(OptionExercised)) == []
    assert open_options(record) == 8


def test_a_retraction_can_be_retracted_and_the_fact_stands_again() -> None:
    record = given(exercised("8"), retracted(8), retracted(9))
    assert record.held(DEAL, 8).live
    assert open_options(record) == 0
    record.take(retracted(10))
    assert not record.held(DEAL, 8).live


def test_a_correction_can_be_retracted_and_the_one_before_it_stands_again() -> None:
    record = given(corrected(1, "title", "One"), corrected(1, "title", "Two"), retracted(9))
    assert record.value(DEAL, 1, "title") == "One"
    record.take(retracted(8))
    assert record.value(DEAL, 1, "title") == "Aircraft"
    assert record.held(DEAL, 1).corrections == {}
    record.take(retracted(10))
    assert record.value(DEAL, 1, "title") == "Two"


def test_what_is_retracted_cannot_be_retracted_again() -> None:
    assert given(retracted(2)).refuse(retracted(2)) == ("UNKNOWN_TARGET", "data.target")


def test_a_retracted_opening_event_leaves_the_id_taken() -> None:
    record = given(retracted(1))
    assert record.refuse(example("DealAnnounced", id=DEAL)) == ("ALREADY_EXISTS", "id")
    assert not record.held(DEAL, 1).live
    record.take(exercised("8"))


def test_what_is_refused_is_judged_on_the_corrected_state() -> None:
    fewer = corrected(4, "quantity", number("6", "aircraft"))
    assert given(fewer).refuse(exercised("7")) == ("TOO_MANY_OPTIONS", "data.quantity")
    assert open_options(given(fewer, retracted(8), exercised("7"))) == 1
    assert given(retracted(4)).refuse(exercised("1")) == ("TOO_MANY_OPTIONS", "data.quantity")
    renamed = corrected(5, "key", "licence")
    assert given(renamed).refuse(example("ConditionMet")) == ("UNKNOWN_KEY", "data.condition")


def test_a_correction_is_judged_as_the_original_was() -> None:
    nine = corrected(8, "quantity", number("9", "aircraft"))
    assert given(exercised("5")).refuse(nine) == ("TOO_MANY_OPTIONS", "data.now")
    assert open_options(given(exercised("5"), corrected(8, "quantity", number("8", "aircraft")))) == 0
    nowhere = corrected(8, "line", "nowhere")
    assert given(exercised("5")).refuse(nowhere) == ("UNKNOWN_KEY", "data.now")


def test_what_a_retraction_brings_back_is_judged_again() -> None:
    exercised_anew = given(exercised("8"), retracted(8), exercised("8"))
    assert exercised_anew.refuse(retracted(9)) == ("TOO_MANY_OPTIONS", "data.target")
    fewer = corrected(8, "quantity", number("2", "aircraft"))
    corrected_down = given(exercised("8"), fewer, exercised("6"))
    assert corrected_down.refuse(retracted(9)) == ("TOO_MANY_OPTIONS", "data.target")


def test_a_correction_may_leave_fewer_options_than_were_exercised() -> None:
    record = given(exercised("8"), corrected(4, "quantity", number("6", "aircraft")))
    assert open_options(record) == 0


def test_a_slip_beside_what_no_longer_fits_can_still_be_put_right() -> None:
    record = given(exercised("8"), corrected(4, "quantity", number("6", "aircraft")))
    record.take(corrected(8, "occurred_on", "2025-11"))
    record.take(corrected(8, "quantity", number("7", "aircraft")))
    assert record.value(DEAL, 8, "quantity").low == "7"


def test_the_rules_of_a_stream_hold_for_its_corrections() -> None:
    record = given(example("IndicatorReported"))
    both = corrected(2, "quantity", number("2", "firms"), id=RELATION)
    assert record.refuse(both) == ("INVALID_VALUE", "data.now")
    opened = given(bare("MinistryEstablished", "institution:new", name="Ministry", country="KAZ"))
    nameless = corrected(1, "name", None, id="institution:new")
    assert opened.refuse(nameless) == ("INVALID_VALUE", "data.now")
    announced = given(example("MinistryEstablished", id=MINISTRY), corrected(2, "name", None, id=MINISTRY))
    assert announced.value(MINISTRY, 2, "name") is None


def test_no_source_is_derived_from_itself_by_way_of_a_correction() -> None:
    assert given().refuse(corrected(1, "derived_from", RELEASE, id=RELEASE)) == ("INVALID_VALUE", "data.now")
    assert given().refuse(corrected(1, "derived_from", REPRINT, id=RELEASE)) == ("INVALID_VALUE", "data.now")
    record = given(corrected(1, "derived_from", ARTICLE, id=RELEASE))
    assert record.refuse(corrected(1, "derived_from", REPRINT, id=ARTICLE)) == ("INVALID_VALUE", "data.now")


def test_no_merger_comes_back_that_leads_back() -> None:
    merged = given(example("PartyMerged"), retracted(2, BANK), example("PartyMerged", id=MAKER, into=BANK))
    assert merged.refuse(retracted(3, BANK)) == ("INVALID_VALUE", "data.target")


def test_another_source_may_repeat_contradict_or_deny_a_field() -> None:
    record = given(
        claimed(2, "money", dollars("8500000000"), "REPEATS"),
        claimed(2, "money", dollars("8000000000")),
        claimed(2, "money", None, "DENIES"),
        claimed(2, "money", dollars("8500000000"), "DENIES"),
        claimed(1, "occurred_on", "2025-09"),
        claimed(1, "purpose", "to renew the fleet"),
    )
    assert record.get(DEAL).version == 13
    assert record.value(DEAL, 2, "money").low == "8500000000"


@pytest.mark.parametrize("stance", ["ASSERTS", "REPEATS"])
def test_a_claim_that_neither_says_nor_denies_anything_is_refused(stance: str) -> None:
    assert given().refuse(claimed(2, "money", None, stance)) == ("INVALID_VALUE", "data.value")


@pytest.mark.parametrize("field", ["nowhere", "sources", "id"])
def test_a_claim_speaks_of_a_field_of_the_event(field: str) -> None:
    assert given().refuse(claimed(2, field, "x")) == ("UNKNOWN_TARGET", "data.field")


def test_a_claim_speaks_of_a_first_report() -> None:
    record = given(claimed(1, "title", "x"), retracted(2))
    assert record.refuse(claimed(8, "value", "y")) == ("UNKNOWN_TARGET", "data.target")
    assert record.refuse(claimed(9, "reason", "y")) == ("UNKNOWN_TARGET", "data.target")


def test_a_corrected_claim_is_validated_as_a_claim() -> None:
    record = given(claimed(2, "money", dollars("8"), "DENIES"))
    assert record.refuse(corrected(8, "value", "eight")) == ("INVALID_VALUE", "data.now")
    assert record.refuse(corrected(8, "field", "nowhere")) == ("UNKNOWN_TARGET", "data.now")
    assert record.refuse(corrected(8, "target", 8)) == ("UNKNOWN_TARGET", "data.now")
    assert record.refuse(corrected(8, "target", 1)) == ("UNKNOWN_TARGET", "data.now")
    record.take(corrected(8, "value", None))
    assert record.refuse(corrected(8, "sources", [{"source": ARTICLE}])) == ("INVALID_VALUE", "data.now")


def test_a_claim_that_stands_can_be_adopted() -> None:
    record = given(
        claimed(2, "money", dollars("8000000000")),
        adopted(f"{DEAL}@2#money"),
        adopted(f"{DEAL}@8#value"),
        corrected(1, "title", "22 aircraft"),
        adopted(f"{DEAL}@11#now"),
    )
    assert record.get(DEAL).version == 12


@pytest.mark.parametrize(
    "claim",
    [
        f"{DEAL}@9#money",
        f"{DEAL}@0#money",
        f"{DEAL}@02#money",
        f"{DEAL}@²#money",
        f"{DEAL}@-1#money",
        f"{DEAL}@2",
        f"{DEAL}@2#",
        f"{DEAL}@2#nowhere",
        f"{DEAL}@2#line",
        f"{DEAL}@2#sources",
        f"{DEAL}#money",
        f"{CONTRACT}@1#kind",
        "money",
        DEAL + "@" + "9" * 400 + "#money",
    ],
)
def test_what_is_no_claim_of_the_stream_cannot_be_adopted(claim: str) -> None:
    assert given().refuse(adopted(claim)) == ("UNKNOWN_TARGET", "data.claim")


def test_a_claim_that_stands_no_more_cannot_be_adopted() -> None:
    gone = given(
        retracted(2), corrected(1, "title", "One"), corrected(1, "title", "Two"), claimed(1, "kind", None, "DENIES")
    )
    for claim in ("2#money", "1#title", "9#now", "8#reason", "11#value", "11#target"):
        assert gone.refuse(adopted(f"{DEAL}@{claim}")) == ("UNKNOWN_TARGET", "data.claim")


@pytest.mark.parametrize("event", [name for name in CATALOGUE if name not in EDITORIAL])
def test_every_field_of_every_event_can_be_corrected_to_what_it_is(event: str) -> None:
    fact = example(event)
    record = given(fact)
    version = record.get(fact["id"]).version
    before = record.held(fact["id"], version).fact
    for field in field_names(CATALOGUE[event]):
        now = fact["data"].get(field, fact.get(field))
        record.take(corrected(version, field, now, id=fact["id"]))
    after = record.held(fact["id"], version)
    assert after.fact == before
    assert set(after.corrections) == set(field_names(CATALOGUE[event]))
