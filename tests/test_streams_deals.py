"""newDeals: each deal once, when it first matches, and the changes that are asked for, whatever event causes them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from schema.context import Message as Sent
from tests.support.examples import AIRLINE, ARTICLE, CONTRACT, DEAL, RELEASE, Json, bare, dollars, number, opened_world
from tests.support.streams import DEALS, Streaming, hear, streaming, until_live

JETS = {"key": "jets", "item": "787-9", "quantity": number("2", "aircraft")}
RAIL = {"scheme": "AS_STATED", "code": "rail"}


@pytest.fixture
async def api(tmp_path: Path, database_url: str) -> AsyncIterator[Streaming]:
    async with streaming(tmp_path, database_url) as opened:
        await opened.add(*opened_world())
        yield opened


def brief(messages: list[Json]) -> list[tuple[str, str]]:
    return [(each["object"]["id"], each["change"]) for each in messages]


async def told(api: Streaming, **filter: Any) -> list[tuple[str, str]]:
    return brief(await api.told(DEALS, filter=filter))


async def test_each_deal_agreement_and_investment_is_told_once(api: Streaming) -> None:
    ids = [CONTRACT, "agreement:letter", DEAL, "deal:locomotives", "investment:plant"]
    assert await told(api) == [(id, "NEW") for id in ids]


async def test_a_deal_is_told_when_it_first_matches_which_may_be_long_after_it_was_opened(api: Streaming) -> None:
    assert await told(api, sector=["rail"]) == []
    await api.add(bare("SectorAssigned", "deal:locomotives", sectors=[RAIL]))
    messages = await api.told(DEALS, filter={"sector": ["rail"]})
    assert brief(messages) == [("deal:locomotives", "NEW")]
    assert messages[0]["event"] == {"id": "deal:locomotives@2"}


async def test_a_deal_that_matches_again_is_not_told_again(api: Streaming) -> None:
    await api.add(bare("SectorAssigned", "deal:locomotives", sectors=[RAIL]))
    await api.add(bare("EventRetracted", "deal:locomotives", target=2, cause="MISREAD", reason="not of rail"))
    await api.add(bare("SectorAssigned", "deal:locomotives", sectors=[RAIL]))
    assert await told(api, sector=["rail"]) == [("deal:locomotives", "NEW")]


async def test_a_change_is_told_whichever_stream_causes_it(api: Streaming) -> None:
    asked = {"filter": {"id": ["deal:locomotives"], "changes": ["COMMITMENT"]}, "after": "0"}
    async with api.open(DEALS, **asked) as stream:
        await until_live(stream)
        await api.add(bare("DealLinkedToAgreement", "deal:locomotives", agreement="agreement:letter"))
        await api.add(bare("AgreementSigned", "agreement:letter", kind="PURCHASE_CONTRACT", binding="YES"))
        message = await hear(stream)
    assert message["change"] == "COMMITMENT"
    assert message["event"]["id"].startswith("agreement:letter@")
    assert message["deal"] == {"title": "Locomotives", "commitment": "FIRM"}


async def test_one_event_that_changes_several_deals_sends_a_message_for_each_with_cursors_between(
    api: Streaming,
) -> None:
    deals = [f"deal:of-letter-{number}" for number in range(3)]
    await api.add(*(bare("DealAnnounced", each, title=each) for each in deals))
    await api.add(*(bare("DealLinkedToAgreement", each, agreement="agreement:letter") for each in deals))
    await api.add(bare("AgreementSigned", "agreement:letter", kind="PURCHASE_CONTRACT", binding="YES"))
    changed = {"noun": ["DEAL"], "changes": ["COMMITMENT"]}
    messages = [each for each in await api.told(DEALS, filter=changed) if each["change"] == "COMMITMENT"][-3:]
    assert brief(messages) == [(each, "COMMITMENT") for each in deals]
    assert len({each["position"] for each in messages}) == 1
    rest = await api.told(DEALS, filter=changed, after=messages[0]["cursor"])
    assert rest == messages[1:]


async def test_a_value_that_is_corrected_is_a_change_of_value_and_a_correction(api: Streaming) -> None:
    now = dollars("8300000000", "CONTRACT")
    fact = bare("FactCorrected", DEAL, target=2, field="money", now=now, cause="MISREAD", reason="one line too low")
    await api.add(fact)
    assert await told(api, id=[DEAL], changes=["VALUE", "CORRECTION"]) == [
        (DEAL, "NEW"),
        (DEAL, "VALUE"),
        (DEAL, "VALUE"),
        (DEAL, "CORRECTION"),
    ]


async def test_a_source_that_is_withdrawn_corrects_what_rests_on_it(api: Streaming) -> None:
    cited = {**bare("DealAnnounced", "deal:hearsay", title="Hearsay"), "sources": [{"source": ARTICLE}]}
    await api.add(cited, bare("SourceWithdrawn", ARTICLE, reason="the paper took it back"))
    assert await told(api, id=["deal:hearsay"], changes=["CORRECTION"]) == [
        ("deal:hearsay", "NEW"),
        ("deal:hearsay", "CORRECTION"),
    ]


async def test_a_retracted_deal_is_corrected_once_and_then_silent(api: Streaming) -> None:
    await api.add(bare("DealAnnounced", "deal:never", title="Never"))
    await api.add(bare("EventRetracted", "deal:never", target=1, cause="MISREAD", reason="there was none"))
    await api.add(bare("DealLineReported", "deal:never", commitment="FIRM", **JETS))
    asked = {"id": ["deal:never"], "changes": ["COMMITMENT", "CORRECTION"]}
    assert await told(api, **asked) == [("deal:never", "NEW"), ("deal:never", "CORRECTION")]


FILTERS: list[tuple[Json, list[str]]] = [
    ({"noun": ["INVESTMENT"]}, ["investment:plant"]),
    ({"kind": ["PURCHASE_CONTRACT"]}, [CONTRACT]),
    ({"country": ["KAZ"]}, ["deal:rails"]),
    ({"party": [AIRLINE]}, ["deal:flights"]),
    ({"commitment": ["FIRM"]}, [DEAL]),
    ({"commitment": ["ANNOUNCED"]}, [DEAL, "deal:locomotives", "deal:rails", "deal:flights"]),
    ({"sector": ["rail"]}, ["deal:rails"]),
    ({"country": ["KAZ", "USA"], "sector": ["rail"]}, ["deal:rails"]),
    ({"country": ["KAZ"], "sector": ["aviation"]}, []),
    ({"recordedBy": ["key:other"]}, ["deal:rails", "deal:flights"]),
    ({"type": ["InvestmentMade"]}, ["investment:plant"]),
    ({"id": [DEAL], "noun": ["AGREEMENT"]}, []),
    ({"correctionsOnly": True}, []),
]


async def test_filters_choose_by_what_the_object_shows_and_by_its_event(api: Streaming) -> None:
    await api.add(bare("PartyRegistered", "party:kz-rail", kind="COMPANY", name="Rail", seat="KAZ"))
    rail = [{"party": "party:kz-rail", "role": "BUYER"}]
    await api.add(
        bare("DealAnnounced", "deal:rails", title="Rails", sectors=[RAIL], parties=rail),
        bare("DealAnnounced", "deal:flights", title="Flights", parties=[{"party": AIRLINE, "role": "SELLER"}]),
        actor="key:other",
    )
    found = [(filter, [id for id, _ in await told(api, **filter)]) for filter, _ in FILTERS]
    assert found == FILTERS


async def test_one_event_that_changes_more_deals_than_a_group_keeps_is_told_whole_to_whoever_waits(
    api: Streaming,
) -> None:
    deals = [f"deal:hearsay-{number:03}" for number in range(300)]
    await api.add(*({**bare("DealAnnounced", each, title=each), "sources": [{"source": ARTICLE}]} for each in deals))
    async with api.open(DEALS, filter={"noun": ["DEAL"], "changes": ["CORRECTION"]}) as stream:
        await until_live(stream)
        taken: list[Sent] = []
        whole = asyncio.Event()

        def take(sent: Sent) -> bool:
            taken.append(sent)
            if len(taken) == len(deals):
                whole.set()
            return True

        async def read() -> None:
            async for sent in stream:
                take(sent)

        stream.hand_to(take)
        reader = asyncio.create_task(read())
        await asyncio.sleep(0)
        await api.add(bare("SourceWithdrawn", ARTICLE, reason="the paper took it back"))
        await asyncio.wait_for(whole.wait(), 60)
        reader.cancel()
    assert [orjson.loads(sent.payload)["data"]["newDeals"]["object"]["id"] for sent in taken] == deals


async def test_a_deal_is_told_once_however_much_was_recorded_of_it_before_it_matched(api: Streaming) -> None:
    voiced = [bare("AssessmentVoiced", "deal:locomotives", theme="ties", statement=f"Said {n}") for n in range(40)]
    await api.add(*voiced)
    asked = {"filter": {"type": ["AssessmentVoiced"], "sector": ["rail"]}, "after": "0"}
    async with api.open(DEALS, **asked) as stream:
        assert await until_live(stream) == []
        await api.add(bare("SectorAssigned", "deal:locomotives", sectors=[RAIL]))
        await api.add(*voiced[:2])
        await api.add(
            bare("SectorAssigned", DEAL, sectors=[RAIL]), bare("AssessmentVoiced", DEAL, theme="a", statement="b")
        )
        heard = [await hear(stream), await hear(stream)]
    assert brief(heard) == [("deal:locomotives", "NEW"), (DEAL, "NEW")]
    assert brief(await api.told(DEALS, filter=asked["filter"])) == brief(heard)


async def test_an_event_that_reaches_very_many_deals_is_told_of_each(api: Streaming) -> None:
    many = sorted(f"deal:many-{number}" for number in range(70))
    await api.add(*(bare("DealAnnounced", id, title="One of many") for id in many))
    async with api.open(DEALS, filter={"id": many, "type": ["SourceWithdrawn"]}, after="0") as stream:
        await until_live(stream)
        await api.add(bare("SourceWithdrawn", RELEASE, reason="it was invented"))
        assert brief([await hear(stream) for _ in many]) == [(id, "NEW") for id in many]
