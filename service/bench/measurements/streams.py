"""Streams: commit to subscriber, what an idle subscriber takes, replay, and what filters cost that cannot match."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterable
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path
from typing import Any

from domain.catalogue import read_fact
from service.bench import server
from service.bench.bench import Bench
from service.bench.figures import Figure, measurement, percentile
from service.bench.server import Server
from service.bench.subscribers import SSE, WEBSOCKET, Subscribers
from service.log import open_log
from service.registry import Registry
from service.streaming.filter import Filter, Kind
from service.streaming.group import Group, Index
from service.streaming.happening import Happening, State, Touched
from service.streaming.match import notes_of

_ROUNDS = 40
_MANY = 10_000
_FULL = 100_000
"""Deals in the full record."""
_RECORD = "mutation($input: DealAnnouncedInput!) { recordDealAnnounced(input: $input) { __typename } }"
_numbers = count()


@measurement("streams", "milliseconds from commit to subscriber; a replay; filters that cannot match")
def streams(bench: Bench) -> Iterable[Figure]:
    """Each subscriber has a connection and a filter of its own; 10,000 of them with the full record alone."""
    yield filters_that_cannot_match()
    for over in (WEBSOCKET, SSE):
        yield _replay(bench.tamga, over, bench.events)
    for over in (WEBSOCKET, SSE):
        for subscribed in _counts(bench):
            with bench.scratch() as folder:
                _world(f"sqlite:///{folder}/log.db")
                with closing(server.tamga(folder)) as serving, closing(Subscribers(serving.port, over)) as opened:
                    yield from _latency(serving, folder, opened, f"{subscribed:,} by {over}", subscribed, bench.seconds)
    yield _shutdown(bench)


def _shutdown(bench: Bench) -> Figure:
    """From SIGTERM to the end of a node with open streams, half of them by each transport; each is told of it."""
    half = 500 if bench.seconds >= 1 else 10
    with bench.scratch() as folder, ExitStack() as stack:
        _world(f"sqlite:///{folder}/log.db")
        serving = stack.enter_context(closing(server.tamga(folder)))
        opened = [stack.enter_context(closing(Subscribers(serving.port, over))) for over in (WEBSOCKET, SSE)]
        for each in opened:
            each.open(half)
        began = time.perf_counter()
        serving.close()
        took = time.perf_counter() - began
        for each in opened:
            each.ended(half)
    return Figure(name=f"SIGTERM with {2 * half:,} streams", value=took * 1000, unit="ms")


def _counts(bench: Bench) -> tuple[int, ...]:
    """How many subscribers, by how much is to be measured."""
    if bench.seconds < 1:
        return (20,)
    return (1, 1_000, _MANY) if bench.deals >= _FULL else (1, 1_000)


def _latency(
    serving: Server, folder: Path, opened: Subscribers, name: str, subscribed: int, seconds: float
) -> Iterable[Figure]:
    """From the log's own time of an event, taken before its commit, to the arrival at each subscriber."""
    before = serving.memory()
    opened.open(subscribed)
    time.sleep(0.5)
    each = (serving.memory() - before) * 1024 / subscribed
    if subscribed >= 1_000:
        yield Figure(name=f"idle: {name}", value=each, unit="KB each")
    key = (folder / "recorder.key").read_text().strip()
    delays: list[float] = []
    spent = 0.0
    rounds = _ROUNDS if seconds >= 1 else 3
    for number in range(rounds):
        began = serving.cpu()
        _announce(serving.port, key)
        heard = opened.delays(subscribed)
        if number > 1:
            delays += heard
            spent += serving.cpu() - began
        time.sleep(0.05)
    p50, p99 = percentile(delays, 0.5), percentile(delays, 0.99)
    yield Figure(name=f"commit to {name}", value=p99, unit="ms (p99)", p50=p50, p99=p99)
    yield Figure(name=f"one event, {name}", value=spent / len(delays) * 1e6, unit="us CPU each")


def _replay(serving: Server, over: str, events: int) -> Figure:
    """How fast the whole record comes over one connection."""
    with closing(Subscribers(serving.port, over)) as one:
        began = time.perf_counter()
        one.replay(events)
        rate = events / (time.perf_counter() - began)
    return Figure(name=f"replay by {over}", value=rate, unit="events/s", memory=serving.memory())


def filters_that_cannot_match(filters: int = 1_000, events: int = 500) -> Figure:
    """What an event costs for each of many filters that do not match it, by difference to having none."""
    happening, index = _happening(), Index()
    alone = _per_event(index, happening, events)
    for number in range(filters):
        index.add(Group(Kind.DEALS if number % 2 else Kind.EVENTS, _other(number), 0))
    whole = _per_event(index, happening, events)
    return Figure(name="filter that does not match", value=(whole - alone) / filters * 1e6, unit="us an event")


def _other(number: int) -> Filter:
    """A filter that the happening does not match; a fifth of them share its party, and are looked at."""
    name = frozenset([f"other-{number}"])
    choices = (
        Filter(parties=name),
        Filter(types=frozenset(["DealCancelled"]), recorded_by=name),
        Filter(countries=frozenset(["KAZ"]), sectors=frozenset(["bench"])),
        Filter(parties=frozenset(["party:bench-0"]), commitments=frozenset(["COMPLETED"]), kinds=name),
        Filter(nouns=frozenset(["agreement"])),
    )
    return choices[number % len(choices)]


def _happening() -> Happening:
    shows = (frozenset(["party:bench-0"]), frozenset(["UZB"]), frozenset(["bench"]))
    now = State(1, False, "PROCUREMENT", "ANNOUNCED", "ANNOUNCED", None, *shows)
    made = Happening(1, "deal:x@1", "deal:x", "deal", "DealAnnounced", "key:x")
    made.objects.append(Touched("deal:x", "deal", now, None))
    return made


def _per_event(index: Index, happening: Happening, events: int) -> float:
    began = time.process_time()
    for _ in range(events):
        for group in index.candidates(happening):
            notes_of(group.kind, group.filter, happening, lambda filter, id, position: False)
    return (time.process_time() - began) / events


def _world(log_url: str) -> None:
    """A source and a buyer, on whom everything that is announced rests."""
    source = {"event": "SourceRegistered", "id": "source:bench", "data": {"kind": "NEWS", "title": "A paper"}}
    buyer = {"kind": "COMPANY", "name": "A buyer", "seat": "UZB"}
    party = {"event": "PartyRegistered", "id": "party:bench-0", "sources": [{"source": "source:bench"}], "data": buyer}
    log = open_log(log_url)
    try:
        Registry(log).record([read_fact(source), read_fact(party)], actor="key:bench")
    finally:
        log.close()


def _announce(port: int, key: str) -> None:
    """Announce a deal that every filter takes, by mutation."""
    number = next(_numbers)
    deal: dict[str, Any] = {
        "id": f"deal:bench-{number}",
        "title": f"Deal {number}",
        "kind": "PROCUREMENT",
        "parties": [{"party": "party:bench-0", "role": "BUYER"}],
        "sectors": [{"scheme": "AS_STATED", "code": "bench"}],
        "sources": [{"source": "source:bench"}],
    }
    body = json.dumps({"query": _RECORD, "variables": {"input": deal}}).encode()
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/graphql", body, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        said = answer.read()
    if b'"Recorded"' not in said:
        raise RuntimeError(f"not recorded: {said[:500]!r}")
