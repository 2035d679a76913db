"""Queries over HTTP, each beside the same question to plain Strawberry, in turns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from service.bench.bench import Bench
from service.bench.figures import Figure, measurement
from service.bench.history import deal_id
from service.bench.load import Load
from service.bench.server import Server

Body = dict[str, Any]

_FIELDS = """id title kind commitment value { shown { low currency } } announced { shown { edtf } } sectors { code }
parties { party { id name country } }"""
_PLAIN = "id title kind commitment value currency announced sectors parties { id name country }"

LIST: Body = {
    "query": f"query L($n: Int!) {{ deals(first: $n) {{ nodes {{ {_FIELDS} }} }} }}",
    "variables": {"n": 50},
}


def one(ids: Iterable[str], moment: int | None = None) -> list[Body]:
    """One deal by id, for each id; at a position if one is given."""
    query = f"query O($id: ID!, $at: AsOf) {{ deal(id: $id, asOf: $at) {{ {_FIELDS} }} }}"
    at = None if moment is None else {"position": moment}
    return [{"query": query, "variables": {"id": id, "at": at}} for id in ids]


def some(bench: Bench, count: int = 50) -> range:
    """Numbers of deals all over the record."""
    return range(0, bench.deals, max(1, bench.deals // count))


@measurement("list", "the 50 latest deals with 8 fields and their parties")
def latest(bench: Bench) -> Iterable[Figure]:
    """The list that most frontends open with."""
    plain = {"query": f"query L($n: Int!) {{ deals(first: $n) {{ {_PLAIN} }} }}", "variables": {"n": 50}}
    yield compared(bench, "list", [LIST], [plain])


@measurement("one", "one deal by its id, with its parties")
def single(bench: Bench) -> Iterable[Figure]:
    """What a page about one deal asks."""
    query = f"query O($id: ID!) {{ deal(id: $id) {{ {_PLAIN} }} }}"
    plain = [{"query": query, "variables": {"id": str(number)}} for number in some(bench)]
    mine = f"query O($id: ID!) {{ deal(id: $id) {{ {_FIELDS} }} }}"
    yield compared(
        bench, "one", [{"query": mine, "variables": {"id": deal_id(number)}} for number in some(bench)], plain
    )


@measurement("page", "50 deals of a kind, the highest value first")
def page(bench: Bench) -> Iterable[Figure]:
    """A filtered and sorted page."""
    mine = f"{{ deals(first: 50, filter: {{kind: [LOAN]}}, orderBy: VALUE_HIGHEST) {{ nodes {{ {_FIELDS} }} }} }}"
    plain = f'{{ page(first: 50, kind: "LOAN") {{ {_PLAIN} }} }}'
    yield compared(bench, "page", [{"query": mine}], [{"query": plain}])


@measurement("totals", "sums by kind and currency of all deals that are firm")
def totals(bench: Bench) -> Iterable[Figure]:
    """The whole record added up."""
    mine = "{ dealTotals(by: [KIND]) { counted totals { kind currency total count } } }"
    yield compared(bench, "totals", [{"query": mine}], [{"query": "{ totals { kind currency total count } }"}])


@measurement("search", "the 20 best hits of a full-text search for two words")
def search(bench: Bench) -> Iterable[Figure]:
    """Words that few deals have."""
    numbers = some(bench, 20)
    query = "query S($t: String!) { search(text: $t, first: 20) { nodes { title snippet } } }"
    mine = [{"query": query, "variables": {"t": f"stock {number}"}} for number in numbers]
    other = "query S($t: String!) { search(text: $t, first: 20) { id title } }"
    plain = [{"query": other, "variables": {"t": f"stock {number}"}} for number in numbers]
    yield compared(bench, "search", mine, plain)


def compared(bench: Bench, name: str, mine: Sequence[Body], plain: Sequence[Body]) -> Figure:
    """Load both servers in turns with the same question."""
    loads: dict[str, list[Load]] = {}
    for _ in bench.turns:
        for server, bodies in ((bench.tamga, mine), (bench.plain, plain)):
            loads.setdefault(server.name, []).append(bench.loader.run(server, bodies, bench.seconds / len(bench.turns)))
    ours, other = (joined(loads[server.name]) for server in (bench.tamga, bench.plain))
    return figure_of(name, ours, bench.tamga, beside=bench.plain.name, other=other.rate)


def joined(loads: Sequence[Load]) -> Load:
    """Several loads of the same length as one."""
    latencies = [latency for load in loads for latency in load.latencies]
    return Load(sum(load.rate for load in loads) / len(loads), latencies)


def figure_of(name: str, load: Load, server: Server, **other: Any) -> Figure:
    """The figure of a load."""
    return Figure(
        name=name, value=load.rate, unit="requests/s", p50=load.p50, p99=load.p99, memory=server.memory(), **other
    )
