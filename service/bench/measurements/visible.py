"""How soon what was recorded can be read from the replica of the same node."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from service.bench.bench import Bench
from service.bench.figures import Figure, measurement, percentile
from service.bench.measurements.appends import database, opened
from service.bench.measurements.commands import announcing
from service.log import Log
from service.registry import Registry
from service.replica.follow import Follower
from service.replica.store import Replica


@measurement("visible", "milliseconds from a command's answer until reads see it")
def visible(bench: Bench) -> Iterable[Figure]:
    """One command after the other, each waited for."""
    with bench.scratch() as folder, opened(f"sqlite:///{folder}/log.db") as log:
        yield _figure(bench, "visible, SQLite", log, folder)
    if bench.postgres:
        with bench.scratch() as folder, database(bench.postgres) as url, opened(url) as log:
            yield _figure(bench, "visible, PostgreSQL", log, folder)


def _figure(bench: Bench, name: str, log: Log, folder: Path) -> Figure:
    replica = Replica(folder, log.record_id)
    follower = Follower(log, replica)
    follower.start()
    try:
        with closing(Registry(log)) as registry:
            waits = _waits(bench, registry, log, replica)
    finally:
        follower.stop()
        replica.close()
    p50, p99 = percentile(waits, 0.5), percentile(waits, 0.99)
    return Figure(name=name, value=p99, unit="ms (p99)", p50=p50, p99=p99)


def _waits(bench: Bench, registry: Registry, log: Log, replica: Replica) -> list[float]:
    record, started = announcing(registry), time.perf_counter()
    waits: list[float] = []
    while time.perf_counter() < started + bench.seconds / 2 or len(waits) < 20:
        record(0, len(waits))
        answered = time.perf_counter()
        if not replica.wait(log.head().position, 10):
            raise RuntimeError("the replica did not follow for 10 seconds")
        waits.append((time.perf_counter() - answered) * 1000)
    return waits
