"""The whole read model anew from the log, all indexes and full text included, beside a bare projection."""

from __future__ import annotations

import json
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from eventsourcing.persistence import Tracking
from eventsourcing.sqlite import SQLiteDatastore, SQLiteTrackingRecorder

from service.bench.bench import Bench
from service.bench.figures import Figure, measurement
from service.log import open_log
from service.replica.rebuild import rebuild as build

_BARE = 20_000
"""Events that the bare projection takes; its speed does not depend on how many."""


@measurement("rebuild", "events a second from the log to a finished replica, in a process of its own")
def rebuild(bench: Bench) -> Iterable[Figure]:
    """Beside the library's own way: one event, one row, one transaction that holds its position too."""
    with bench.scratch() as folder:
        line = [sys.executable, "-m", __name__, str(bench.folder / "log.db"), str(folder / "replica.db")]
        told = json.loads(subprocess.run(line, check=True, capture_output=True).stdout)
        bare = _bare(bench.folder / "log.db", folder / "bare.db")
    yield Figure(
        name="rebuild",
        value=told["events"] / told["seconds"],
        unit="events/s",
        beside="one row and transaction an event",
        other=bare,
        memory=told["memory"],
    )


def _bare(log_path: Path, path: Path) -> float:
    """What the library's tracking recorder reaches with one transaction for each event."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE row (position INTEGER PRIMARY KEY, stream TEXT, data TEXT)")
    connection.commit()
    recorder = SQLiteTrackingRecorder(SQLiteDatastore(str(path)))
    recorder.create_table()
    with closing(open_log(f"sqlite:///{log_path}")) as log:
        entries = log.select_notifications(1, _BARE)
    started = time.perf_counter()
    for entry in entries:
        connection.execute("INSERT INTO row VALUES (?, ?, ?)", (entry.id, entry.stream, entry.state.decode()))
        connection.commit()
        recorder.insert_tracking(Tracking("bench", entry.id))
    return len(entries) / (time.perf_counter() - started)


def _build(log_path: str, path: str) -> None:
    with closing(open_log(f"sqlite:///{log_path}")) as log:
        started = time.perf_counter()
        position = build(log, Path(path))
        seconds = time.perf_counter() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"events": position, "seconds": seconds, "memory": memory}))


if __name__ == "__main__":
    _build(*sys.argv[1:])
