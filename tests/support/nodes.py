"""Two nodes and their PostgreSQL server, all of which can be killed, and what must hold of them once they are quiet."""

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw
import psycopg

from service.audit.replay import fold_to
from service.audit.sources import web_source
from service.audit.state import state_at
from service.audit.verify import Older, verify
from service.keys import actor
from service.log import Entry, Log, migrate, open_log
from tests.support.load import OWN, Answer, Load
from tests.support.log_events import assert_acknowledged, assert_sound, everything
from tests.support.ports import free_port
from tests.support.postgres_server import PostgresServer, own_server
from tests.support.service import Service, environment, eventually, started

QUESTIONS: Final = (
    """{ deals(first: 100) { totalCount nodes {
        id title commitment values { basis claimed { verification shown { asStated low } claims { text recordedAt } } }
        history(first: 100) { nodes { position summary } }
    } } }""",
    "{ events(first: 100) { totalCount edges { cursor node { id position recordedAt recordedBy summary } } } }",
    "{ dealTotals { counted leftOut totals { currency } } parties(first: 50) { nodes { id name } } }",
    "{ log { recordId position recordedAt replicaPosition rules vkeys stateRoot } }",
)
"""Answered by every node alike at the same position, byte for byte."""


class Nodes:
    """Two nodes with folders of their own, on one log, with the keys that they share as in the compose file."""

    def __init__(self, folder: Path, server: PostgresServer, database: str) -> None:
        """Start them together, as the compose file does; `ready` waits for them."""
        self.folder = folder
        self.server = server
        self.url = server.url.rpartition("/")[0].replace("postgres@", "tamga_node@") + f"/{database}"
        self.keys = {"recorder_key": f"{folder}/keys/recorder.key", "signing_key": f"{folder}/keys/signing.key"}
        self.notes: list[bytes] = []
        self.ports = [free_port(), free_port()]
        self.running: list[Service] = []
        self.running = [self._start(number) for number in range(2)]

    def _start(self, number: int) -> Service:
        ours = {**self.keys, "database_url": self.url, "port": str(self.ports[number])}
        return Service(environment(self.folder / f"node-{number + 1}", **ours))

    @contextmanager
    def another(self, name: str, *, url: str = "", **variables: str) -> Iterator[Service]:
        """One more node, on the same log by this address, with these variables beside the settings; it is starting."""
        ours = environment(self.folder / name, **self.keys, database_url=url or self.url)
        with started(ours | variables) as node:
            yield node

    def ready(self) -> "Nodes":
        """Wait until both are."""
        for node in self.running:
            node.ready()
        return self

    @property
    def key(self) -> str:
        """The key that records through either."""
        return Path(self.keys["recorder_key"]).read_text().strip()

    def kill(self, number: int) -> None:
        """As if the machine had lost it: no time to end anything. The checkpoint that it showed is kept."""
        self.keep_checkpoint(number)
        self.running[number].process.kill()
        self.running[number].end()

    def restart(self, number: int) -> Service:
        """Start it again in its folder; ready when this returns."""
        self.running[number] = self._start(number)
        return self.running[number].ready()

    def keep_checkpoint(self, number: int) -> None:
        """What it signed or showed until now; all that follows must be true to it."""
        answer = self.running[number].http.get("/log/checkpoint")
        if answer.status_code == 200:
            self.notes.append(answer.content)

    def load(self, clients: int = 4) -> Load:
        """Clients that record through both."""
        return Load([f"http://127.0.0.1:{port}" for port in self.ports], self.key, clients)

    @contextmanager
    def log(self) -> Iterator[Log]:
        """The log, read past the nodes."""
        opened = open_log(self.url)
        yield opened
        opened.close()

    def stop(self) -> None:
        """End both, in order."""
        left = [node for node in self.running if node.process.poll() is None]
        for node in left:
            node.process.terminate()
        assert [node.end() for node in left] == [0] * len(left)


@contextmanager
def two_nodes(folder: Path) -> Iterator[Nodes]:
    """Two nodes that are ready, on a server of their own; the nodes' role may read and append, nothing else."""
    with own_server() as server:
        nodes = Nodes(folder, server, new_database(server, "tamga"))
        try:
            yield nodes.ready()
            nodes.stop()
        finally:
            for node in nodes.running:
                node.process.kill()


def new_database(server: PostgresServer, name: str, *, migrated: bool = True) -> str:
    """A database of the server, with the role of nodes; the name."""
    with psycopg.connect(server.url, autocommit=True) as owner:
        if owner.execute("SELECT 1 FROM pg_roles WHERE rolname = 'tamga_node'").fetchone() is None:
            owner.execute("CREATE ROLE tamga_node LOGIN")
        owner.execute(f"CREATE DATABASE {name}".encode())
    if migrated:
        migrate(server.url.rpartition("/")[0] + f"/{name}", role="tamga_node")
    return name


def assert_nothing_lost_or_repeated(nodes: Nodes, load: Load) -> None:
    """All that was answered is in the log once and in order, and both nodes answer what the log leads to."""
    with nodes.log() as log:
        entries = everything(log)
        assert_sound(entries)
        _assert_recorded_once(log, entries, [load.shared, *load.answers], actor(nodes.key))
        _assert_in_order(entries, load.answers)
        assert_nodes_agree(nodes, log)


def _assert_recorded_once(log: Log, entries: list[Entry], answers: list[Answer], by: str) -> None:
    """Every command that a client sent was answered in the end, so the log holds these of it and no other."""
    assert_acknowledged(log, [(by, answer.command_id, answer.first, answer.last) for answer in answers])
    clients = {answer.client for answer in answers}
    recorded = [entry for entry in entries if entry.command_id.partition("-")[0] in clients]
    assert {entry.command_id for entry in recorded} == {answer.command_id for answer in answers}
    assert len(recorded) == sum(answer.last - answer.first + 1 for answer in answers)


def _assert_in_order(entries: list[Entry], answers: list[Answer]) -> None:
    """What a client recorded one after the other stands in the log in that order."""
    sent, found = defaultdict(list), defaultdict(list)
    for answer in answers:
        sent[answer.client].append(answer.marker)
    for entry in entries:
        if entry.event == "DealValueReported" and entry.stream.startswith(OWN):
            found[entry.stream.split("-")[1]].append(json.loads(entry.state)["data"]["money"]["as_stated"])
    assert {client: found[client] for client in sent} == sent


def assert_nodes_agree(nodes: Nodes, log: Log) -> None:
    """Both have come to the head, hold what a fold from nothing makes, answer alike, and serve what was signed."""
    head = log.head().position
    for node in nodes.running:
        eventually(lambda node=node: node.metric("tamga_sealed_position") == head)  # type: ignore[misc]
    told = [[answered(node, question, head) for question in QUESTIONS] for node in nodes.running]
    assert told[0] == told[1]
    assert fold_root(log, head).encode() in told[0][-1]
    for node in nodes.running:
        with web_source(f"{node.url}/log") as source:
            kept = [Older(f"checkpoint {number}", note) for number, note in enumerate(nodes.notes)]
            verdict = verify(source, against=kept)
        assert verdict.ok, verdict.problem
        assert verdict.checkpoint is not None
        assert verdict.checkpoint.size == head


def answered(node: Service, query: str, position: int) -> bytes:
    """The bytes of an answer at a position or beyond it."""
    headers = {"tamga-min-position": str(position)}
    answer = node.http.post("/graphql", json={"query": query}, headers=headers)
    assert b'"errors"' not in answer.content, answer.text[:500]
    return answer.content


def fold_root(log: Log, position: int) -> str:
    """The state root of a fold of the log from nothing."""
    connection = apsw.Connection(":memory:")
    fold_to(log, connection, position)
    return state_at(connection, position).root
