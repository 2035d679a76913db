"""The questions that the record exists to answer, each by one query; all but the last ask the first record."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.reading import Reading, act, fact, reading

BOEING, AIR_ASTANA, TUNGSTEN = "deal:uz-boeing-787", "deal:kz-airastana-787", "deal:kz-tungsten"
ARTICLE = "source:asb-media-2025-09"
SOURCES = [{"source": ARTICLE, "locator": "para 5"}]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    """The first record, which no test of this file writes to."""
    with reading(tmp_path_factory.mktemp("first"), first_record=True) as record:
        yield record


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Reading]:
    """The first record, for tests that write."""
    with reading(tmp_path, first_record=True) as made:
        yield made


def by(items: list[dict[str, Any]], name: str) -> dict[Any, dict[str, Any]]:
    return {item[name]: item for item in items}


# Analyst


def test_1_how_much_of_a_headline_is_firm_and_by_which_basis(first: Reading) -> None:
    query = """query ($id: ID!) { deal(id: $id) {
      commitment valueCovers
      values { basis covers claimed { shown { asStated low } } }
      lines { item unit firm openOptions purchaseRights intended notStated }
      conditions { statement met }
    } }"""
    deal = first.ask(query, id=AIR_ASTANA)["deal"]
    (line,) = deal["lines"]
    assert (line["firm"], line["openOptions"], line["purchaseRights"], line["intended"]) == ("5", "5", "5", "18")
    values = by(deal["values"], "basis")
    assert values["LIST_PRICE"]["covers"] == "all 18 aircraft with their engines"
    assert values["HEADLINE"]["claimed"]["shown"]["asStated"] == "$7 billion"
    assert "18 aircraft" in deal["valueCovers"]


def test_2_firm_value_by_country_pair_sector_and_year_with_what_is_left_out(first: Reading) -> None:
    query = """{ dealTotals(by: [PAIR, SECTOR, YEAR]) {
      counted leftOut
      totals { currency total count pair sector { code } year deals { id } }
      reasons { reason count }
      excluded(first: 1000) { deal { id } reasons number basis covers }
    } }"""
    answer = first.ask(query)["dealTotals"]
    by_year = {(*total["pair"], total["year"]): total for total in answer["totals"]}
    assert by_year["USA", "UZB", 2025]["total"] == "8500000000"
    assert by_year["USA", "UZB", 2025]["sector"] == {"code": "transportation"}
    assert by_year["KAZ", "USA", 2024] | {"deals": 1} == {
        "currency": "USD", "total": "405000000", "count": 1, "pair": ["KAZ", "USA"], "sector": None, "year": 2024,
        "deals": 1,
    }  # fmt: skip
    left_out = {each["deal"]["id"]: each["reasons"] for each in answer["excluded"]}
    assert left_out[AIR_ASTANA] == ["COVERS_MORE_THAN_FIRM"]
    assert left_out[TUNGSTEN] == ["NOT_FIRM"]
    assert "NO_REAL_MONEY_BASIS" in left_out["deal:kz-airastana-737max-loi-2019"]
    assert answer["leftOut"] == len(left_out)


def test_2_a_deal_in_several_programmes_counts_once_and_programme_values_never(first: Reading) -> None:
    query = """{
      dealTotals(filter: {programme: ["programme:us-central-asia-2025", "programme:uz-us-portfolio"]}) {
        counted totals { total }
      }
      programme(id: "programme:uz-us-portfolio") { values { covers claimed { text } } deals { totalCount } }
    }"""
    answer = first.ask(query)
    assert answer["dealTotals"] == {"counted": 2, "totals": [{"total": "12700000000"}]}
    assert len(answer["programme"]["values"]) == 3


def test_3_which_announcements_of_a_year_became_firm_and_after_how_long(record: Reading) -> None:
    record.record(
        fact("DealAnnounced", "deal:slow", "2024-01-10", title="Slow"),
        fact("DealLineReported", "deal:slow", "2024-01-10", key="a", item="a",
             quantity={"low": "2", "high": "2", "unit": "a"}, commitment="INTENDED"),
        fact("CommitmentFirmed", "deal:slow", "2024-03-10", lines=["a"]),
    )  # fmt: skip
    query = """{ deals(
      filter: {announced: {since: "2024-01-01", until: "2024-12-31"}, reached: {commitment: [FIRM]}}, orderBy: OLDEST
    ) { nodes { id daysToFirm commitmentHistory { commitment occurredOn event { id } } } } }"""
    slow, wabtec = record.ask(query)["deals"]["nodes"]
    assert (slow["id"], slow["daysToFirm"]) == ("deal:slow", 60)
    assert (wabtec["id"], wabtec["daysToFirm"]) == ("deal:kz-wabtec-2024", 0)
    assert slow["commitmentHistory"][-1] == {
        "commitment": "FIRM", "occurredOn": "2024-03-10", "event": {"id": "deal:slow@3"},
    }  # fmt: skip


def test_4_which_deals_slipped_how_often_and_how_far(first: Reading) -> None:
    query = """{ deals(filter: {minDelays: 1}) { nodes {
      id schedule delays daysLate deliveries { firstPeriod period moved daysLate statement }
    } } }"""
    (deal,) = first.ask(query)["deals"]["nodes"]
    assert (deal["id"], deal["schedule"], deal["delays"]) == ("deal:kz-airastana-787-8-2012", "DELAYED", 3)
    assert deal["deliveries"][0]["firstPeriod"] == "2017"
    assert deal["deliveries"][0]["period"] == "2023"
    assert deal["daysLate"] == 2191


def test_5_who_finances_what_and_what_expires_in_the_next_90_days(record: Reading) -> None:
    record.record(
        fact("FinancingOffered", TUNGSTEN, key="bridge", financier="party:exim", kind="OFFER", valid_until="2026-02-15",
             money={"low": "5", "high": "5", "currency": "USD", "basis": "FINANCING_CEILING"}),
    )  # fmt: skip
    query = """query ($from: Date!, $to: Date!) {
      expiring: deals(filter: {financing: {expiresFrom: $from, expiresTo: $to}}) { nodes {
        id financings { key validUntil status financier { id } }
      } }
      party(id: "party:exim") { financings { nodes { deal { id } money { text } kind validUntil } } }
    }"""
    answer = record.ask(query, **{"from": "2026-01-01", "to": "2026-04-01"})
    (deal,) = answer["expiring"]["nodes"]
    assert deal["id"] == TUNGSTEN
    assert by(deal["financings"], "key")["bridge"] == {
        "key": "bridge", "validUntil": "2026-02-15", "status": "OFFERED", "financier": {"id": "party:exim"},
    }  # fmt: skip
    assert next(one["validUntil"] for one in answer["party"]["financings"]["nodes"]) == "2026-02-15"


# Journalist


def test_6_who_first_claimed_a_number_who_repeats_it_and_who_contradicts_it(first: Reading) -> None:
    query = """query ($id: ID!) { deal(id: $id) {
      values { basis claimed { text verification origins claims {
        text standing denies event { id occurredOn } recordedAt
        sources { stance source { id kind publishedOn } origin { id } }
      } } }
    } }"""
    values = by(first.ask(query, id=BOEING)["deal"]["values"], "basis")
    headline = values["HEADLINE"]["claimed"]
    assert headline["verification"] == "CORROBORATED"
    article, post = headline["claims"]
    assert [one["source"]["id"] for one in article["sources"]] == [ARTICLE]
    assert (post["text"], {one["origin"]["id"] for one in post["sources"]}) == (
        "over $8 Billion", {"source:us-president-boeing-2025-09"},
    )  # fmt: skip
    repeats = {one["stance"]: one["source"]["id"] for one in post["sources"]}
    assert repeats["REPEATS"] == "source:voz-boeing-2025-09-23"
    estimate = values["OFFICIAL_ESTIMATE"]["claimed"]["claims"][0]
    assert {one["source"]["publishedOn"] for one in estimate["sources"]} == {"2025-09-22"}


AS_OF_DAYS = """query ($id: ID!) {
  then: deal(id: $id, on: "2025-09-22") { ...state }
  later: deal(id: $id, on: "2025-11-06") { ...state }
  now: deal(id: $id) { ...state commitmentHistory { commitment occurredOn position event { id } } history(first: 50) {
    nodes { id type occurredOn summary sources { source { id } } }
  } }
}
fragment state on Deal { commitment lines { firm openOptions notStated exercised } value { text } }"""


def test_7_what_the_deal_looked_like_on_the_day_of_the_summit_and_what_came_since(first: Reading) -> None:
    answer = first.ask(AS_OF_DAYS, id=BOEING)
    assert answer["then"]["lines"] == [{"firm": "14", "openOptions": "8", "notStated": "22", "exercised": "0"}]
    assert answer["later"]["lines"] == [{"firm": "22", "openOptions": "0", "notStated": "22", "exercised": "8"}]
    since = [event for event in answer["now"]["history"]["nodes"] if (event["occurredOn"] or "") > "2025-09-22"]
    assert [event["type"] for event in since] == ["OptionExercised"]


def test_8_is_it_new_or_part_of_an_earlier_deal_or_an_umbrella(first: Reading) -> None:
    query = """query ($id: ID!) { deal(id: $id) {
      announced { shown { edtf } }
      programmes { nodes { certainty programme { id title value { text } } } }
      agreements { agreement { id title signed { shown { edtf } } deals { nodes { id } } } }
      parties { role party { id deals(orderBy: OLDEST) { nodes { id announced { text } } } } }
    } }"""
    deal = first.ask(query, id="deal:kz-wabtec-2025")["deal"]
    seller = by(deal["parties"], "role")["SELLER"]["party"]
    assert [one["id"] for one in seller["deals"]["nodes"]] == [
        "deal:kz-wabtec-2023", "deal:kz-wabtec-2024", "deal:kz-wabtec-2025",
    ]  # fmt: skip
    (umbrella,) = deal["programmes"]["nodes"]
    assert (umbrella["programme"]["id"], umbrella["certainty"]) == ("programme:us-central-asia-2025", "INFERRED")


def test_9_jobs_supported_or_created_where_and_by_whose_estimate(first: Reading) -> None:
    query = """{ deals(filter: {effect: {kind: [JOBS_CREATED, JOBS_SUPPORTED]}}) { nodes { id effects {
      kind outlook place
      claimed { text verification ... on ClaimedQuantity { shown { low modifier atLeast atMost } }
                claims { sources { source { id kind } origin { kind } } } }
    } } } }"""
    deals = by(first.ask(query)["deals"]["nodes"], "id")
    effects = by(deals[BOEING]["effects"], "kind")
    supported, created = effects["JOBS_SUPPORTED"]["claimed"], effects["JOBS_CREATED"]["claimed"]
    assert (supported["text"], supported["verification"]) == ("nearly 35,000 jobs", "OFFICIAL")
    assert supported["shown"] == {"low": "35000", "modifier": "NEARLY", "atLeast": "31500", "atMost": "35000"}
    assert created["text"] == "over 35,000 jobs"
    kinds = {source["origin"]["kind"] for claim in created["claims"] for source in claim["sources"]}
    assert kinds == {"NEWS", "SOCIAL_POST"}


# Auditor


def test_11_what_was_corrected_by_whom_why_and_what_readers_saw_before(record: Reading) -> None:
    before = record.replica.position
    now = {"low": "8400000000", "high": "8400000000", "currency": "USD", "basis": "HEADLINE"}
    record.record(act("FactCorrected", BOEING, target=2, field="money", now=now, cause="MISREAD"), actor="key:editor")
    query = """query ($id: ID!, $before: Position!) {
      corrections { nodes {
        kind field was now cause reason recordedBy recordedAt position targetEvent { id type } of { id }
      } }
      now: deal(id: $id) { values { basis claimed { text claims { id text standing } } } corrections { position } }
      before: deal(id: $id, asOf: {position: $before}) { values { basis claimed { text } } }
    }"""
    answer = record.ask(query, id=BOEING, before=before)
    (correction,) = answer["corrections"]["nodes"]
    assert (correction["field"], correction["cause"], correction["recordedBy"]) == ("money", "MISREAD", "key:editor")
    assert (correction["was"]["low"], correction["now"]["low"]) == ("8500000000", "8400000000")
    assert correction["targetEvent"] == {"id": f"{BOEING}@2", "type": "DealValueReported"}
    assert correction["of"] == {"id": BOEING}
    shown = by(answer["now"]["values"], "basis")["HEADLINE"]["claimed"]
    standing = {claim["id"]: claim["standing"] for claim in shown["claims"]}
    assert standing[f"{BOEING}@2#money"] == "CORRECTED"
    assert by(answer["before"]["values"], "basis")["HEADLINE"]["claimed"]["text"] == "$8.5 billion"


def test_11_changes_tell_field_by_field_which_event_caused_what(record: Reading) -> None:
    start = record.replica.position
    record.record(
        fact("FactClaimed", TUNGSTEN, target=2, field="money",
             value={"low": "9", "high": "9", "currency": "USD", "basis": "HEADLINE"}),
        fact("DealAnnounced", "deal:new", "2026-01", title="New"),
        act("SourceWithdrawn", "source:glance-tungsten"),
    )  # fmt: skip
    query = """query ($from: Position!) { changes(from: {position: $from}) { totalCount nodes {
      objectId kind object { id } fields { field was now event { id type } } events { type } corrections { kind }
    } } }"""
    changes = by(record.ask(query, **{"from": start})["changes"]["nodes"], "objectId")
    assert changes["deal:new"]["kind"] == "ADDED"
    assert changes["source:glance-tungsten"]["kind"] == "CORRECTED"
    assert [one["kind"] for one in changes["source:glance-tungsten"]["corrections"]] == ["SourceWithdrawn"]
    tungsten = changes[TUNGSTEN]
    assert tungsten["kind"] == "CHANGED"
    fields = by(tungsten["fields"], "field")
    disputed = fields["value/verification"]
    assert (disputed["now"], disputed["event"]["type"]) == ("DISPUTED", "FactClaimed")
    withdrawn = fields["claimed/financing:dfc/verification"]
    assert (withdrawn["now"], withdrawn["event"]) == (
        "RETRACTED", {"id": "source:glance-tungsten@2", "type": "SourceWithdrawn"},
    )  # fmt: skip


def test_11_nothing_changes_between_a_moment_and_itself(first: Reading) -> None:
    assert first.ask("{ changes(from: {position: 210}, to: {position: 210}) { totalCount } }") == {
        "changes": {"totalCount": 0}
    }


def test_12_what_rests_on_one_origin_or_on_a_withdrawn_source(record: Reading) -> None:
    record.record(act("SourceWithdrawn", "source:glance-tungsten"))
    query = """{
      single: deals(filter: {claimed: {verification: [SINGLE_ORIGIN], subject: ["value:HEADLINE"]}}) { nodes {
        id claimed(verification: [SINGLE_ORIGIN]) { subject text claims { sources { origin { id } } } }
      } }
      withdrawn: sources(filter: {withdrawn: true}) { nodes {
        id withdrawnReason resting { nodes { subject text standing event { object { id } } } }
      } }
      touched: deals(filter: {restsOn: {withdrawn: true}}) { nodes { id } }
    }"""
    answer = record.ask(query)
    assert TUNGSTEN in by(answer["single"]["nodes"], "id")
    (source,) = answer["withdrawn"]["nodes"]
    assert {claim["standing"] for claim in source["resting"]["nodes"] if "financing" in claim["subject"]} == {
        "SOURCE_WITHDRAWN"
    }
    assert answer["touched"]["nodes"] == [{"id": TUNGSTEN}]


# Frontend


PAGE = """query ($after: String) { deals(
  filter: {
    party: {country: ["USA"]}, sector: {code: ["transportation"]}, commitment: [FIRM, IN_DELIVERY, ANNOUNCED],
    value: {currency: "USD", atLeast: "1000000000"}, announced: {since: "2025-09-01", until: "2025-12-31"}
  }
  orderBy: VALUE_HIGHEST, first: 1, after: $after
) { totalCount pageInfo { hasNextPage endCursor } edges { cursor node {
  id title commitment value { shown { low currency } verification } parties { role party { name } }
} } } }"""


def test_14_a_filtered_and_sorted_page_of_deals_with_stable_cursors(record: Reading) -> None:
    sectors = [{"code": "transportation"}]
    record.record(
        fact("SectorAssigned", "deal:kz-wabtec-2025", sectors=sectors),
        fact("SectorAssigned", AIR_ASTANA, sectors=sectors),
    )
    page = record.ask(PAGE)["deals"]
    assert page["totalCount"] == 3
    assert page["edges"][0]["node"]["id"] == BOEING
    record.record(
        fact("DealCompleted", AIR_ASTANA, "2025-12")
    )  # what is recorded meanwhile leaves the pages as they were
    rest, cursor = [], page["pageInfo"]["endCursor"]
    while cursor:
        page = record.ask(PAGE, after=cursor)["deals"]
        rest += [edge["node"]["id"] for edge in page["edges"]]
        cursor = page["pageInfo"]["endCursor"] if page["pageInfo"]["hasNextPage"] else None
    assert rest == [AIR_ASTANA, "deal:kz-wabtec-2025"]


# What the sources disagree about


def test_the_ministry_is_announced_before_the_assembly_and_decreed_after(first: Reading) -> None:
    query = """{ institution(id: "institution:kz-ministry-ai") {
      status announced { verification claims { text } } gatheringClaimed { verification claims { denies text } }
      established { text } legalAct { text }
    } }"""
    ministry = first.ask(query)["institution"]
    assert {claim["text"] for claim in ministry["announced"]["claims"]} == {"2025-09", "2025-09-08"}
    assert ministry["gatheringClaimed"]["verification"] == "DISPUTED"
    assert (ministry["established"]["text"], ministry["legalAct"]["text"]) == (
        "2025-09-18", "Presidential Decree No. 997",
    )  # fmt: skip


def test_a_retracted_deal_is_readable_by_id_and_left_out_of_lists(record: Reading) -> None:
    record.record(fact("DealAnnounced", "deal:mistake", title="Mistake"))
    record.record(act("EventRetracted", "deal:mistake", target=1, cause="CLERICAL"))
    query = """{
      deal(id: "deal:mistake") { id retracted }
      usual: deals(filter: {text: "mistake"}) { totalCount }
      asked: deals(filter: {text: "mistake", retracted: true}) { nodes { id } }
      search(text: "mistake") { totalCount }
    }"""
    assert record.ask(query) == {
        "deal": {"id": "deal:mistake", "retracted": True},
        "usual": {"totalCount": 0},
        "asked": {"nodes": [{"id": "deal:mistake"}]},
        "search": {"totalCount": 0},
    }


def test_sums_are_exact_however_many_digits_they_have(record: Reading) -> None:
    large, small = "123456789012345678901234567890.123456789012", "0.000000000001"
    amounts = (large, small, "7", "0.07", "999999999999.999999", "1000000000000.5", "12.999999", "0.0000001")
    for number, amount in enumerate(amounts):
        line: dict[str, Any] = {
            "key": "a",
            "item": "a",
            "quantity": {"low": "1", "high": "1", "unit": "a"},
            "commitment": "FIRM",
        }
        money = {"low": amount, "high": amount, "currency": "KZT", "basis": "CONTRACT"}
        record.record(
            fact("DealAnnounced", f"deal:exact-{number}", title="Exact"),
            fact("DealLineReported", f"deal:exact-{number}", **line),
            fact("DealValueReported", f"deal:exact-{number}", money=money),
        )
    totals = record.ask("{ dealTotals { totals { currency total count } } }")["dealTotals"]["totals"]
    assert {"currency": "KZT", "total": "123456789012345680901234567910.693454889013", "count": 8} in totals
