"""What the record refuses, and that it takes everything else however odd: given facts, one more, its outcome."""

from typing import Any

import pytest

from domain.catalogue import CATALOGUE, HOMES, new_aggregate
from domain.fact import Refused
from tests.support.examples import (
    AGENCY,
    AIRLINE,
    BANK,
    CONTRACT,
    DEAL,
    EXAMPLES,
    MAKER,
    MINISTRY,
    RELEASE,
    UNSOURCED,
    Record,
    bare,
    dollars,
    example,
    given,
    number,
)

OPENING = [name for name, event in CATALOGUE.items() if event.opens]
LATER = [name for name, event in CATALOGUE.items() if not event.opens]
REFERENCES = {
    "SourceRegistered": "derived_from", "PartyMerged": "into", "PartySucceeded": "successor",
    "MinistryAnnounced": "gathering", "MinistryEstablished": "predecessor", "AgreementRatified": "party",
    "AgreementAccededTo": "party", "AgreementWithdrawnFrom": "party", "AgreementEnteredIntoForce": "party",
    "AgreementAmended": "by", "AgreementExtended": "by", "AgreementSuperseded": "by", "AgreementAnnounced": "gathering",
    "AgreementAdopted": "gathering", "AgreementSigned": "gathering", "DealAnnounced": "gathering",
    "FinancingOffered": "financier", "OwnershipStated": "party", "PaymentMade": "payee",
    "DealLinkedToAgreement": "agreement", "DealSuperseded": "by", "InvestmentAnnounced": "host",
    "InvestmentMade": "investor", "ProgrammeAnnounced": "gathering", "DealIncluded": "deal", "DealExcluded": "deal",
}  # fmt: skip


def aircraft(count: str, **changes: Any) -> dict[str, Any]:
    return number(count, "aircraft", **changes)


@pytest.mark.parametrize("event", [name for name in CATALOGUE if name not in UNSOURCED])
def test_a_fact_without_a_source_is_refused(event: str) -> None:
    assert given().refuse(example(event, sources=[])) == ("NO_SOURCE", "sources")


@pytest.mark.parametrize("event", sorted(UNSOURCED))
def test_a_source_and_an_act_on_the_record_need_no_source(event: str) -> None:
    record = given()
    record.take(example(event, sources=[]))
    assert record.get(example(event)["id"]).version > 0


@pytest.mark.parametrize("event", sorted(UNSOURCED - {"SourceRegistered"}))
def test_an_act_on_the_record_needs_a_reason(event: str) -> None:
    assert given().refuse(example(event, reason=None)) == ("INVALID_VALUE", "data")


@pytest.mark.parametrize("event", list(CATALOGUE))
def test_an_unknown_source_is_refused(event: str) -> None:
    sources = [{"source": RELEASE}, {"source": "source:nowhere"}]
    assert given().refuse(example(event, sources=sources)) == ("UNKNOWN_REFERENCE", "sources[1].source")


@pytest.mark.parametrize(("event", "field"), REFERENCES.items())
def test_an_unknown_id_is_refused(event: str, field: str) -> None:
    nowhere = f"{EXAMPLES[event][1][field].partition(':')[0]}:nowhere"
    assert given().refuse(example(event, **{field: nowhere})) == ("UNKNOWN_REFERENCE", f"data.{field}")


@pytest.mark.parametrize(("event", "field"), REFERENCES.items())
def test_an_id_of_another_noun_is_refused(event: str, field: str) -> None:
    assert given().refuse(example(event, **{field: "relation:us-uz"})) == ("INVALID_VALUE", f"data.{field}")


def test_an_unknown_party_in_a_list_is_named_by_its_place() -> None:
    parties = [{"party": AIRLINE, "role": "BUYER"}, {"party": "party:nobody", "role": "SELLER"}]
    deal = example("DealAnnounced", parties=parties)
    assert given().refuse(deal) == ("UNKNOWN_REFERENCE", "data.parties[1].party")
    signed = example("AgreementSigned", signatories=[AIRLINE, "party:nobody"])
    assert given().refuse(signed) == ("UNKNOWN_REFERENCE", "data.signatories[1]")


@pytest.mark.parametrize("event", OPENING)
def test_an_opening_event_on_an_id_that_exists_is_refused(event: str) -> None:
    opened = example(event)
    assert given(opened).refuse(opened) == ("ALREADY_EXISTS", "id")


@pytest.mark.parametrize("event", LATER)
def test_a_later_event_on_an_id_that_does_not_exist_is_refused(event: str) -> None:
    noun = HOMES[event][0]
    assert given().refuse(example(event, id=f"{noun}:nowhere")) == ("NOT_FOUND", "id")


def test_of_two_opening_events_the_other_may_follow() -> None:
    record = given(
        bare("MinistryAnnounced", "institution:new", name="Ministry", country="KAZ"),
        bare("MinistryEstablished", "institution:new", legal_act="Decree 1"),
        bare("AgreementSigned", "agreement:new"),
        bare("AgreementAdopted", "agreement:new"),
        bare("AgreementAnnounced", "agreement:new"),
        bare("InvestmentMade", "investment:new", investor=MAKER, host=AIRLINE),
        bare("InvestmentAnnounced", "investment:new", investor=MAKER, host=AIRLINE),
    )
    assert record.get("agreement:new").version == 3


def test_what_followed_by_mistake_can_follow_again_once_it_is_retracted() -> None:
    signed = bare("AgreementSigned", "agreement:new")
    retraction = example("EventRetracted", id="agreement:new", target=2)
    record = given(bare("AgreementAnnounced", "agreement:new"), signed, retraction, signed)
    assert record.get("agreement:new").version == 4


def test_a_ministry_that_begins_established_needs_its_name_and_country() -> None:
    established = example("MinistryEstablished", predecessor=None)
    assert given().refuse(established | {"data": {}}) == ("INVALID_VALUE", "data.name")
    assert given().refuse(established | {"data": {"name": "Ministry"}}) == ("INVALID_VALUE", "data.country")


@pytest.mark.parametrize(("event", "noun"), [("DealCancelled", "party"), ("DealAnnounced", "relation")])
def test_an_event_of_another_noun_is_refused(event: str, noun: str) -> None:
    assert given().refuse(example(event, id=f"{noun}:us-uz")) == ("WRONG_NOUN", "id")


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ("DealValueReported", "line"),
        ("OptionExercised", "line"),
        ("OptionExpired", "line"),
        ("GoodsDelivered", "line"),
        ("DeliveryScheduled", "line"),
        ("ConditionSet", "financing"),
        ("ConditionMet", "condition"),
        ("FinancingCommitted", "financing"),
        ("FinancingLapsed", "financing"),
    ],
)
def test_an_unknown_key_is_refused(event: str, field: str) -> None:
    assert given().refuse(example(event, **{field: "nowhere"})) == ("UNKNOWN_KEY", f"data.{field}")


def test_an_unknown_line_among_several_is_named_by_its_place() -> None:
    firmed = example("CommitmentFirmed", lines=["jets", "nowhere"])
    assert given().refuse(firmed) == ("UNKNOWN_KEY", "data.lines[1]")


def test_a_key_of_a_retracted_report_is_unknown() -> None:
    record = given(example("EventRetracted", target=3), example("EventRetracted", target=4))
    assert record.refuse(example("GoodsDelivered")) == ("UNKNOWN_KEY", "data.line")


def test_more_options_than_are_open_are_refused() -> None:
    nine = example("OptionExercised", quantity=aircraft("9"))
    assert given().refuse(nine) == ("TOO_MANY_OPTIONS", "data.quantity")


def test_options_that_were_exercised_or_ran_out_are_open_no_more() -> None:
    record = given(
        example("OptionExercised", quantity=aircraft("3")),
        example("OptionExpired", quantity=aircraft("2")),
        example("OptionExercised", quantity=aircraft("3")),
    )
    one = example("OptionExercised", quantity=aircraft("1"))
    assert record.refuse(one) == ("TOO_MANY_OPTIONS", "data.quantity")


def test_the_latest_report_says_how_many_options_there_are() -> None:
    more = example("DealLineReported", key="jets", quantity=aircraft("12"), commitment="OPTION")
    record = given(more, example("OptionExercised", quantity=aircraft("12")))
    assert record.refuse(example("OptionExercised", quantity=aircraft("1"))) == ("TOO_MANY_OPTIONS", "data.quantity")


def test_a_line_without_options_has_none_to_exercise() -> None:
    record = given(example("DealLineReported", key="engines", commitment="PURCHASE_RIGHT"))
    some = {"unit": "engines", "modifier": "UNDISCLOSED", "as_stated": "several"}
    for quantity in (number("1", "engines"), some):
        exercised = example("OptionExercised", line="engines", quantity=quantity)
        assert record.refuse(exercised) == ("TOO_MANY_OPTIONS", "data.quantity")


def test_options_are_counted_without_rounding() -> None:
    many = "9" * 30 + ".999999999999"
    record = given(example("DealLineReported", key="jets", quantity=aircraft(many), commitment="OPTION"))
    record.take(example("OptionExercised", quantity=aircraft("0.000000000001")))
    assert record.refuse(example("OptionExercised", quantity=aircraft(many))) == ("TOO_MANY_OPTIONS", "data.quantity")


def test_an_event_on_a_merged_party_is_refused() -> None:
    record = given(example("PartyMerged"))
    for event in ("PartyRenamed", "PartyIdentified", "PartySucceeded", "EffectClaimed", "PartyMerged"):
        assert record.refuse(example(event, id=BANK)) == ("PARTY_MERGED", "id")
    corrected = example("FactCorrected", id=BANK, target=1, field="name", now="Bank")
    assert record.refuse(corrected) == ("PARTY_MERGED", "id")


def test_a_merger_can_be_retracted_and_the_party_lives_on() -> None:
    record = given(example("PartyMerged"), example("EventRetracted", id=BANK, target=2))
    record.take(example("PartyRenamed", id=BANK))
    assert record.get(BANK).version == 4


def test_a_merged_party_can_still_be_named_elsewhere() -> None:
    record = given(example("PartyMerged"), example("FinancingOffered", financier=BANK))
    assert record.get(DEAL).version == 8


def test_a_merger_that_leads_back_is_refused() -> None:
    to_itself = example("PartyMerged", id=MAKER, into=MAKER)
    assert given().refuse(to_itself) == ("INVALID_VALUE", "data.into")
    record = given(example("PartyMerged", id=BANK, into=AIRLINE), example("PartyMerged", id=AIRLINE, into=MAKER))
    assert record.refuse(example("PartyMerged", id=MAKER, into=BANK)) == ("INVALID_VALUE", "data.into")


@pytest.mark.parametrize("date", ["2025-13", "22.09.2025", "", "2026/2025"])
def test_an_invalid_date_is_refused(date: str) -> None:
    assert given().refuse(example("DealCancelled", occurred_on=date)) == ("INVALID_VALUE", "occurred_on")
    convened = example("GatheringConvened", period=date)
    assert given().refuse(convened) == ("INVALID_VALUE", "data.period")


def test_an_invalid_country_currency_lei_or_share_is_refused() -> None:
    lei = {"scheme": "LEI", "value": "RVHJWBXLJ1RFUBSY1F31"}
    refused = [
        example("PartyRegistered", seat="XYZ"),
        example("PaymentMade", money=dollars("1", currency="ZZZ")),
        example("PartyRegistered", identifiers=[lei]),
        example("OwnershipStated", percent="101"),
    ]
    fields = ["data.seat", "data.money.currency", "data.identifiers[0].value", "data.percent"]
    assert [given().refuse(fact) for fact in refused] == [("INVALID_VALUE", field) for field in fields]


ODD = {
    "in force before it is signed": example("AgreementEnteredIntoForce", occurred_on="1801"),
    "delivered before it is announced": example("GoodsDelivered", occurred_on="1801"),
    "more delivered than ordered": example("GoodsDelivered", quantity=aircraft("4000")),
    "fewer delivered than none": example("GoodsDelivered", quantity=aircraft("-1")),
    "more options ran out than are open": example("OptionExpired", quantity=aircraft("9")),
    "no option exercised": example("OptionExercised", quantity=aircraft("0")),
    "an unknown number of options exercised": example(
        "OptionExercised", quantity={"unit": "aircraft", "modifier": "UNDISCLOSED", "as_stated": "some"}
    ),
    "a delivery moved that was never scheduled": example("DeliveryRescheduled", delivery="nowhere"),
    "goods of a delivery that was never scheduled": example("GoodsDelivered", delivery="nowhere"),
    "a line reported again": example("DealLineReported", key="jets"),
    "a condition set again": example("ConditionSet", key="funds"),
    "a financing offered again": example("FinancingOffered", key="loan"),
    "a delivery scheduled again": example("DeliveryScheduled", key="first"),
    "money without a basis": example("DealValueReported", money=dollars("1", None)),
    "an amount below nothing": example("DealValueReported", money=dollars("-8.5")),
    "a deal of nobody": example("DealAnnounced", parties=[]),
    "a relation of nobody": example("RelationOpened", parties=[]),
    "a relation of one": example("RelationOpened", parties=[MAKER]),
    "a party that succeeds itself": example("PartySucceeded", successor=AIRLINE),
    "a deal that supersedes itself": example("DealSuperseded", by=DEAL),
    "a date far in the future": example("DealCompleted", occurred_on="9999"),
    "no date": example("DealCompleted", occurred_on=None),
    "a deal resumed that was never paused": example("DealResumed"),
    "a source withdrawn twice": example("SourceWithdrawn", id=RELEASE),
    "a programme without the deal it excludes": example("DealExcluded"),
    "an agreement left by who never joined": example("AgreementWithdrawnFrom", party=BANK),
    "the same source twice": example("DealCompleted", sources=[{"source": RELEASE}, {"source": RELEASE}]),
}


@pytest.mark.parametrize("what", ODD)
def test_everything_else_that_looks_wrong_is_taken(what: str) -> None:
    record = given(example("SourceWithdrawn", id=RELEASE))
    before = record.get(ODD[what]["id"]).version
    record.take(ODD[what])
    assert record.get(ODD[what]["id"]).version == before + 1


def test_a_deal_goes_on_after_its_end() -> None:
    ends = ["DealCompleted", "DealCancelled", "DealTerminated", "DealLapsed", "DealSuperseded"]
    record = given(*(example(end) for end in ends), example("OptionExercised"), example("DealResumed"))
    assert record.get(DEAL).version == 7 + len(ends) + 2


def test_shares_may_add_up_to_more_than_the_whole() -> None:
    record = given(example("OwnershipStated", percent="90"), example("OwnershipStated", party=MAKER, percent="90"))
    assert record.get(DEAL).version == 9


def test_a_rate_of_local_content_is_given_in_percent() -> None:
    rate = example("LocalizationRateReported", percent=number("45", "tonnes"))
    assert given().refuse(rate) == ("INVALID_VALUE", "data.percent.unit")


@pytest.mark.parametrize("figures", [{}, {"quantity": number("2", "firms"), "money": dollars("1")}])
def test_an_indicator_is_one_number(figures: dict[str, Any]) -> None:
    report = example("IndicatorReported", **{"quantity": None, "money": None} | figures)
    assert given().refuse(report) == ("INVALID_VALUE", "data.quantity")


def test_a_mandate_says_what_for_or_by_which_act() -> None:
    assert given().refuse(example("MandateDefined", topics=[], legal_act=None)) == ("INVALID_VALUE", "data.topics")
    assert given(example("MandateDefined", topics=[])).get(MINISTRY).version == 2


def test_a_fact_may_rest_on_what_was_recorded_just_before_it() -> None:
    first = bare("SourceRegistered", "source:a", kind="NEWS", title="A")
    second = bare("SourceRegistered", "source:b", kind="NEWS", title="B", derived_from="source:a")
    assert Record([first, second]).versions() == {"source:a": 1, "source:b": 1}
    assert Record().refuse(second) == ("UNKNOWN_REFERENCE", "data.derived_from")


def test_an_id_of_an_unknown_noun_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        new_aggregate("ship:a")
    assert (refusal.value.code, refusal.value.field) == ("INVALID_VALUE", "id")


def test_a_refusal_reads_as_a_sentence_with_the_field() -> None:
    with pytest.raises(Refused, match=r"^data\.quantity: 9 options exercised, but 8 are open on line 'jets'$"):
        given().take(example("OptionExercised", quantity=aircraft("9")))


def test_streams_are_apart() -> None:
    record = given(example("DealCancelled"))
    assert record.get(CONTRACT).version == record.get(AGENCY).version == 1
