"""Sealing, proofs and verification of the record; what sealing costs those who append, and how old checkpoints get."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean

from service.audit.audit import Audit
from service.audit.sources import LogSource
from service.audit.verify import verify
from service.bench.bench import Bench
from service.bench.figures import Figure, measurement, percentile
from service.bench.measurements.appends import opened, plural, timed, to_log
from service.bench.record import stored_events
from service.log import Log, open_log
from service.log.codec import entry_json

_PROOFS = 2_000
_PAGE = 1_000
_CLIENTS = 8


@measurement("audit", "proofs, full verification and sealing; appends with and without it; age of checkpoints")
def audit(bench: Bench) -> Iterable[Figure]:
    """The record sealed anew beside its log, then a log of its own that is sealed while it grows."""
    with bench.scratch() as folder, closing(open_log(f"sqlite:///{bench.folder}/log.db")) as log:
        own = Audit(log, folder)
        try:
            yield Figure(name="seal the record", value=_sealed(own), unit="events/s")
            yield _proofs("proof of an event", lambda at, size: own.inclusion_proof(at), own.size())
            yield _proofs("proof between checkpoints", lambda at, size: own.consistency_proof(at), own.size())
            yield _verified(own, folder)
        finally:
            own.stop()
    yield from _while_appending(bench)


def _sealed(own: Audit) -> float:
    """Events a second from the log to tiles and a signed checkpoint."""
    started = time.perf_counter()
    while own.sealer.step():
        pass
    return own.size() / (time.perf_counter() - started)


def _proofs(name: str, prove: Callable[[int, int], object], size: int) -> Figure:
    """Proofs at random positions, one after the other."""
    chosen, latencies = random.Random(1), []
    for _ in range(_PROOFS):
        position, started = chosen.randint(1, size), time.perf_counter()
        prove(position, size)
        latencies.append((time.perf_counter() - started) * 1000)
    rate = _PROOFS / (sum(latencies) / 1000)
    p50, p99 = percentile(latencies, 0.5), percentile(latencies, 0.99)
    return Figure(name=name, value=rate, unit="proofs/s", p50=p50, p99=p99)


def _verified(own: Audit, folder: Path) -> Figure:
    """Every event against tiles and checkpoint, beside only hashing each event's line."""
    started = time.perf_counter()
    if not verify(LogSource(own.log, folder, own.verifiers())).ok:
        raise RuntimeError("what was sealed just now does not verify")
    seconds = time.perf_counter() - started
    started = time.perf_counter()
    for start in range(0, own.size(), _PAGE):
        for entry in own.log.select_notifications(start + 1, _PAGE):
            hashlib.sha256(entry_json(entry)).digest()
    return Figure(
        name="verify the record",
        value=own.size() / seconds,
        unit="events/s",
        beside="hashing each event",
        other=own.size() / (time.perf_counter() - started),
    )


def _while_appending(bench: Bench) -> Iterable[Figure]:
    """In turns, so that both meet the same machine."""
    state = next(event.state for event in stored_events(1) if event.topic == "DealAnnounced")
    ages: list[float] = []
    rates: dict[bool, list[float]] = {False: [], True: []}
    for seals in (False, True, True, False):
        with bench.scratch() as folder, opened(f"sqlite:///{folder}/log.db") as log, ExitStack() as stack:
            if seals:
                stack.enter_context(_sealing(log, folder, ages))
            rates[seals].append(timed(to_log(log, state), _CLIENTS, bench.seconds / 2)[0])
    name = f"append while it is sealed, {plural(_CLIENTS)}"
    sealed, alone = mean(rates[True]), mean(rates[False])
    yield Figure(name=name, value=sealed, unit="commands/s", beside="nothing is sealed", other=alone)
    p50, p99 = percentile(ages, 0.5), percentile(ages, 0.99)
    yield Figure(name="age of what is not sealed", value=max(ages, default=0.0), unit="ms", p50=p50, p99=p99)


@contextmanager
def _sealing(log: Log, folder: Path, ages: list[float]) -> Iterator[None]:
    """Seal while the block runs, and note now and then how long the oldest unsealed event has waited."""
    own, done = Audit(log, folder), threading.Event()
    watch = threading.Thread(target=_watch, args=(own, done, ages))
    own.start()
    watch.start()
    try:
        yield
    finally:
        done.set()
        watch.join()
        own.stop()


def _watch(own: Audit, done: threading.Event, ages: list[float]) -> None:
    while not done.wait(0.02):
        waiting = own.log.select_notifications(own.size() + 1, 1)
        if waiting:
            recorded = datetime.fromisoformat(waiting[0].recorded_at)
            ages.append((datetime.now(UTC) - recorded).total_seconds() * 1000)
