"""The record that is measured: 200 parties and any number of deals, ten events each, mixed as in a busy record."""

from collections.abc import Iterator
from typing import Any

PARTIES = 200
SOURCES = 20
GROUP = 500
"""Deals that go on at the same time: their events take turns."""

KINDS = ("PROCUREMENT", "JOINT_VENTURE", "LOAN")
COUNTRIES = ("KAZ", "UZB", "USA", "DEU")
_SOURCE_KINDS = ("NEWS", "OFFICIAL_RELEASE", "TRADE_PRESS")
_BASES = ("CONTRACT", "HEADLINE", "OFFICIAL_ESTIMATE")

Json = dict[str, Any]


def history(deals: int) -> Iterator[Json]:
    """The facts in the order of recording, as the command line and the API take them; the same for ever."""
    for number in range(SOURCES):
        yield _source(number)
    for number in range(PARTIES):
        yield _party(number)
    for first in range(0, deals, GROUP):
        group = range(first, min(first + GROUP, deals))
        lives = [list(_life(number)) for number in group]
        for step in range(max(len(life) for life in lives)):
            yield from (life[step] for life in lives if step < len(life))
        yield from (_afterthought(number) for number in range(first % 7, first, max(first // 150, 1)))


def deal_id(number: int) -> str:
    """The id of a deal."""
    return f"deal:d{number}"


def _source(number: int) -> Json:
    data = {"kind": _SOURCE_KINDS[number % 3], "title": f"Source {number}", "published_on": "2025-09-21"}
    return {"event": "SourceRegistered", "id": f"source:s{number}", "data": data}


def _party(number: int) -> Json:
    data = {"kind": "COMPANY", "name": f"Organisation {number}", "seat": COUNTRIES[number % 4]}
    return {"event": "PartyRegistered", "id": f"party:p{number}", "sources": [_cited(0)], "data": data}


def _cited(number: int) -> Json:
    return {"source": f"source:s{number % SOURCES}", "locator": f"para {number % 9}"}


def _planes(number: int) -> Json:
    return {"low": str(number), "high": str(number), "unit": "aircraft"}


def _money(number: int, modifier: str = "EXACTLY") -> Json:
    amount = str(1_000_000 * (1 + number % 9000))
    return {"low": amount, "high": amount, "modifier": modifier, "currency": "USD", "basis": _BASES[number % 3]}


def _life(number: int) -> Iterator[Json]:
    """The events of one deal."""
    day = f"{2010 + number % 15}-{1 + number % 12:02d}-{1 + number % 28:02d}"
    firm = "FIRM" if number % 3 else "INTENDED"
    yield _event(number, "DealAnnounced", day, **_opening(number))
    yield _event(number, "DealValueReported", day, money=_money(number))
    yield _event(number, "DealLineReported", day, **_line(10 + number % 7, firm))
    yield _event(number, "DealLineReported", day, **_line(5, "OPTION"))
    yield _event(number, "FactClaimed", None, 1, target=2, field="money", value=_money(number, "APPROXIMATELY"))
    yield _event(number, "EffectClaimed", None, kind="JOBS", quantity={**_planes(100), "unit": "jobs"}, place="KAZ")
    yield _event(number, "DeliveryScheduled", None, key="d", period="2030", line="a")
    yield _event(number, "OptionExercised", "2025-11-06", line="a", quantity=_planes(2))
    if number % 3 == 2:
        yield _event(number, "GoodsDelivered", "2026-01", line="a", quantity=_planes(1))
    if number % 5 == 0:
        yield _event(number, "DeliveryRescheduled", None, delivery="d", period="2031")


def _opening(number: int) -> Json:
    first, second = f"party:p{number % PARTIES}", f"party:p{(number + 1) % PARTIES}"
    return {
        "title": f"Deal number {number} about rolling stock and aircraft",
        "kind": KINDS[number % 3],
        "parties": [{"party": first, "role": "BUYER"}, {"party": second, "role": "SELLER"}],
        "sectors": [{"code": "aviation"}, {"code": "mining"}],
    }


def _line(count: int, commitment: str) -> Json:
    return {"key": "a", "item": "Aircraft", "quantity": _planes(count), "commitment": commitment}


def _event(number: int, event: str, day: str | None, shift: int = 0, /, **data: Any) -> Json:
    made: Json = {"event": event, "id": deal_id(number), "sources": [_cited(number + shift)], "data": data}
    return made if day is None else {**made, "occurred_on": day}


def _afterthought(number: int) -> Json:
    """What is recorded of a deal long after: another source, a correction, a retraction, or a choice."""
    act = {"cause": "CLERICAL", "reason": "read again"}
    match number % 4:
        case 0:
            return _event(number, "FactClaimed", None, 2, target=2, field="money", value=_money(number, "NEARLY"))
        case 1:
            return _edit(number, "FactCorrected", target=2, field="money", now=_money(number + 1), **act)
        case 2:
            return _edit(number, "EventRetracted", target=6, **act)
        case _:
            return _edit(number, "ClaimAdopted", claim=f"{deal_id(number)}@5#value", reason="the better source")


def _edit(number: int, event: str, **data: Any) -> Json:
    return {"event": event, "id": deal_id(number), "data": data}
