"""Random histories: what the streams tell, live and replayed, is what a plain look at every position gives."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import apsw
import pytest

from domain.catalogue import CATALOGUE, CORRECTIONS
from domain.fact import Fact
from service.log.log import Entry
from service.replica.projector import Projector
from service.replica.store import Replica, open_for_writing
from service.replica.tables import TABLES
from service.streaming import CaughtUp, DealChange, Filter, Hub, Kind, Note, Place, Reading, whole
from service.streaming.filter import ORDER
from tests.support.histories import World, entries

OBJECTS = ("agreement:a0", "agreement:a1", "deal:d0", "deal:d1", "deal:d2")
PARTIES = ("party:p0", "party:p1")
SOURCES = ("source:s0", "source:s1")
_WHY = {"cause": "CLERICAL", "reason": "checked again"}


def history(random: Random, tries: int = 150) -> list[Fact]:
    """Facts that a record takes, in which deals often change by events of other streams."""
    world, facts = World(), []
    opened = [("SourceRegistered", id, {"kind": "NEWS", "title": id}) for id in SOURCES]
    opened += [("PartyRegistered", id, {"kind": "COMPANY", "name": id}) for id in PARTIES]
    for event, id, data in [*opened, *(attempt(random) for _ in range(tries))]:
        sources = (
            [] if CATALOGUE[event].editorial or event == "SourceRegistered" else [{"source": random.choice(SOURCES)}]
        )
        fact = world.take({"event": event, "id": id, "data": data, "sources": sources})
        if fact is not None:
            facts.append(fact)
    return facts


def attempt(random: Random) -> tuple[str, str, dict[str, Any]]:
    """Something that may be taken."""
    agreement, deal, number = random.choice(OBJECTS[:2]), random.choice(OBJECTS[2:]), random.choice("123")
    parties = [{"party": each, "role": "BUYER"} for each in random.sample(PARTIES, random.choice((0, 1, 2)))]
    money = {"low": number, "high": number, "currency": "USD", "basis": random.choice(("CONTRACT", "HEADLINE"))}
    line = {"key": "l", "item": "jets", "quantity": {"low": number, "high": number, "unit": "aircraft"}}
    choices: list[tuple[str, str, dict[str, Any]]] = [
        ("DealAnnounced", deal, {"title": number, "parties": parties}),
        ("AgreementAnnounced", agreement, {"kind": "PROTOCOL", "parties": parties}),
        (
            "AgreementSigned",
            agreement,
            {"kind": "PROTOCOL", "binding": random.choice(("YES", "NO")), "parties": parties},
        ),
        ("DealLinkedToAgreement", deal, {"agreement": agreement}),
        ("DealValueReported", deal, {"money": money}),
        ("DealLineReported", deal, {**line, "commitment": random.choice(("FIRM", "OPTION", "INTENDED"))}),
        ("ConditionSet", deal, {"key": number, "statement": "the loan is granted"}),
        ("ConditionMet", deal, {"key": number}),
        ("DealSuspended", deal, {}),
        ("DealResumed", deal, {}),
        ("FactCorrected", deal, {"target": random.randint(1, 9), "field": "money", "now": money, **_WHY}),
        ("EventRetracted", random.choice(OBJECTS), {"target": random.randint(1, 9), **_WHY}),
        ("SourceWithdrawn", SOURCES[1], {"reason": "taken back"}),
        ("PartyMerged", PARTIES[1], {"into": PARTIES[0], "reason": "the same"}),
    ]
    weights = [9, 2, 4, 6, 5, 5, 2, 2, 1, 1, 3, 5, 0.3, 0.3]
    return random.choices(choices, weights)[0]


def filter_of(random: Random) -> Filter:
    """Mostly one or two conditions."""

    def seldom(*names: str) -> frozenset[str] | None:
        return frozenset(random.sample(names, random.randint(1, len(names)))) if random.random() < 0.25 else None

    return Filter(
        nouns=seldom("deal"),
        ids=seldom(*OBJECTS),
        types=seldom("DealAnnounced", "DealLineReported", "AgreementSigned"),
        parties=seldom(*PARTIES),
        commitments=seldom("FIRM", "CONDITIONAL", "INTENDED", "ANNOUNCED", "SUSPENDED"),
        changes=frozenset(random.sample(ORDER, random.randint(0, len(ORDER)))),
        corrections_only=random.random() < 0.1,
    )


class Written:
    """A replica that a test advances itself."""

    def __init__(self, folder: Path) -> None:
        self.replica = Replica(folder, "record")
        self.connection = open_for_writing(self.replica.path)
        self.projector = Projector(self.connection)
        self.replica.follows = True

    def advance(self, batch: list[Entry]) -> None:
        self.projector.apply(batch)
        self.replica.advance(batch[-1].position)

    def close(self) -> None:
        self.replica.close()
        self.connection.close()


async def heard(hub: Hub, kind: Kind, filter: Filter, place: Place) -> list[Note]:
    """What is told behind a place up to now."""
    reading = Reading(hub, kind, filter, place)
    try:
        return [note async for note in notes(reading)]
    finally:
        reading.close()


async def notes(reading: Reading) -> Any:
    while not isinstance(item := await reading.next(), CaughtUp):
        assert item is not None
        yield item
        reading.took(item)


def plainly(connection: apsw.Connection, filter: Filter, log: list[Entry]) -> list[Place]:
    """newDeals by looking at every object at every position, remembering what was told."""
    told: set[str] = set()
    found: list[Place] = []
    for entry in log:
        for id in sorted(OBJECTS):
            found += _changes(connection, filter, entry, id, told)
    return found


def _changes(connection: apsw.Connection, filter: Filter, entry: Entry, id: str, told: set[str]) -> Iterator[Place]:
    at = entry.position
    noun = id.partition(":")[0]
    asks = (filter.nouns is None or noun in filter.nouns) and (filter.ids is None or id in filter.ids)
    asks = asks and (filter.commitments is None or noun == "deal")
    takes = (filter.types is None or entry.event in filter.types) and (
        not filter.corrections_only or entry.event in CORRECTIONS
    )
    if not (asks and takes and (entry.stream == id or _moved(connection, id, at))):
        return
    now, before = _shown(connection, id, at), _shown(connection, id, at - 1)
    if _fits(filter, now) and id not in told:
        told.add(id)
        yield (at, id, ORDER.index(DealChange.NEW))
        return
    if not (_fits(filter, now) or _fits(filter, before)):
        return
    happened = {
        DealChange.COMMITMENT: now and before and now[0] != before[0],
        DealChange.VALUE: now and before and now[1] != before[1],
        DealChange.CORRECTION: entry.event in CORRECTIONS,
    }
    yield from ((at, id, ORDER.index(each)) for each in ORDER if each in (filter.changes or ()) and happened.get(each))


def _moved(connection: apsw.Connection, id: str, at: int) -> bool:
    """Whether any row of the object begins or ends at the position."""
    for name, table in TABLES.items():
        sql = f"SELECT 1 FROM {name} WHERE {table.keys[0]} = ? AND (since = ? OR until = ?)"
        if connection.execute(sql, (id, at, at)).get:
            return True
    return False


def _shown(connection: apsw.Connection, id: str, at: int) -> tuple[Any, ...] | None:
    noun = id.partition(":")[0]
    alive = f"since <= {at} AND until > {at}"
    columns = {
        "deal": f"""commitment, json_array(value_subject, value_basis, value_covers, (SELECT shown FROM claimed
            WHERE owner = deal.id AND key = deal.value_subject AND {alive}))""",
        "agreement": "status, NULL",
    }[noun]
    row = connection.execute(f"SELECT {columns}, retracted FROM {noun} WHERE id = ? AND {alive}", (id,)).fetchone()
    links = connection.execute(f"SELECT party, stated_party FROM party_link WHERE owner = ? AND {alive}", (id,))
    return None if row is None else (*row, {party for link in links for party in link})


def _fits(filter: Filter, shown: tuple[Any, ...] | None) -> bool:
    return (
        shown is not None
        and not shown[2]
        and (filter.commitments is None or shown[0] in filter.commitments)
        and (filter.parties is None or bool(filter.parties & shown[3]))
    )


async def check(log: list[Entry], filter: Filter, kind: Kind, sizes: list[int]) -> list[Note]:
    """Hold live, replayed and resumed reading to each other; what was told."""
    with tempfile.TemporaryDirectory() as folder:
        written = Written(Path(folder))
        hub = Hub(written.replica)
        try:
            live = await lived(hub, kind, filter, written, log, sizes)
            replayed = await heard(hub, kind, filter, whole(0))
            assert live == replayed
            for number in range(0, len(replayed), 5):
                assert await heard(hub, kind, filter, replayed[number].place) == replayed[number + 1 :]
            if kind is Kind.DEALS:
                assert [note.place for note in replayed] == plainly(written.connection, filter, log)
            return replayed
        finally:
            hub.close()
            await asyncio.sleep(0)
            written.close()


async def lived(
    hub: Hub, kind: Kind, filter: Filter, written: Written, log: list[Entry], sizes: list[int]
) -> list[Note]:
    """What one that was there from the start is told while the log grows batch by batch."""
    reading = Reading(hub, kind, filter, None)
    found: list[Note] = []
    item = await reading.next()
    assert isinstance(item, CaughtUp)
    reading.took(item)
    at = 0
    for size in [*sizes, len(log)]:
        if batch := log[at : at + size]:
            written.advance(batch)
            at += size
        while hub.head < min(at, len(log)):  # noqa: ASYNC110  # the hub has no event for it
            await asyncio.sleep(0)
        while reading.resume < whole(hub.head):
            note = await reading.next()
            assert isinstance(note, Note)
            found.append(note)
            reading.took(note)
    reading.close()
    return found


@pytest.mark.parametrize("seed", range(12))
async def test_live_replayed_and_resumed_streams_tell_the_same_and_what_a_plain_look_tells(seed: int) -> None:
    random = Random(seed)
    log = entries(history(random))
    told = []
    for kind in (Kind.DEALS, Kind.DEALS, Kind.DEALS, Kind.EVENTS):
        told += await check(log, filter_of(random), kind, [random.randint(1, 15) for _ in range(8)])
    assert told


async def test_a_replica_that_cannot_be_read_holds_streams_up_loses_nothing_and_is_told_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log, written = entries(history(Random(1))), Written(tmp_path)
    hub = Hub(written.replica)
    reading = Reading(hub, Kind.EVENTS, Filter(), None)
    try:
        reading.took(await told_next(reading))
        written.projector.apply(log)
        written.connection.execute("ALTER TABLE event RENAME COLUMN recorded_by TO lost")
        written.replica.advance(log[-1].position)
        async with asyncio.timeout(30):
            while not caplog.records:  # noqa: ASYNC110  # what is logged wakes nobody
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.7)  # in which it is tried again, and is no news
        assert [record.name for record in caplog.records] == ["tamga.streams"]
        written.connection.execute("ALTER TABLE event RENAME COLUMN lost TO recorded_by")
        for entry in log:
            found = await told_next(reading)
            assert found.position == entry.position
            reading.took(found)
    finally:
        reading.close()
        hub.close()
        await asyncio.sleep(0)
        written.close()


async def told_next(reading: Reading) -> Note | CaughtUp:
    """The next that is told."""
    async with asyncio.timeout(30):
        found = await reading.next()
    assert found is not None
    return found
