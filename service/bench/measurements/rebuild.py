"""The whole read model anew from the log, all indexes and full text included, beside the library's own projection."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from eventsourcing.persistence import Tracking
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.sqlite import SQLiteTrackingRecorder

from service.bench.bench import Bench
from service.bench.figures import Figure, measurement
from service.bench.history import deal_id
from service.bench.measurements.queries import one, some
from service.log import open_log
from service.registry import Registry
from service.replica.helpers import Helpers
from service.replica.rebuild import rebuild as build

_BARE = 5_000
"""Events that the library's projection takes; its speed does not depend on how many."""
_LIBRARY = "ProjectionRunner and SQLiteTrackingRecorder, one row an event"
_LOG = "BENCH_LOG"


@measurement("rebuild", "events a second from the log to a finished replica, by one process and by several")
def rebuild(bench: Bench) -> Iterable[Figure]:
    """Beside the library's own way over the same log: one event, one row, one transaction that holds its position too.

    Then one process does it while a server that follows the same log serves, and goes on with what was made.
    """
    with bench.scratch() as folder:
        bare = _library(f"sqlite:///{bench.folder}/log.db", min(_BARE, bench.events), folder)
        for processes in sorted({1, os.cpu_count() or 1}):
            told = _told(bench.folder / "log.db", folder / "replica.db", processes)
            name = "rebuild" if processes == 1 else f"rebuild, {processes} processes"
            rate, memory = told["events"] / told["seconds"], told["memory"]
            yield Figure(name=name, value=rate, unit="events/s", beside=_LIBRARY, other=bare, memory=memory)
    yield from _served(bench)


def _served(bench: Bench) -> Iterable[Figure]:
    """What a server answers while its replica is made anew, beside what it answers before."""
    bodies = one(deal_id(number) for number in some(bench))
    alone = bench.loader.run(bench.tamga, bodies, bench.seconds)
    with _rebuilding(bench.folder) as rebuilding:
        loads = [bench.loader.run(bench.tamga, bodies, bench.seconds)]
        while rebuilding.poll() is None:
            loads.append(bench.loader.run(bench.tamga, bodies, bench.seconds))
    if rebuilding.returncode:
        raise RuntimeError(f"tamga rebuild beside a server ended with {rebuilding.returncode}")
    yield Figure(
        name="one deal, rebuild beside",
        value=sum(load.rate for load in loads) / len(loads),
        unit="requests/s",
        beside="nothing beside",
        other=alone.rate,
        p50=sum(load.p50 for load in loads) / len(loads),
        p99=max(load.p99 for load in loads),
    )


@contextmanager
def _rebuilding(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`tamga rebuild` by one process, over the record that is served."""
    line = [sys.executable, "-c", "from service.cli import main; main(['rebuild', '--processes', '1'])"]
    environment = {**os.environ, "TAMGA_DATA_DIR": str(folder), "TAMGA_DATABASE_URL": ""}
    started = subprocess.Popen(line, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield started
    finally:
        started.kill()
        started.wait()


class _View(SQLiteTrackingRecorder):
    """A read model of one row for each event."""

    def construct_create_table_statements(self) -> list[str]:
        made = "CREATE TABLE IF NOT EXISTS row (position INTEGER PRIMARY KEY, stream TEXT, data TEXT)"
        return [*super().construct_create_table_statements(), made]

    def add(self, tracking: Tracking, stream: str, summary: str) -> None:
        """Take an event, with its position in the same transaction."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute("INSERT INTO row VALUES (?, ?, ?)", (tracking.notification_id, stream, summary))


class _Rows(Projection[_View]):
    """The projection of it."""

    name = "bench"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        self.view.add(tracking, domain_event.originator_id, domain_event.fact.content.summary())


class _Record(Registry):
    """The record as the library's runner makes it."""

    def __init__(self, env: dict[str, str]) -> None:
        super().__init__(open_log(env[_LOG]))


def _library(log: str, events: int, folder: Path) -> float:
    """Events a second of the library's projection. Its own SQLite recorder cannot be followed, so ours is."""
    module = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(folder / "bare.db")}
    started = time.perf_counter()
    runner = ProjectionRunner(
        application_class=_Record, projection_class=_Rows, view_class=_View, env={**module, _LOG: log}
    )
    with runner:
        runner.wait(events, timeout=600)
        return events / (time.perf_counter() - started)


def _told(log: Path, path: Path, processes: int) -> dict[str, float]:
    line = [sys.executable, "-m", __name__, str(log), str(path), str(processes)]
    told: dict[str, float] = json.loads(subprocess.run(line, check=True, capture_output=True).stdout)
    return told


def _build(log_path: str, path: str, processes: str) -> None:
    url = f"sqlite:///{log_path}"
    with closing(open_log(url)) as log:
        started = time.perf_counter()
        position = build(log, Path(path), helpers=Helpers(url, int(processes)))
        seconds = time.perf_counter() - started
    held = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    memory = (held[0] + held[1] * (int(processes) - 1)) / 1024
    print(json.dumps({"events": position, "seconds": seconds, "memory": memory}))


if __name__ == "__main__":
    _build(*sys.argv[1:])
