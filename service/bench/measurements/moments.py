"""The same questions at past moments, beside now."""

from __future__ import annotations

from collections.abc import Iterable

from service.bench.bench import Bench
from service.bench.figures import Figure, measurement
from service.bench.history import deal_id
from service.bench.measurements.queries import LIST, Body, figure_of, joined, one

_SHARES = (10, 50, 90)


@measurement("asof", "list and one as of 10, 50 and 90% of history")
def past(bench: Bench) -> Iterable[Figure]:
    """What time travel costs."""
    positions = {share: bench.events * share // 100 for share in _SHARES}
    early = [deal_id(number) for number in range(min(20, bench.deals // 20 + 1))]
    yield from _beside_now(bench, "list", [LIST], {share: [_at(LIST, at)] for share, at in positions.items()})
    yield from _beside_now(bench, "one", one(early), {share: one(early, at) for share, at in positions.items()})


_FILTERS = (
    "kind: [LOAN]",
    "kind: [LOAN, PROCUREMENT]",
    "commitment: [FIRM]",
    "verification: [SINGLE_ORIGIN]",
    'country: ["KAZ"]',
    'sector: {code: ["mining"]}',
    'party: {party: ["party:p7"]}',
    'announced: {since: "2015-01-01", until: "2015-12-31"}',
)
_ORDERS = ("RECORDED_NEWEST", "NEWEST", "VALUE_HIGHEST", "TITLE")


@measurement("filters", "50 deals by each of 8 filters in each of 4 orders, now and as of half of history")
def filters(bench: Bench) -> Iterable[Figure]:
    """Any page of a frontend with filters; the slowest is in p99."""
    query = "query L($n: Int!) {{ deals(first: $n, filter: {{{}}}, orderBy: {}) {{ nodes {{ id title }} }} }}"
    now: list[Body] = [
        {"query": query.format(filter, order), "variables": {"n": 50}} for filter in _FILTERS for order in _ORDERS
    ]
    yield from _beside_now(bench, "filters", now, {50: [_at(body, bench.events // 2) for body in now]})


def _beside_now(bench: Bench, name: str, now: list[Body], past: dict[int, list[Body]]) -> Iterable[Figure]:
    for share, bodies in past.items():
        seconds = bench.seconds / 2 / len(bench.turns)
        turns = [[bench.loader.run(bench.tamga, asked, seconds) for asked in (now, bodies)] for _ in bench.turns]
        today, then = (joined(loads) for loads in zip(*turns, strict=True))
        yield figure_of(f"{name} at {share}%", then, bench.tamga, beside="now", other=today.rate)


def _at(body: Body, position: int) -> Body:
    query = str(body["query"]).replace("deals(first: $n", "deals(first: $n, asOf: $at").replace("$n:", "$at: AsOf, $n:")
    return {"query": query, "variables": {**body["variables"], "at": {"position": position}}}
