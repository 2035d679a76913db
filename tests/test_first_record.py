"""The first record: all 33 facts of the article and all 60 claims are in it, attributed, and as they are stated."""

import csv
import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from domain.catalogue import new_aggregate
from domain.common import FactClaimed
from domain.deal import Deal, DealLinkedToAgreement
from domain.deal_terms import DealValueReported
from domain.fact import Fact, body, field_values, patched
from domain.source import SourceRegistered
from domain.stream import Aggregate
from domain.values import Stated, WorldDate
from service.first_record import FIRST_RECORD_ACTOR, first_record, first_record_parts

DATA = Path(__file__).parent / "data"
ARTICLE = "source:asb-media-2025-09"
MAP: dict[str, dict[str, list[str]]] = json.loads((DATA / "first_record_map.json").read_text("utf-8"))
ROWS = list(csv.DictReader((DATA / "story_claims.csv").read_text("utf-8").splitlines()))

FACTS: dict[int, tuple[int, set[str]]] = {
    1: (1, {"AssessmentVoiced"}),
    2: (1, {"AgreementSigned", "ProgrammeAnnounced"}),
    3: (1, {"AgreementSigned"}),
    4: (1, {"GatheringConvened", "AgreementSigned"}),
    5: (1, {"GatheringConvened", "AgreementSigned"}),
    6: (1, {"SectorAssigned"}),
    7: (2, {"MinistryAnnounced"}),
    8: (2, {"MinistryAnnounced"}),
    9: (2, {"MandateDefined"}),
    10: (2, {"AssessmentVoiced"}),
    11: (3, {"AgreementSigned"}),
    12: (3, {"AgreementSigned"}),
    13: (3, {"AgreementSigned", "EffectClaimed"}),
    14: (4, {"PartyRegistered"}),
    15: (4, {"InvestmentMade"}),
    16: (4, {"InvestmentMade"}),
    17: (4, {"OutputReported"}),
    18: (4, {"LocalizationRateReported"}),
    19: (4, {"EffectClaimed"}),
    20: (5, {"DealAnnounced", "AgreementSigned", "DealLinkedToAgreement"}),
    21: (5, {"DealValueReported"}),
    22: (5, {"DealLineReported"}),
    23: (5, {"EffectClaimed"}),
    24: (5, {"EffectClaimed"}),
    25: (5, {"EffectClaimed"}),
    26: (5, {"EffectClaimed"}),
    27: (5, {"IndicatorReported"}),
    28: (5, {"IndicatorReported"}),
    29: (6, {"AssessmentVoiced"}),
    30: (6, {"AssessmentVoiced"}),
    31: (6, {"AssessmentVoiced"}),
    32: (6, {"EffectClaimed"}),
}
"""Facts of the article by number: the paragraph and the events that hold it. Number 33 is the article itself."""


class Opened:
    """What the record knows so far."""

    def __init__(self) -> None:
        self.streams: dict[str, Aggregate] = {}

    def exists(self, id: str) -> bool:
        return id in self.streams

    def get(self, id: str) -> Aggregate:
        return self.streams[id]


@cache
def recorded() -> dict[str, Aggregate]:
    """Every stream, recorded in order; a refusal fails the test that asks."""
    world = Opened()
    for fact in first_record():
        stream = world.streams.get(fact.id) or new_aggregate(fact.id)
        stream.record(fact, world)
        world.streams[fact.id] = stream
    return world.streams


def event(claim: str) -> tuple[Fact, str]:
    """The fact and the field that `<stream>@<version>#<field>` names."""
    place, _, field = claim.partition("#")
    stream, _, version = place.rpartition("@")
    return recorded()[stream].facts[int(version) - 1], field


def value(claim: str) -> Any:
    fact, field = event(claim)
    return field_values(fact).get(field)


def source(id: str) -> SourceRegistered:
    content = recorded()[id].facts[0].content
    assert isinstance(content, SourceRegistered)
    return content


def claims(stream: str, subject: str) -> Iterator[Any]:
    """The values that compete about one subject of a stream."""
    held = recorded()[stream].facts
    for version, fact in enumerate(held, 1):
        content = fact.content
        if isinstance(content, FactClaimed) and content.value is not None:
            target = patched(held[content.target - 1], content.field, content.value)
            if target.subject(content.field, content.target) == subject:
                yield typed(target, content.field)
        names = (*content.subjects(), "occurred_on")
        yield from (typed(fact, name) for name in names if fact.subject(name, version) == subject)


def typed(fact: Fact, field: str) -> Any:
    return fact.occurred_on if field == "occurred_on" else getattr(fact.content, field)


def excludes(one: Any, other: Any) -> bool:
    """Whether both cannot be true."""
    if isinstance(one, Stated) and isinstance(other, Stated):
        first, second = one.interval(), other.interval()
        return first is not None and second is not None and not first.overlaps(second)
    if isinstance(one, WorldDate):
        return bool(one.earliest and other.latest and one.earliest > other.latest) or bool(
            one.latest and other.earliest and one.latest < other.earliest
        )
    return bool(one != other)


def disputed(stream: str, subject: str) -> bool:
    found = list(claims(stream, subject))
    assert len(found) > 1, f"nothing competes about {subject} of {stream}"
    return any(excludes(one, other) for one in found for other in found)


def test_every_fact_is_taken_in_the_order_of_the_file() -> None:
    assert sum(len(stream.facts) for stream in recorded().values()) == len(first_record())


def test_nothing_of_the_file_is_lost_in_reading_it() -> None:
    lines = files("service.first_record").joinpath("facts.jsonl").read_text("utf-8").splitlines()
    for line, fact in zip(lines, first_record(), strict=True):
        assert within(json.loads(line), body(fact) | {"event": fact.event, "id": fact.id}), line


def within(sent: Any, kept: Any) -> bool:
    """Whether all that was sent was kept; defaults may have come to it."""
    if isinstance(sent, dict):
        return all(key in kept and within(item, kept[key]) for key, item in sent.items())
    if isinstance(sent, list):
        return len(sent) == len(kept) and all(map(within, sent, kept))
    return bool(sent == kept)


def test_no_number_is_a_float() -> None:
    def refuse(number: str) -> None:
        pytest.fail(f"{number} is a float")

    json.loads(f"[{','.join(json.dumps(body(fact)) for fact in first_record())}]", parse_float=refuse)


def test_its_commands_hold_the_whole_record_in_order_under_ids_that_never_change() -> None:
    parts = first_record_parts()
    assert [part.command_id for part in parts] == [f"{FIRST_RECORD_ACTOR}-{number}" for number in (1, 2, 3, 4)]
    assert [fact for part in parts for fact in part.facts] == first_record()


def test_sources_come_first_then_the_article_then_what_others_say() -> None:
    sources, world, article, others = (part.facts for part in first_record_parts())
    assert {fact.noun for fact in sources} == {"source"}
    assert {fact.noun for fact in world} == {"party", "gathering", "relation"}
    assert all(any(ref.source == ARTICLE for ref in fact.sources) for fact in article)
    assert not any(ref.source == ARTICLE for fact in others for ref in fact.sources)


def test_all_33_facts_are_there() -> None:
    assert list(MAP["facts"]) == [str(number) for number in range(1, 34)]


@pytest.mark.parametrize("number", FACTS)
def test_each_fact_of_the_article_is_held_by_its_events_and_cites_its_paragraph(number: int) -> None:
    paragraph, events = FACTS[number]
    held = [event(claim)[0] for claim in MAP["facts"][str(number)]]
    assert {fact.event for fact in held} == events
    for fact in held:
        assert (ARTICLE, f"para {paragraph}") in {(ref.source, ref.locator) for ref in fact.sources}


@pytest.mark.parametrize("claim", [claim for claims in MAP["facts"].values() for claim in claims])
def test_what_the_article_says_stands_in_the_field_that_the_map_names(claim: str) -> None:
    assert value(claim) not in (None, [], "")


def test_the_article_itself_is_registered_with_its_uncertain_date() -> None:
    article = source(ARTICLE)
    assert (article.publisher, article.published_on) == ("ASB Media", "2025-09")
    assert article.url == next(row["source"] for row in ROWS if row["claim_id"] == "C011")


def test_the_figures_of_the_article_are_its_own() -> None:
    numbers = {15: "230000000", 17: "600", 18: "45", 21: "8500000000", 22: "22", 23: "35000", 27: "4", 28: "300"}
    for number, figure in numbers.items():
        stated = [value(claim) for claim in MAP["facts"][str(number)]]
        assert any(isinstance(one, dict) and figure in (one.get("low"), one.get("high")) for one in stated), number


def test_all_60_claims_are_there() -> None:
    assert list(MAP["claims"]) == [row["claim_id"] for row in ROWS]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["claim_id"])
def test_each_claim_is_about_its_subject_or_an_agreement_linked_to_it(row: dict[str, str]) -> None:
    about = recorded()[row["subject"]]
    linked = {link.agreement for link in about.live(DealLinkedToAgreement)}
    assert {event(claim)[0].id for claim in MAP["claims"][row["claim_id"]]} & {about.id, *linked}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["claim_id"])
def test_each_claim_cites_the_page_where_it_stands(row: dict[str, str]) -> None:
    for claim in MAP["claims"][row["claim_id"]]:
        cited = [source(ref.source) for ref in event(claim)[0].sources]
        page = next(one for one in cited if one.url == row["source"])
        assert (page.published_on or "") in (row["published_on"], "2025-09" if page is source(ARTICLE) else "")


@pytest.mark.parametrize("row", [row for row in ROWS if row["number"]], ids=lambda row: row["claim_id"])
def test_each_claim_has_the_number_that_its_source_states(row: dict[str, str]) -> None:
    found = [value(claim) for claim in MAP["claims"][row["claim_id"]]]
    assert any(has_figure(one, row) for one in found), found


def has_figure(held: Any, row: dict[str, str]) -> bool:
    if not isinstance(held, dict):
        return held == row["number"] or f"No. {row['number']}" in str(held)
    modifier = held.get("modifier", "EXACTLY").lower()
    numbers = (held.get("low"), held.get("high"))
    return row["number"] in numbers and row["unit"] in held.values() and row["modifier"] == modifier


def test_a_value_that_nobody_published_is_undisclosed_and_says_why() -> None:
    (claim,) = MAP["claims"]["C009"]
    assert value(claim)["modifier"] == "UNDISCLOSED"
    assert value(claim)["as_stated"] == next(row["value_as_stated"] for row in ROWS if row["claim_id"] == "C009")


@pytest.mark.parametrize("row", [row for row in ROWS if row["world_date_edtf"]], ids=lambda row: row["claim_id"])
def test_each_claim_has_its_date_in_the_world(row: dict[str, str]) -> None:
    named = MAP["claims"][row["claim_id"]]
    dates = [date for claim in named for date in dates_of(event(claim)[0])]
    span = f"{value(named[0])}/{value(named[-1])}"
    assert row["world_date_edtf"] in [*dates, span]


def dates_of(fact: Fact) -> list[str]:
    fields = field_values(fact)
    found = [fields["occurred_on"], fields.get("period"), fields.get("value")]
    return [str(date) for date in found if isinstance(date, str)]


def test_every_address_of_the_claims_is_one_source() -> None:
    urls = [fact.content.url for fact in first_record() if isinstance(fact.content, SourceRegistered)]
    known = [url for url in urls if url is not None]
    assert len(known) == len(set(known))
    assert {row["source"] for row in ROWS} <= set(known)


def test_who_cites_a_reprint_says_that_it_repeats_and_cites_the_original_too() -> None:
    for fact in first_record():
        cited = {ref.source: ref.stance for ref in fact.sources}
        for id, stance in cited.items():
            original = source(id).derived_from
            assert (stance == "REPEATS") == (original is not None), fact
            assert original is None or cited[original] == "ASSERTS", fact


@pytest.mark.parametrize(
    ("claims_about", "kinds"),
    [
        ("C001", {"OFFICIAL_RELEASE", "AGGREGATOR"}),
        ("C004", {"SOCIAL_POST", "NEWS"}),
        ("C023", {"LEGAL_TEXT"}),
        ("C031", {"COMPANY_RELEASE", "NEWS"}),
        ("C035", {"OFFICIAL_RELEASE", "AGGREGATOR"}),
        ("C040", {"COMPANY_RELEASE"}),
        ("C052", {"RESEARCH"}),
    ],
)
def test_the_kind_of_a_source_is_that_of_the_original(claims_about: str, kinds: set[str]) -> None:
    fact, _ = event(MAP["claims"][claims_about][0])
    assert {source(ref.source).kind for ref in fact.sources} == kinds


@pytest.mark.parametrize(
    ("stream", "subject"),
    [
        ("deal:kz-johndeere", "value:HEADLINE"),
        ("deal:kz-tungsten", "effect:JOBS:KAZ"),
        ("deal:kz-wabtec-2025", "delivery_duration:locomotives"),
        ("agreement:us-uz-jif-2026", "kind"),
        ("agreement:us-uz-jif-2026", "signed"),
    ],
)
def test_where_sources_exclude_each_other_their_claims_meet(stream: str, subject: str) -> None:
    assert disputed(stream, subject)


@pytest.mark.parametrize(
    ("stream", "subject"),
    [
        ("deal:uz-boeing-787", "value:HEADLINE"),
        ("deal:uz-boeing-787", "effect:JOBS_CREATED:USA"),
        ("deal:uz-boeing-787", "announced"),
        ("institution:kz-ministry-ai", "announced"),
        ("investment:wabtec-kz", "localization_rate"),
        ("investment:wabtec-kz", "invested_value:HEADLINE"),
        ("relation:us-uz", "indicator:TRADE_GROWTH_FACTOR:TOTAL:2017~/2025"),
    ],
)
def test_where_sources_can_both_be_right_they_bear_each_other_out(stream: str, subject: str) -> None:
    assert not disputed(stream, subject)


def test_the_meeting_at_which_the_ministry_was_announced_is_denied_by_an_earlier_report() -> None:
    fact, _ = event(MAP["claims"]["C021"][1])
    assert isinstance(fact.content, FactClaimed)
    assert (fact.content.target, fact.content.field, fact.content.value) == (1, "gathering", None)
    assert [ref.stance for ref in fact.sources] == ["DENIES"]


def test_each_figure_of_the_boeing_deal_stands_under_its_own_basis_line_and_kind_of_job() -> None:
    def stated(subject: str) -> list[str]:
        return [str(one) for one in claims("deal:uz-boeing-787", subject)]

    assert stated("value:HEADLINE") == ["$8.5 billion", "over $8 Billion"]
    assert stated("value:OFFICIAL_ESTIMATE") == ["$8.5 billion"]
    assert stated("value:EXPORT_CONTENT") == ["estimated $7.3 billion"]
    assert stated("value:CONTRACT") == ["not reported by manufacturer or buyer"]
    assert stated("line:boeing-787-9:NOT_STATED") == ["22 aircraft"]
    assert stated("line:boeing-787-9:FIRM") == ["14 aircraft"]
    assert stated("line:boeing-787-9:OPTION") == ["8 aircraft"]
    assert stated("effect:JOBS_SUPPORTED:USA") == ["nearly 35,000 jobs"]
    assert stated("effect:JOBS_CREATED:USA") == ["over 35,000 jobs", "over 35,000 jobs"]


def test_the_options_of_the_boeing_deal_became_firm_six_weeks_after_the_summit() -> None:
    deal = recorded()["deal:uz-boeing-787"]
    exercised = next(fact for fact in deal.facts if fact.event == "OptionExercised")
    assert isinstance(deal, Deal)
    assert exercised.occurred_on == "2025-11-06"
    assert deal.open_options("boeing-787-9") == 0


def test_the_list_price_of_air_astana_says_that_it_covers_18_aircraft() -> None:
    reports = list(recorded()["deal:kz-airastana-787"].live(DealValueReported))
    assert [(report.money.basis, "18 aircraft" in (report.covers or "")) for report in reports] == [
        ("LIST_PRICE", True),
        ("HEADLINE", True),
    ]


def test_nothing_is_quoted_and_a_figure_takes_few_words() -> None:
    for fact in first_record():
        assert all(ref.quote is None for ref in fact.sources)
        assert all(len(words) <= 40 for words in found(body(fact), "as_stated")), fact


def found(data: Any, key: str) -> Iterator[str]:
    if isinstance(data, dict):
        yield from ([data[key]] if key in data else [])
        data = list(data.values())
    if isinstance(data, list):
        for item in data:
            yield from found(item, key)


def test_the_record_names_no_person() -> None:
    assert not any(fact.event == "OfficeholderAppointed" for fact in first_record())
    assert all(source(fact.id).author is None for fact in first_record() if fact.event == "SourceRegistered")


def test_summaries_are_one_readable_line() -> None:
    for fact in first_record():
        line = fact.content.summary()
        assert 5 < len(line) < 200 and line == line.strip()
        assert not any(odd in line for odd in ("None", "{", "[", "  ", "nothing", "\n")), line
