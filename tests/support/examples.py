"""One valid example of every event, a record in which each of them can be taken next, and short words for both.

An example is the JSON form of a fact; `example` changes what a test is about.
"""

from collections.abc import Iterable
from copy import deepcopy
from functools import cache
from typing import Any

import pytest

from domain.catalogue import new_aggregate, read_fact
from domain.fact import Fact, Refused
from domain.stream import Aggregate, Held

Json = dict[str, Any]

RELEASE, ARTICLE, REPRINT = "source:official-release", "source:article", "source:reprint"
UZ, US, KZ, AIRLINE, MAKER, BANK = (f"party:{key}" for key in ("uz", "us", "kz", "airline", "maker", "bank"))
SUMMIT, MINISTRY, AGENCY = "gathering:unga-80", "institution:ministry-ai", "institution:digital-agency"
CONTRACT, LETTER = "agreement:aircraft-contract", "agreement:letter"
DEAL, OTHER_DEAL = "deal:aircraft", "deal:locomotives"
PLANT, RELATION, PROGRAMME = "investment:plant", "relation:us-uz", "programme:c5"

_SOURCES: list[Json] = [{"source": RELEASE, "locator": "para 2", "stance": "ASSERTS"}]
_ENVELOPE = ("event", "id", "occurred_on", "sources")


def number(low: str, unit: str, as_stated: str | None = None, **changes: Any) -> Json:
    """A stated quantity of one number."""
    return _present({"low": low, "high": low, "unit": unit, "as_stated": as_stated, **changes})


def dollars(low: str, basis: str | None = "CONTRACT", as_stated: str | None = None, **changes: Any) -> Json:
    """An amount of dollars of one number."""
    return _present({"low": low, "high": low, "currency": "USD", "basis": basis, "as_stated": as_stated, **changes})


def _present(value: Json) -> Json:
    return {key: item for key, item in value.items() if item is not None}


_PARTIES = [{"party": AIRLINE, "role": "BUYER"}, {"party": MAKER, "role": "SELLER"}]
_SECTORS = [{"scheme": "AS_STATED", "code": "aviation", "percent": "100"}]
_WHY = {"cause": "MISREAD", "reason": "the table was read one line too low"}
_INSTRUMENT = {
    "title": "Protocol on aircraft", "kind": "PROTOCOL", "binding": "NO", "parties": _PARTIES, "sectors": _SECTORS,
    "purpose": "to renew the fleet", "gathering": SUMMIT, "place": "New York", "term": "ten years",
}  # fmt: skip
_PLACEMENT = {
    "title": "Locomotive plant", "investor": MAKER, "host": KZ, "money": dollars("1000000", "HEADLINE"),
    "period": "2009/..", "cumulative": True, "sectors": _SECTORS, "purpose": "to build locomotives",
}  # fmt: skip

EXAMPLES: dict[str, tuple[str, Json]] = {
    "SourceRegistered": ("source:new", {
        "kind": "NEWS", "title": "Ўзбекистон самолёт олади", "url": "https://example.org/news/1",
        "publisher": "Example News", "author": "A. Writer", "published_on": "2025-09-22", "language": "uz",
        "content_hash": "sha256:00ff", "derived_from": RELEASE,
    }),
    "SourceArchived": (ARTICLE, {
        "url": "https://example.org/copy", "content_hash": "sha256:00ff", "reason": "the page changes often",
    }),
    "SourceWithdrawn": (ARTICLE, {"reason": "the publisher took it back"}),
    "PartyRegistered": ("party:new", {
        "kind": "COMPANY", "name": "Boeing", "seat": "USA",
        "identifiers": [{"scheme": "LEI", "value": "RVHJWBXLJ1RFUBSY1F30"}],
    }),
    "PartyIdentified": (MAKER, {"identifier": {"scheme": "WIKIDATA", "value": "Q66"}}),
    "PartyRenamed": (AIRLINE, {"name": "National Airways"}),
    "PartyMerged": (BANK, {"into": MAKER, "reason": "the same company under two names"}),
    "PartySucceeded": (AIRLINE, {"successor": MAKER}),
    "MinistryAnnounced": ("institution:new", {"name": "Ministry of Space", "country": "KAZ", "gathering": SUMMIT}),
    "MinistryEstablished": ("institution:newer", {
        "name": "Ministry of Seas", "country": "UZB", "legal_act": "Decree 996", "predecessor": AGENCY,
    }),
    "MandateDefined": (MINISTRY, {"topics": ["artificial intelligence", "data"], "legal_act": "Decree 997"}),
    "OfficeholderAppointed": (MINISTRY, {"person": "B. Minister", "office": "minister"}),
    "InstitutionRenamed": (MINISTRY, {"name": "Ministry of Data"}),
    "InstitutionDissolved": (MINISTRY, {"legal_act": "Decree 998", "statement": "its tasks pass to another"}),
    "GatheringConvened": ("gathering:new", {
        "name": "General Assembly", "series": "UNGA", "session": 80, "place": "New York",
        "period": "2025-09-09/2025-09-30",
    }),
    "AgreementAnnounced": ("agreement:announced", _INSTRUMENT),
    "AgreementAdopted": ("agreement:adopted", _INSTRUMENT),
    "AgreementSigned": ("agreement:signed", {**_INSTRUMENT, "signatories": [AIRLINE]}),
    "AgreementApproved": (CONTRACT, {"body": "the board"}),
    "AgreementRatified": (CONTRACT, {"party": UZ}),
    "AgreementAccededTo": (CONTRACT, {"party": KZ}),
    "AgreementWithdrawnFrom": (CONTRACT, {"party": KZ}),
    "AgreementEnteredIntoForce": (CONTRACT, {"party": UZ, "provisional": True}),
    "AgreementAmended": (CONTRACT, {"statement": "two more aircraft", "by": LETTER}),
    "AgreementExtended": (CONTRACT, {"until": "2030", "by": LETTER}),
    "AgreementSuspended": (CONTRACT, {"statement": "talks stopped"}),
    "AgreementTerminated": (CONTRACT, {"statement": "both sides left"}),
    "AgreementLapsed": (CONTRACT, {"statement": "its term ran out"}),
    "AgreementSuperseded": (CONTRACT, {"by": LETTER}),
    "DealAnnounced": ("deal:new", {
        "title": "22 aircraft", "kind": "PROCUREMENT", "parties": _PARTIES, "sectors": _SECTORS,
        "purpose": "to renew the fleet", "gathering": SUMMIT,
    }),
    "DealValueReported": (DEAL, {
        "money": dollars("8500000000", "OFFICIAL_ESTIMATE", "over $8.5 billion", modifier="OVER", high=None),
        "line": "jets", "covers": "options too",
    }),
    "DealLineReported": (DEAL, {
        "key": "engines", "item": "GEnx-1B", "hs_code": "8411.12", "quantity": number("28", "engines"),
        "commitment": "FIRM",
    }),
    "OptionExercised": (DEAL, {"line": "jets", "quantity": number("8", "aircraft")}),
    "OptionExpired": (DEAL, {"line": "jets", "quantity": number("2", "aircraft")}),
    "CommitmentFirmed": (DEAL, {"lines": ["jets"]}),
    "ConditionSet": (DEAL, {"key": "licence", "statement": "an export licence is granted", "financing": "loan"}),
    "ConditionMet": (DEAL, {"condition": "funds"}),
    "FinancingOffered": (DEAL, {
        "key": "second-loan", "financier": BANK,
        "money": {"high": "500000000", "modifier": "UP_TO", "currency": "USD", "basis": "FINANCING_CEILING"},
        "kind": "INTEREST", "valid_until": "2026-03-31",
    }),
    "FinancingCommitted": (DEAL, {"financing": "loan", "money": dollars("450000000", "FINANCING_CEILING")}),
    "FinancingLapsed": (DEAL, {"financing": "loan"}),
    "OwnershipStated": (DEAL, {"party": AIRLINE, "percent": "51.5"}),
    "DeliveryScheduled": (DEAL, {
        "key": "last", "period": "2031~", "duration": number("5", "years"), "line": "jets",
        "statement": "the last aircraft",
    }),
    "DeliveryRescheduled": (DEAL, {"delivery": "first", "period": "2032", "statement": "the factory is late"}),
    "GoodsDelivered": (DEAL, {"line": "jets", "quantity": number("1", "aircraft"), "delivery": "first"}),
    "PaymentMade": (DEAL, {"money": dollars("12.50", "ACTUALLY_PAID"), "payer": AIRLINE, "payee": MAKER}),
    "DealLinkedToAgreement": (DEAL, {"agreement": CONTRACT}),
    "DealSuspended": (DEAL, {"statement": "talks stopped"}),
    "DealResumed": (DEAL, {"statement": "talks began again"}),
    "DealCompleted": (DEAL, {"statement": "all delivered"}),
    "DealCancelled": (DEAL, {"statement": "never signed"}),
    "DealTerminated": (DEAL, {"statement": "the buyer left"}),
    "DealLapsed": (DEAL, {"statement": "nothing happened"}),
    "DealSuperseded": (DEAL, {"by": OTHER_DEAL}),
    "InvestmentAnnounced": ("investment:announced", _PLACEMENT),
    "InvestmentMade": ("investment:made", _PLACEMENT),
    "OutputReported": (PLANT, {
        "item": "locomotives", "quantity": number("600", "locomotives", "over 600", modifier="OVER", high=None),
        "period": "2009/..", "destination": "seven countries",
    }),
    "LocalizationRateReported": (PLANT, {
        "percent": number("45", "percent", "about 45%", modifier="APPROXIMATELY"), "method": "by value",
        "period": "2025",
    }),
    "InvestmentDivested": (PLANT, {"percent": "50", "money": dollars("70000000", "ACTUALLY_PAID")}),
    "RelationOpened": ("relation:new", {"title": "Kazakhstan and the United States", "parties": [KZ, US]}),
    "IndicatorReported": (RELATION, {
        "indicator": "TRADE_TURNOVER", "money": dollars("1000000000", "OFFICIAL_ESTIMATE", "nearly $1 billion"),
        "period": "2024", "flow": "TOTAL", "reporter": "the statistics agency",
    }),
    "ProgrammeAnnounced": ("programme:new", {
        "title": "C5+1 investments", "parties": _PARTIES, "horizon": "2025/2035", "gathering": SUMMIT,
        "sectors": _SECTORS, "purpose": "to invest in many sectors",
    }),
    "ProgrammeValueReported": (PROGRAMME, {
        "money": dollars("100000000000", "HEADLINE", "over $100 billion", modifier="OVER", high=None),
        "period": "2025/2035", "duration": number("10", "years"), "covers": "purchases and investments",
    }),
    "DealIncluded": (PROGRAMME, {"deal": DEAL, "certainty": "STATED"}),
    "DealExcluded": (PROGRAMME, {"deal": DEAL}),
    "ProgrammeClosed": (PROGRAMME, {"statement": "all was bought"}),
    "EffectClaimed": (DEAL, {
        "kind": "JOBS_SUPPORTED", "quantity": number("35000", "jobs", "over 35,000", modifier="OVER", high=None),
        "money": dollars("10", "HEADLINE"), "place": "USA", "outlook": "EXPECTED", "statement": "jobs at suppliers",
    }),
    "AssessmentVoiced": (DEAL, {"theme": "ties", "statement": "the ties grow closer", "by": "C. Speaker"}),
    "SectorAssigned": (DEAL, {"sectors": [{"scheme": "DAC", "code": "21050", "percent": "60.5"}]}),
    "FactClaimed": (DEAL, {"target": 2, "field": "money", "value": dollars("8000000000", "CONTRACT", "$8 billion")}),
    "ClaimAdopted": (DEAL, {"claim": f"{DEAL}@2#money", "reason": "the contract was read"}),
    "FactCorrected": (DEAL, {"target": 2, "field": "money", "now": dollars("8300000000", "CONTRACT"), **_WHY}),
    "EventRetracted": (DEAL, {"target": 2, **_WHY}),
}  # fmt: skip
"""For each event of the catalogue the stream that takes it and its data, every optional field used."""

UNSOURCED = frozenset(
    ("SourceRegistered", "SourceArchived", "SourceWithdrawn", "PartyMerged", "ClaimAdopted", "FactCorrected",
     "EventRetracted")
)  # fmt: skip
"""The events that need no source."""


def example(event: str, **changes: Any) -> Json:
    """The example of the event; `id`, `occurred_on` and `sources` change the envelope, all else its data.

    A change to None leaves the field out.
    """
    id, data = deepcopy(EXAMPLES[event])
    fact: Json = {"event": event, "id": id, "occurred_on": "2025-09-22", "sources": deepcopy(_SOURCES)}
    if event in UNSOURCED:
        fact["sources"] = []
    fact.update((key, item) for key, item in changes.items() if key in _ENVELOPE)
    data.update((key, item) for key, item in changes.items() if key not in _ENVELOPE)
    return _present({**fact, "data": _present(data)})


def bare(event: str, id: str, **data: Any) -> Json:
    """A fact with this data alone, sourced where it must be."""
    return {"event": event, "id": id, "sources": [] if event in UNSOURCED else deepcopy(_SOURCES), "data": data}


def opened_world() -> list[Json]:
    """Facts in an order that a record takes, after which each example can come next."""
    return [
        bare("SourceRegistered", RELEASE, kind="OFFICIAL_RELEASE", title="Release"),
        bare("SourceRegistered", ARTICLE, kind="NEWS", title="Article"),
        bare("SourceRegistered", REPRINT, kind="NEWS", title="Reprint", derived_from=RELEASE),
        *(
            bare("PartyRegistered", id, kind="COUNTRY" if id in (UZ, US, KZ) else "COMPANY", name=id)
            for id in (UZ, US, KZ, AIRLINE, MAKER, BANK)
        ),
        bare("GatheringConvened", SUMMIT, name="General Assembly"),
        bare("MinistryAnnounced", MINISTRY, name="Ministry of AI", country="KAZ"),
        bare("MinistryEstablished", AGENCY, name="Digital Agency", country="KAZ"),
        bare("AgreementSigned", CONTRACT, kind="PURCHASE_CONTRACT", binding="YES"),
        bare("AgreementAnnounced", LETTER, kind="LETTER_OF_INTENT"),
        *_opened_deal(),
        bare("DealAnnounced", OTHER_DEAL, title="Locomotives"),
        bare("InvestmentMade", PLANT, investor=MAKER, host=KZ),
        bare("RelationOpened", RELATION, title="United States and Uzbekistan", parties=[US, UZ]),
        bare("ProgrammeAnnounced", PROGRAMME, title="C5"),
    ]


def _opened_deal() -> list[Json]:
    """The deal of the examples: versions 1 to 7, with 14 firm aircraft and 8 options."""
    jets = {"key": "jets", "item": "787-9"}
    return [
        bare("DealAnnounced", DEAL, title="Aircraft"),
        bare("DealValueReported", DEAL, money=dollars("8500000000")),
        bare("DealLineReported", DEAL, quantity=number("14", "aircraft"), commitment="FIRM", **jets),
        bare("DealLineReported", DEAL, quantity=number("8", "aircraft"), commitment="OPTION", **jets),
        bare("ConditionSet", DEAL, key="funds", statement="the loan is granted"),
        bare("FinancingOffered", DEAL, key="loan", money=dollars("1"), financier=BANK, kind="OFFER"),
        bare("DeliveryScheduled", DEAL, key="first", period="2031"),
    ]


class Record:
    """The streams of a record in memory, as a registry holds them."""

    def __init__(self, facts: Iterable[Json] = ()) -> None:
        """Record these facts."""
        self.streams: dict[str, Aggregate] = {}
        for fact in facts:
            self.take(fact)

    def exists(self, id: str) -> bool:
        """Whether the stream has begun."""
        return id in self.streams and self.streams[id].version > 0

    def get(self, id: str) -> Aggregate:
        """The stream, empty if it has not begun."""
        return self.streams.setdefault(id, new_aggregate(id))

    def take(self, value: Json) -> Fact:
        """Read the fact and record it. Raises Refused."""
        fact = read_fact(value)
        self.get(fact.id).record(fact, self)
        return fact

    def refuse(self, value: Json) -> tuple[str, str]:
        """The code and field of the refusal, which records nothing."""
        before = self.versions()
        with pytest.raises(Refused) as refusal:
            self.take(value)
        assert refusal.value.reason
        assert self.versions() == before
        return refusal.value.code, refusal.value.field

    def versions(self) -> dict[str, int]:
        """The last version of each stream that has begun."""
        return {id: stream.version for id, stream in self.streams.items() if stream.version}

    def held(self, id: str, version: int) -> Held:
        """An event as its stream holds it now."""
        return self.get(id).held()[version - 1]

    def value(self, id: str, version: int, field: str) -> Any:
        """A field of an event as its stream holds it now."""
        return getattr(self.held(id, version).fact.content, field)


@cache
def _opened() -> tuple[Fact, ...]:
    return tuple(read_fact(fact) for fact in opened_world())


def given(*facts: Json) -> Record:
    """A record that opened what the examples speak of, and then took these facts."""
    record = Record()
    for fact in _opened():
        record.get(fact.id).record(fact, record)
    for value in facts:
        record.take(value)
    return record
