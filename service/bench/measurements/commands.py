"""Whole commands: read, checked, recorded and durable, by several clients at once."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing

from domain.catalogue import read_fact
from service.bench.bench import Bench
from service.bench.figures import Figure, measurement, percentile
from service.bench.measurements.appends import Append, database, opened, plural, timed
from service.log import Log
from service.registry import Registry

_CLIENTS = 8


@measurement("command", "durable commands a second through the Registry, by 8 clients")
def commands(bench: Bench) -> Iterable[Figure]:
    """Load the stream, check the fact against it, record it."""
    with bench.scratch() as folder, opened(f"sqlite:///{folder}/log.db") as log:
        yield _figure(bench, f"command, SQLite, {plural(_CLIENTS)}", log)
    if bench.postgres:
        with database(bench.postgres) as url, opened(url) as log:
            yield _figure(bench, f"command, PostgreSQL, {plural(_CLIENTS)}", log)


def _figure(bench: Bench, name: str, log: Log) -> Figure:
    with closing(Registry(log)) as registry:
        rate, latencies = timed(announcing(registry), _CLIENTS, bench.seconds / 2)
    return Figure(
        name=name,
        value=rate,
        unit="commands/s",
        p50=percentile(latencies, 0.5),
        p99=percentile(latencies, 0.99),
    )


def announcing(registry: Registry) -> Append:
    """Announce one deal after the other, on one source."""
    source = {"event": "SourceRegistered", "id": "source:s", "data": {"kind": "NEWS", "title": "A paper"}}
    registry.record([read_fact(source)], actor="bench")

    def record(client: int, number: int) -> None:
        data = {"title": f"Deal number {number} about rolling stock"}
        fact = {"event": "DealAnnounced", "id": f"deal:c{client}-{number}", "sources": [{"source": "source:s"}]}
        registry.record([read_fact({**fact, "data": data})], actor="bench")

    return record
