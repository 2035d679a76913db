"""newDeals held to queries: what it tells of random histories is what a client finds who asks at every position.

Nothing of how streams read or match is used to say what is expected: answers to queries alone, read as clients read.
"""

from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest

from domain.catalogue import CATALOGUE, read_fact
from domain.fact import Refused
from tests.support.examples import UNSOURCED, Json, bare, dollars, number
from tests.support.streams import DEALS, Streaming, streaming

OBJECTS = ("agreement:a0", "agreement:a1", "deal:d0", "deal:d1", "deal:d2", "investment:i0", "investment:i1")
PARTIES = {"party:p0": "USA", "party:p1": "UZB", "party:p2": "KAZ"}
SOURCES = {"source:s0": "NEWS", "source:s1": "LEGAL_TEXT", "source:s2": "OFFICIAL_RELEASE"}
ACTORS = ("key:a", "key:b")
CORRECTIONS = ("ClaimAdopted", "EventRetracted", "FactCorrected", "PartyMerged", "SourceWithdrawn")
CHANGES = ("NEW", "COMMITMENT", "VALUE", "CORRECTION")
_WHY = {"cause": "CLERICAL", "reason": "checked again"}
_SHOWN = {
    "deal": """kind far: commitment valueCovers value { subject text shown { low high currency basis } }
        ownership { party { id } percent } payments { payer { id } payee { id } }
        commitmentHistory { commitment position occurredOn } agreements { agreement { id } event { id } }
        lines { key item firm openOptions intended exercised delivered } conditions { key met }""",
    "agreement": "kind far: status acts { kind party { id } event { id } }",
    "investment": "far: stage investor { id } host { id } value { subject text shown { low high currency basis } }",
}
QUERY = (
    """fragment Shown on RecordObject {
  id retracted version created label disputed sectors { code } anomalies { kind } corrections { position retracted }
  claims { id text standing basis denies sourceKind position sources { source { id } } }
  claimed { subject text verification adopted origins claim { id } }
}
query ($at: Position!) {"""
    + "".join(
        f"""{id.replace(":", "_")}: {id.partition(":")[0]}(id: "{id}", asOf: {{position: $at}}) {{
      ...Shown parties {{ party {{ id }} statedParty {{ id }} country }} {_SHOWN[id.partition(":")[0]]}
    }}\n"""
        for id in OBJECTS
    )
    + "}"
)


@dataclass
class Recorded:
    """What was recorded at a position, and what each object showed from then on."""

    event: str
    stream: str
    data: Json
    actor: str
    version: int
    shown: dict[str, Json] = field(default_factory=dict)


def opening(random: Random) -> Json:
    """A new object, or another statement of the same kind."""
    parties = [{"party": each, "role": "BUYER"} for each in random.sample(list(PARTIES), random.randint(0, 2))]
    sectors = [{"scheme": "AS_STATED", "code": random.choice(("air", "rail"))}]
    money = dollars(random.choice("123"), random.choice(("CONTRACT", "HEADLINE")))
    instrument = {"kind": random.choice(("PROTOCOL", "TREATY")), "parties": parties, "sectors": sectors}
    placed = {"investor": random.choice(list(PARTIES)), "host": random.choice(list(PARTIES)), "money": money}
    agreement, deal, investment = OBJECTS[random.randint(0, 1)], OBJECTS[random.randint(2, 4)], OBJECTS[-1]
    return random.choice(
        (
            bare("DealAnnounced", deal, title=deal, kind=random.choice(("LOAN", "SUPPLY")), parties=parties),
            bare("AgreementAnnounced", agreement, **instrument),
            bare("AgreementSigned", agreement, binding=random.choice(("YES", "NO")), **instrument),
            bare("InvestmentAnnounced", OBJECTS[-2], **placed),
            bare("InvestmentMade", investment, **placed),
        )
    )


def later(random: Random) -> Json:
    """Something that happened to one of them, to a party or to a source."""
    agreement, deal = OBJECTS[random.randint(0, 1)], OBJECTS[random.randint(2, 4)]
    party, amount = random.choice(list(PARTIES)), random.choice("123")
    money = dollars(amount, random.choice(("CONTRACT", "HEADLINE", "OFFICIAL_ESTIMATE")))
    line = {"key": "l", "item": "jets", "quantity": number(amount, "aircraft")}
    sectors = [{"scheme": "AS_STATED", "code": random.choice(("air", "rail"))}]
    choices = (
        bare("DealLinkedToAgreement", deal, agreement=agreement),
        bare("DealValueReported", deal, money=money),
        bare("DealLineReported", deal, commitment=random.choice(("FIRM", "OPTION")), **line),
        bare("GoodsDelivered", deal, line="l", quantity=line["quantity"]),
        bare("ConditionSet", deal, key=amount, statement="the loan is granted"),
        bare("ConditionMet", deal, condition=amount),
        bare("DealSuspended", deal),
        bare("OwnershipStated", deal, party=party, percent="40"),
        bare("AgreementRatified", agreement, party=party),
        bare("SectorAssigned", random.choice(OBJECTS), sectors=sectors),
        bare("PartyRenamed", party, name=f"Renamed {amount}"),
        bare("PartyMerged", party, into=random.choice(list(PARTIES)), reason="the same"),
        bare("SourceWithdrawn", random.choice(list(SOURCES)), reason="taken back"),
    )
    return random.choices(choices, [4, 4, 4, 1, 2, 2, 1, 1, 1, 3, 1, 0.5, 0.5])[0]


def correction(random: Random, before: list[Recorded]) -> Json:
    """A retraction of an event, or a field of it claimed, adopted or corrected as another event has it."""
    of = random.choice(before)
    name = random.choice([*of.data, "occurred_on"])
    others = [each.data[name] for each in before if each.event == of.event and name in each.data]
    value = random.choice(others or ["2025"])
    said = {"target": of.version, "field": name}
    return random.choice(
        (
            bare("EventRetracted", of.stream, target=of.version, **_WHY),
            bare("FactCorrected", of.stream, now=value, **said, **_WHY),
            bare("FactClaimed", of.stream, value=value, **said),
            bare("ClaimAdopted", of.stream, claim=f"{of.stream}@{of.version}#{name}", reason="checked again"),
        )
    )


async def history(api: Streaming, random: Random, tries: int) -> list[Recorded]:
    """What was taken of so many random facts, each with what queries showed at its position."""
    found: list[Recorded] = []
    opened = [bare("SourceRegistered", id, kind=kind, title=id) for id, kind in SOURCES.items()]
    opened += [bare("PartyRegistered", id, kind="COMPANY", name=id, seat=seat) for id, seat in PARTIES.items()]
    for each in range(len(opened) + tries):
        chance = random.random()
        if each < len(opened):
            fact = opened[each]
        else:
            fact = opening(random) if chance < 0.2 else later(random) if chance < 0.7 else correction(random, found)
        if fact["event"] not in UNSOURCED:
            fact["sources"] = [{"source": random.choice(list(SOURCES))}]
        await take(api, fact, random.choice(ACTORS), found)
    return found


async def take(api: Streaming, fact: Json, actor: str, found: list[Recorded]) -> None:
    """Record the fact, if the record takes it, and ask what is shown then."""
    try:
        read_fact(fact)
        position = await api.add(fact, actor=actor)
    except Refused:
        return
    operation = api.record.operations.prepare(QUERY)
    answer = orjson.loads(await api.record.engine.execute(operation, {"at": position}))
    assert "errors" not in answer, answer["errors"]
    version = 1 + sum(each.stream == fact["id"] for each in found)
    shown = {each["id"]: each for each in answer["data"].values() if each is not None}
    found.append(Recorded(fact["event"], fact["id"], fact["data"], actor, version, shown))


def filter_of(random: Random) -> Json:
    """One or two conditions, mostly."""
    names: dict[str, tuple[str, ...]] = {
        "noun": ("DEAL", "AGREEMENT", "INVESTMENT"),
        "id": OBJECTS,
        "type": ("DealAnnounced", "AgreementSigned", "SectorAssigned", "FactCorrected", "EventRetracted"),
        "party": tuple(PARTIES),
        "country": tuple(PARTIES.values()),
        "sector": ("air", "rail"),
        "kind": ("LOAN", "SUPPLY", "PROTOCOL", "TREATY"),
        "commitment": ("ANNOUNCED", "INTENDED", "FIRM", "CONDITIONAL", "SUSPENDED"),
        "recordedBy": ACTORS,
    }
    filter: Json = {
        name: random.sample(values, random.randint(1, len(values)))
        for name, values in names.items()
        if random.random() < 0.2
    }
    return filter | {
        "changes": random.sample(CHANGES, random.randint(0, len(CHANGES))),
        "correctionsOnly": random.random() < 0.1,
    }


def fits(filter: Json, one: Json | None) -> bool:
    """Whether an object, as a query shows it, is one that is asked for."""
    if one is None or one["retracted"]:
        return False
    noun = one["id"].partition(":")[0]
    shows: dict[str, set[Any]] = {
        "noun": {noun.upper()},
        "id": {one["id"]},
        "kind": {one.get("kind")},
        "commitment": {one["far"]} if noun == "deal" else set(),
        "party": {link[name]["id"] for link in one["parties"] for name in ("party", "statedParty") if link[name]},
        "country": {link["country"] for link in one["parties"]},
        "sector": {each["code"] for each in one["sectors"]},
    }
    return all(values & set(filter[name]) for name, values in shows.items() if name in filter)


def changed(at: Recorded, now: Json, before: Json | None, position: int) -> set[str]:
    """What a client sees that happened to an object."""
    found = {"NEW"} if now["created"] == position else set()
    if before is not None:
        found |= {"COMMITMENT"} if now["far"] != before["far"] else set()
        worth = [[each.get("valueCovers"), (each.get("value") or {}).get("subject")] for each in (now, before)]
        shown = [(each.get("value") or {}).get("shown") for each in (now, before)]
        found |= {"VALUE"} if worth[0] != worth[1] or shown[0] != shown[1] else set()
    return found | ({"CORRECTION"} if at.event in CORRECTIONS else set())


def expected(filter: Json, log: list[Recorded]) -> list[tuple[int, str, str]]:
    """Each object once, when it first matches; then the wanted changes while it matches, or did just before."""
    told: set[str] = set()
    found = []
    for position, at in enumerate(log, 1):
        if at.event not in filter.get("type", CATALOGUE) or at.actor not in filter.get("recordedBy", ACTORS):
            continue
        if filter["correctionsOnly"] and at.event not in CORRECTIONS:
            continue
        for id, now in sorted(at.shown.items()):
            before = log[position - 2].shown.get(id)
            if id != at.stream and now == before:
                continue
            if fits(filter, now) and id not in told:
                told.add(id)
                found.append((position, id, "NEW"))
            elif fits(filter, now) or fits(filter, before):
                happened = changed(at, now, before, position)
                found += [(position, id, each) for each in CHANGES if each in happened and each in filter["changes"]]
    return found


@pytest.mark.parametrize("seed", range(4))
async def test_new_deals_tells_what_a_client_finds_who_asks_at_every_position(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    async with streaming(tmp_path) as api:
        log = await history(api, random, 150)
        told = 0
        for filter in [filter_of(random) for _ in range(40)]:
            messages = await api.told(DEALS, filter=filter)
            heard = [(each["position"], each["object"]["id"], each["change"]) for each in messages]
            assert heard == expected(filter, log), filter
            told += len(heard)
    assert told > 100
