"""Making the record that is measured, once: a log and a replica in a folder that a later run finds again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from eventsourcing.persistence import StoredEvent

from domain.fact import canonical
from service.bench import history
from service.log import Command, Log, open_log
from service.replica.rebuild import rebuild
from service.replica.store import Replica

Progress = Callable[[int, int], None]

ACTOR = "bench"
_BATCH = 1000


def stored_events(deals: int) -> Iterator[StoredEvent]:
    """The events of the history as a log takes them."""
    versions: dict[str, int] = {}
    for fact in history.history(deals):
        id = fact["id"]
        versions[id] = versions.get(id, 0) + 1
        body = {"data": fact["data"], "sources": fact.get("sources", [])}
        if "occurred_on" in fact:
            body["occurred_on"] = fact["occurred_on"]
        yield StoredEvent(id, versions[id], fact["event"], canonical(body))


def prepare(folder: Path, deals: int, recording: Progress, folding: Progress) -> int:
    """Make log and replica where they are missing or unfinished; gives how many events there are."""
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / "history"
    text = hashlib.sha256(Path(history.__file__).read_bytes()).hexdigest()
    if not done.exists() or done.read_text() != text:
        for old in folder.glob("*.db*"):
            old.unlink()
    log = open_log(f"sqlite:///{folder}/log.db")
    try:
        if not done.exists() or log.head().position == 0:
            _record(log, deals, recording)
            done.write_text(text)
        replica = Replica(folder, log.record_id)
        if not replica.path.exists():
            for old in folder.glob("replica-*"):
                old.unlink()
            rebuild(log, replica.path, folding)
        return log.head().position
    finally:
        log.close()


def _record(log: Log, deals: int, progress: Progress) -> None:
    events, start, whole = stored_events(deals), log.head().position, sum(1 for _ in history.history(deals))
    position = len(list(islice(events, start)))
    while batch := list(islice(events, _BATCH)):
        log.append([Command(f"{ACTOR}-{position}", str(position), ACTOR, batch)])
        position += len(batch)
        progress(position, whole)
