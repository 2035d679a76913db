"""Durable appends to the log by several clients at once, beside a bare INSERT and COMMIT by as many."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from eventsourcing.persistence import StoredEvent

from service.bench.bench import Bench
from service.bench.figures import Figure, measurement, percentile
from service.bench.record import ACTOR, stored_events
from service.log import Command, Log, open_log

CLIENTS = (1, 8, 32)
Append = Callable[[int, int], None]
"""Append the client's n-th event; returns when it is durable."""


@measurement("append", "durable commands a second straight to the log, by 1, 8 and 32 clients")
def appends(bench: Bench) -> Iterable[Figure]:
    """The log alone, on SQLite and on PostgreSQL where one is named."""
    state = next(event.state for event in stored_events(1) if event.topic == "DealAnnounced")
    for clients in CLIENTS:
        with bench.scratch() as folder, opened(f"sqlite:///{folder}/log.db") as log:
            bare = _bare_sqlite(folder / "bare.db", state)
            yield _figure(bench, f"append, SQLite, {plural(clients)}", clients, to_log(log, state), bare)
    if bench.postgres:
        for clients in CLIENTS:
            with database(bench.postgres) as url, opened(url) as log:
                bare = _bare_postgres(url, clients, state)
                yield _figure(bench, f"append, PostgreSQL, {plural(clients)}", clients, to_log(log, state), bare)


def plural(clients: int) -> str:
    """Such as '8 clients'."""
    return f"{clients} client{'' if clients == 1 else 's'}"


def _figure(bench: Bench, name: str, clients: int, ours: Append, bare: Append) -> Figure:
    rate, latencies = timed(ours, clients, bench.seconds / 2)
    other, _ = timed(bare, clients, bench.seconds / 2)
    return Figure(
        name=name,
        value=rate,
        unit="commands/s",
        beside="bare INSERT + COMMIT",
        other=other,
        p50=percentile(latencies, 0.5),
        p99=percentile(latencies, 0.99),
    )


def timed(append: Append, clients: int, seconds: float) -> tuple[float, list[float]]:
    """Let clients append one after the other for a while; gives commands a second and latencies in milliseconds."""
    latencies: list[list[float]] = [[] for _ in range(clients)]
    faults: list[BaseException] = []
    started = time.perf_counter()

    def client(number: int) -> None:
        last, done = time.perf_counter(), 0
        try:
            while last < started + seconds:
                append(number, done)
                now = time.perf_counter()
                latencies[number].append((now - last) * 1000)
                last, done = now, done + 1
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    every = [latency for one in latencies for latency in one]
    return len(every) / (time.perf_counter() - started), every


@contextmanager
def opened(url: str) -> Iterator[Log]:
    """A new log."""
    with closing(open_log(url)) as log:
        yield log


@contextmanager
def database(server: str) -> Iterator[str]:
    """A database of its own on the PostgreSQL server, dropped afterwards."""
    name = f"tamga_bench_{time.time_ns():x}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
        try:
            yield urlsplit(server)._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def to_log(log: Log, state: bytes) -> Append:
    """One event of a stream of the client's own."""

    def append(client: int, number: int) -> None:
        event = StoredEvent(f"deal:c{client}", number + 1, "DealAnnounced", state)
        (outcome,) = log.append([Command(f"{client}-{number}", str(number), ACTOR, [event])])
        if isinstance(outcome, Exception):
            raise outcome

    return append


def _bare_sqlite(path: Path, state: bytes) -> Append:
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "CREATE TABLE event (state BLOB)"):
        connection.execute(statement)
    turn = threading.Lock()

    def append(client: int, number: int) -> None:
        with turn:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO event VALUES (?)", (state,))
            connection.execute("COMMIT")

    return append


def _bare_postgres(url: str, clients: int, state: bytes) -> Append:
    connections = [psycopg.connect(url) for _ in range(clients)]
    connections[0].execute("CREATE TABLE bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, state bytea)")
    connections[0].commit()

    def append(client: int, number: int) -> None:
        connections[client].execute("INSERT INTO bare (state) VALUES (%s)", (state,))
        connections[client].commit()

    return append
