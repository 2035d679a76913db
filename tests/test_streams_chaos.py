"""Streams while nodes are killed, connections break and readers dawdle: each matching event once, in order."""

import asyncio
import gc
import random
import signal
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from domain.catalogue import read_fact
from domain.fact import Fact
from service.log import Entry, Log, open_log
from service.registry import Registry
from tests.support.examples import ARTICLE, RELEASE, Json, bare, opened_world
from tests.support.ports import free_port
from tests.support.serving_node import ServingNode
from tests.support.stream_clients import Ended, messages_over_socket, messages_over_sse
from tests.support.streams import DEALS, EVENTS

WORLD = len(opened_world())
TOLD = ("agreement:", "deal:", "investment:")
BROKEN = (OSError, ConnectionClosed, InvalidHandshake, httpx.TransportError, TimeoutError, Ended)
STREAMS: list[tuple[str, Json | None]] = [
    (EVENTS, None),
    (EVENTS, {"noun": ["DEAL"]}),
    (EVENTS, {"type": ["DealValueReported", "DealLineReported"]}),
    (EVENTS, {"recordedBy": ["key:odd"]}),
    (EVENTS, {"id": ["deal:c3", "deal:c11"]}),
    (DEALS, {"recordedBy": ["key:odd"], "changes": ["COMMITMENT", "CORRECTION"]}),
]
Told = tuple[int, str, str | None]
"""A position, the object that a message is about, and what happened to it, in newDeals."""


def facts(number: int) -> list[Fact]:
    """A deal, its value and a line; every twentieth rests on what is withdrawn in the end."""
    sources = [{"source": ARTICLE if number % 20 else RELEASE}]
    amount = {"low": "5", "high": "5"}
    contents: list[tuple[str, Json]] = [
        ("DealAnnounced", {"title": f"Deal {number}"}),
        ("DealValueReported", {"money": {**amount, "currency": "USD", "basis": "CONTRACT"}}),
        ("DealLineReported", {"key": "l", "item": "787", "quantity": {**amount, "unit": "jets"}, "commitment": "FIRM"}),
    ]
    return [read_fact({**bare(event, f"deal:c{number}", **data), "sources": sources}) for event, data in contents]


class Reader:
    """A client that loses its connection now and then, and goes on from its cursor wherever a node answers."""

    def __init__(self, nodes: list[ServingNode], seed: int) -> None:
        self.query, self.filter = STREAMS[seed % len(STREAMS)]
        self.nodes = nodes
        self.random = random.Random(seed)
        self.cursor = "0"
        self.heard: list[Told] = []
        self.connections = 0

    async def run(self, client: httpx.AsyncClient) -> None:
        while True:
            node = self.random.choice(self.nodes)
            with suppress(*BROKEN):
                await self._connected(client, node)
            await asyncio.sleep(self.random.random() / 2)

    async def _connected(self, client: httpx.AsyncClient, node: ServingNode) -> None:
        asked: dict[str, Any] = {"filter": self.filter, "after": self.cursor}
        address = f"127.0.0.1:{node.port}/graphql"
        opened = (
            messages_over_socket(f"ws://{address}", self.query, **asked)
            if self.random.random() < 0.5
            else messages_over_sse(client, f"http://{address}", self.query, **asked)
        )
        patience = self.random.randint(5, 400)
        async with opened as messages:
            self.connections += 1
            async for payload in messages:
                self._take(payload)
                patience -= 1
                if patience == 0:
                    return
                if self.random.random() < 0.003:
                    await asyncio.sleep(self.random.random())

    def _take(self, payload: Json) -> None:
        if payload["data"] is None:
            self.cursor = payload["extensions"]["resume"]
            return
        (value,) = payload["data"].values()
        self.cursor = value["cursor"]
        if value["__typename"] != "CaughtUp":
            self.heard.append((value["position"], value["object"]["id"], value.get("change")))

    def expected(self, entries: list[Entry]) -> list[Told]:
        """What it must hear of a log that ends with the withdrawal of a source."""
        if self.query == EVENTS:
            return [(entry.position, entry.stream, None) for entry in entries if matches(self.filter, entry)]
        changes = {"DealAnnounced": "NEW", "DealLineReported": "COMMITMENT"}
        odd = [entry for entry in entries if entry.recorded_by == "key:odd" and entry.event in changes]
        known = {entry.stream for entry in odd}
        reached = sorted({entry.stream for entry in entries if rests_on_it(entry)})
        last = [(entries[-1].position, id, "CORRECTION" if id in known else "NEW") for id in reached]
        return [*((entry.position, entry.stream, changes[entry.event]) for entry in odd), *last]


def rests_on_it(entry: Entry) -> bool:
    """Whether it is of a deal, an agreement or an investment, and rests on what is withdrawn."""
    return entry.stream.startswith(TOLD) and RELEASE.encode() in bytes(entry.state)


def matches(filter: Json | None, entry: Entry) -> bool:
    names = {"noun": entry.stream.partition(":")[0].upper(), "type": entry.event, "id": entry.stream}
    names["recordedBy"] = entry.recorded_by
    return filter is None or all(names[name] in wanted for name, wanted in filter.items())


async def record(registry: Registry, events: int, seed: int) -> None:
    """Record deals at an uneven pace; in the end one event reaches many."""
    paced = random.Random(seed)
    for number in range(events // 3):
        actor = "key:odd" if number % 7 == 0 else "key:even"
        await asyncio.to_thread(partial(registry.record, facts(number), actor=actor))
        if paced.random() < 0.1:
            await asyncio.sleep(paced.random() * 0.1)
    withdrawal = read_fact(bare("SourceWithdrawn", RELEASE, reason="it was invented"))
    await asyncio.to_thread(partial(registry.record, [withdrawal], actor="key:odd"))


async def kill_often(nodes: list[ServingNode], rounds: int, seed: int) -> None:
    """Kill one node, or end it politely, let it come back, and take the next."""
    chosen = random.Random(seed)
    for number in range(rounds):
        await asyncio.sleep(chosen.random())
        node = nodes[number % len(nodes)]
        await asyncio.to_thread(node.end, signal.SIGTERM if number % 3 == 2 else signal.SIGKILL)
        node.start()
        assert await asyncio.to_thread(node.ready, 90)


async def trouble(folder: Path, log: Log, url: str, readers: int, events: int, kills: int) -> list[Reader]:
    """Everything at once; then the readers get time to reach the end."""
    registry = Registry(log)
    registry.record([read_fact(fact) for fact in opened_world()], actor="key:even")
    nodes = [ServingNode(folder / f"node{number}", url, free_port()) for number in range(2)]
    for node in nodes:
        node.start()
    try:
        for node in nodes:
            assert await asyncio.to_thread(node.ready)
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(verify=False, timeout=30, limits=limits) as client:
            opened = [Reader(nodes, seed) for seed in range(readers)]
            tasks = [asyncio.create_task(reader.run(client)) for reader in opened]
            try:
                await asyncio.gather(record(registry, events, 1), kill_often(nodes, kills, 2))
                await settled(opened, log.select_notifications(1, 100_000))
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.2)  # until the sockets of clients that were cut off are closed
        gc.collect()  # those that none closed are told of here, where it is no error
        return opened
    finally:
        for node in nodes:
            node.end()


async def settled(readers: list[Reader], entries: list[Entry]) -> None:
    """Wait until every reader heard as much as it must, and a little more, in which a repeat would show."""
    wanted = {reader: len(reader.expected(entries)) for reader in readers}
    async with asyncio.timeout(60 + len(entries) / 50):
        while any(len(reader.heard) < number for reader, number in wanted.items()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await asyncio.sleep(1)


@pytest.mark.fault
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # clients that are cut off leave sockets
@pytest.mark.parametrize(
    ("database_url", "readers", "events", "kills"),
    [
        ("sqlite", 15, 900, 2),
        pytest.param("sqlite", 200, 9999, 12, marks=pytest.mark.soak),
        pytest.param("postgresql", 200, 9999, 12, marks=pytest.mark.soak),
    ],
    indirect=["database_url"],
)
async def test_each_reader_gets_each_matching_event_once_and_in_order(
    tmp_path: Path, database_url: str, readers: int, events: int, kills: int
) -> None:
    log = open_log(database_url)
    try:
        opened = await trouble(tmp_path, log, database_url, readers, events, kills)
        entries = log.select_notifications(1, 100_000)
        assert len(entries) == WORLD + events // 3 * 3 + 1
        for reader in opened:
            assert reader.heard == reader.expected(entries)
        assert sum(reader.connections for reader in opened) > 2 * readers
    finally:
        log.close()
