"""Random histories of a small world, of every kind of fact that makes objects depend on each other."""

from typing import Any

from hypothesis import strategies as st

from domain.catalogue import new_aggregate, read_fact
from domain.fact import Fact, Refused, body, canonical
from domain.stream import Aggregate
from service.log.log import Entry

SOURCES = tuple(f"source:s{n}" for n in range(4))
PARTIES = tuple(f"party:p{n}" for n in range(3))
AGREEMENTS = ("agreement:a0", "agreement:a1")
DEALS = ("deal:d0", "deal:d1")
DAYS = ("2024-05-01", "2025-09", "2025-11-06", "2026", "2009/..", None)

_amount = st.sampled_from(["1", "8", "14", "22", "250.5", "8500000000"])
_day = st.sampled_from(DAYS)


def _fact(event: str, id: str, **data: Any) -> dict[str, Any]:
    return {"event": event, "id": id, "data": data}


@st.composite
def _stated(draw: st.DrawFn, /, **unit: str) -> dict[str, Any]:
    number = draw(_amount)
    modifier = draw(st.sampled_from(["EXACTLY", "APPROXIMATELY", "NEARLY", "OVER", "UP_TO"]))
    sides = {"OVER": {"low": number}, "UP_TO": {"high": number}}.get(modifier, {"low": number, "high": number})
    return {**sides, "modifier": modifier, **unit}


_money = st.builds(
    lambda money, basis: {**money, **({"basis": basis} if basis else {})},
    _stated(currency="USD"),
    st.sampled_from(["CONTRACT", "HEADLINE", "OFFICIAL_ESTIMATE", "LIST_PRICE", None]),
)
_quantity = _stated(unit="aircraft")
_deal = st.sampled_from(DEALS)
_agreement = st.sampled_from(AGREEMENTS)
_any = st.sampled_from((*SOURCES, *PARTIES, *AGREEMENTS, *DEALS))
_version = st.integers(1, 6)
_commitment = st.sampled_from(["FIRM", "OPTION", "INTENDED"])
_parties = st.lists(
    st.builds(
        lambda party, role: {"party": party, "role": role},
        st.sampled_from(PARTIES),
        st.sampled_from(["BUYER", "SELLER"]),
    ),
    max_size=2,
)
_text = st.sampled_from(["one", "two words", "Ünïcode"])
_reason = {"cause": "CLERICAL", "reason": "checked again"}

_openings = st.one_of(
    st.builds(
        lambda id, kind, origin: _fact(
            "SourceRegistered", id, kind=kind, title=id, **({"derived_from": origin} if origin else {})
        ),
        st.sampled_from(SOURCES),
        st.sampled_from(["NEWS", "LEGAL_TEXT", "OFFICIAL_RELEASE"]),
        st.sampled_from((None, *SOURCES)),
    ),
    st.builds(lambda id: _fact("PartyRegistered", id, kind="COMPANY", name=id, seat="KAZ"), st.sampled_from(PARTIES)),
    st.builds(
        lambda id, binding, event: _fact(event, id, title="protocol", binding=binding),
        _agreement,
        st.sampled_from(["YES", "NO", "UNKNOWN"]),
        st.sampled_from(["AgreementSigned", "AgreementAnnounced"]),
    ),
    st.builds(
        lambda id, title, parties: _fact("DealAnnounced", id, title=title, parties=parties), _deal, _text, _parties
    ),
)
_terms = st.one_of(
    st.builds(lambda id, money: _fact("DealValueReported", id, money=money), _deal, _money),
    st.builds(
        lambda id, quantity, kind: _fact(
            "DealLineReported", id, key="l", item="787", quantity=quantity, commitment=kind
        ),
        _deal,
        _quantity,
        _commitment,
    ),
    st.builds(
        lambda event, id, quantity: _fact(event, id, line="l", quantity=quantity),
        st.sampled_from(["OptionExercised", "OptionExpired", "GoodsDelivered"]),
        _deal,
        _quantity,
    ),
    st.builds(lambda id, agreement: _fact("DealLinkedToAgreement", id, agreement=agreement), _deal, _agreement),
    st.builds(lambda id, money: _fact("PaymentMade", id, money=money), _deal, _money),
    st.builds(
        lambda id, party, percent: _fact("OwnershipStated", id, party=party, percent=percent),
        _deal,
        st.sampled_from(PARTIES),
        st.sampled_from(["40", "60.5"]),
    ),
    st.builds(lambda id: _fact("ConditionSet", id, key="c", statement="money is found"), _deal),
    st.builds(lambda id: _fact("ConditionMet", id, condition="c"), _deal),
    st.builds(
        lambda id, period: _fact("DeliveryScheduled", id, key="d", period=period),
        _deal,
        st.sampled_from(["2030", "2031-05"]),
    ),
    st.builds(
        lambda id, period: _fact("DeliveryRescheduled", id, delivery="d", period=period),
        _deal,
        st.sampled_from(["2032", "2029"]),
    ),
    st.builds(
        lambda event, id: _fact(event, id), st.sampled_from(["DealSuspended", "DealResumed", "DealCancelled"]), _deal
    ),
    st.builds(
        lambda event, id: _fact(event, id),
        st.sampled_from(["AgreementEnteredIntoForce", "AgreementTerminated"]),
        _agreement,
    ),
)
_words = st.one_of(
    st.builds(
        lambda id, code: _fact("SectorAssigned", id, sectors=[{"code": code}, {"code": "rail"}]),
        _any,
        st.sampled_from(["aviation", "rail"]),
    ),
    st.builds(lambda id, theme: _fact("AssessmentVoiced", id, theme=theme, statement="historic"), _any, _text),
    st.builds(lambda id, name: _fact("PartyRenamed", id, name=name), st.sampled_from(PARTIES), _text),
    st.builds(
        lambda id, value: _fact("PartyIdentified", id, identifier={"scheme": "WIKIDATA", "value": value}),
        st.sampled_from(PARTIES),
        _text,
    ),
)
_acts = st.one_of(
    st.builds(lambda id: _fact("SourceWithdrawn", id, reason="the publisher took it back"), st.sampled_from(SOURCES)),
    st.builds(
        lambda id, into: _fact("PartyMerged", id, into=into, reason="the same"),
        st.sampled_from(PARTIES),
        st.sampled_from(PARTIES),
    ),
    st.builds(lambda id, target: _fact("EventRetracted", id, target=target, **_reason), _any, _version),
    st.builds(
        lambda id, target, change: _fact("FactCorrected", id, target=target, field=change[0], now=change[1], **_reason),
        _any,
        _version,
        st.one_of(
            st.tuples(st.just("money"), _money),
            st.tuples(st.just("quantity"), _quantity),
            st.tuples(st.just("title"), _text),
            st.tuples(st.just("binding"), st.sampled_from(["YES", "NO"])),
            st.tuples(st.just("derived_from"), st.sampled_from(SOURCES)),
            st.tuples(st.just("occurred_on"), st.sampled_from(DAYS[:4])),
        ),
    ),
    st.builds(
        lambda id, target, claim: _fact("FactClaimed", id, target=target, field=claim[0], value=claim[1]),
        _any,
        _version,
        st.one_of(
            st.tuples(st.just("money"), _money),
            st.tuples(st.just("quantity"), _quantity),
            st.tuples(st.just("title"), _text),
        ),
    ),
    st.builds(
        lambda id, version, field: _fact("ClaimAdopted", id, claim=f"{id}@{version}#{field}", reason="the better one"),
        _deal,
        _version,
        st.sampled_from(["money", "quantity", "title", "value"]),
    ),
    st.builds(
        lambda id, kind, quantity: _fact("EffectClaimed", id, kind=kind, quantity=quantity),
        _deal,
        st.sampled_from(["JOBS", "TRADE"]),
        _quantity,
    ),
)


class World:
    """The streams of a history so far."""

    def __init__(self) -> None:
        self.streams: dict[str, Aggregate] = {}

    def exists(self, id: str) -> bool:
        return id in self.streams and self.streams[id].version > 0

    def get(self, id: str) -> Aggregate:
        return self.streams.setdefault(id, new_aggregate(id))

    def take(self, value: dict[str, Any]) -> Fact | None:
        """The fact if the record takes it."""
        try:
            fact = read_fact(value)
            self.get(fact.id).record(fact, self)
        except Refused:
            return None
        return fact


_EDITORIAL = ("SourceRegistered", "SourceWithdrawn", "PartyMerged", "ClaimAdopted", "FactCorrected", "EventRetracted")


@st.composite
def histories(draw: st.DrawFn, size: int = 40) -> list[Fact]:
    """Facts in the order of a log: a few openings, then anything that is taken."""
    world, facts = World(), []
    wanted = draw(st.lists(_openings, min_size=4, max_size=12)) + draw(
        st.lists(st.one_of(_terms, _terms, _acts, _openings, _words), max_size=size)
    )
    for value in [_fact("SourceRegistered", SOURCES[0], kind="NEWS", title="the first"), *wanted]:
        if value["event"] not in _EDITORIAL:
            value["sources"] = [
                {"source": source} for source in draw(st.lists(st.sampled_from(SOURCES), min_size=1, max_size=2))
            ]
            if (day := draw(_day)) is not None:
                value["occurred_on"] = day
        fact = world.take(value)
        if fact is not None:
            facts.append(fact)
    return facts


def entries(facts: list[Fact]) -> list[Entry]:
    """The facts as a log of them would hold."""
    versions: dict[str, int] = {}
    made = []
    for position, fact in enumerate(facts, 1):
        versions[fact.id] = versions.get(fact.id, 0) + 1
        made.append(
            Entry(
                originator_id=fact.id,
                originator_version=versions[fact.id],
                topic=fact.event,
                state=canonical(body(fact)),
                id=position,
                recorded_at=f"2026-01-01T00:00:{position % 60:02d}.000Z",
                recorded_by="cli",
                command_id=f"c{position}",
            )
        )
    return made
