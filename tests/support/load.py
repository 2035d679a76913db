"""Clients that record over HTTP as careful ones do: a command id of their own, and the same again through another node.

Each waits for an answer before it goes on, so what it sent is in order; what it read back must never be stale.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import httpx

from tests.support.service import eventually

OWN: Final = "deal:load-"
SHARED: Final = 16
_FACTS_PER_DEAL: Final = 40
_GIVE_UP: Final = 90.0
_SOURCES: Final = [{"source": "source:asb-media-2025-09"}]
_RECORD: Final = """mutation($facts: [FactInput!]!, $id: String!) { recordFacts(facts: $facts, commandId: $id) {
    __typename ... on Recorded { position events { id } } ... on Refused { code message }
} }"""
_READ: Final = "query($id: ID!) { deal(id: $id) { values { claimed { claims { text } } } } }"


@dataclass(frozen=True)
class Answer:
    """What a client was answered in the end, by which node, and when it first asked."""

    client: str
    command_id: str
    marker: str
    """The words of the value that the command recorded."""
    deal: str
    first: int
    last: int
    node: int
    asked: float
    at: float
    tries: int


def opened(id: str) -> dict[str, Any]:
    """A deal is announced."""
    return {"dealAnnounced": {"id": id, "title": id, "kind": "SUPPLY", "sources": _SOURCES}}


def valued(id: str, marker: str, amount: int) -> dict[str, Any]:
    """A value of a deal is reported, in these words."""
    money = {"low": str(amount), "high": str(amount), "currency": "USD", "basis": "CONTRACT", "asStated": marker}
    return {"dealValueReported": {"id": id, "money": money, "sources": _SOURCES}}


class Refusal(Exception):
    """The record did not take what was sent, which would have been right the first time."""


class Client:
    """One client, in a thread of its own."""

    def __init__(self, load: "Load", name: str) -> None:
        """Take what to work for."""
        self._load = load
        self._name = name
        self._http = httpx.Client(timeout=15, verify=False)

    def run(self) -> None:
        """Record until stopped, and now and then read what was just recorded through the other node."""
        try:
            for number in count(1):
                if self._load.stopping.is_set():
                    return
                answer = self.record(number)
                self._load.answers.append(answer)
                if number % 4 == 0:
                    self._read(answer)
                time.sleep(0.02)
        except Exception as error:
            self._load.errors.append(error)
        finally:
            self._http.close()

    def record(self, number: int) -> Answer:
        """Send one command until a node answers it; odd ones also write to a deal that others write to."""
        deal, marker = f"{OWN}{self._name}-{number // _FACTS_PER_DEAL}", f"{self._name} {number}"
        facts = [valued(deal, marker, number)]
        if number == 1 or number % _FACTS_PER_DEAL == 0:
            facts.insert(0, opened(deal))
        if number % 2:
            facts.append(valued(f"deal:shared-{number % SHARED}", marker, number))
        asked, id = time.monotonic(), f"{self._name}-{number}"
        for tries in count(1):
            node = (number + tries) % len(self._load.addresses)
            positions = self._send(node, facts, id)
            if positions is not None:
                return Answer(self._name, id, marker, deal, *positions, node, asked, time.monotonic(), tries)
            if time.monotonic() > asked + _GIVE_UP:
                raise TimeoutError(f"{id} was never answered")
            time.sleep(0.05)
        raise AssertionError("unreachable")

    def _send(self, node: int, facts: list[dict[str, Any]], id: str) -> tuple[int, int] | None:
        """First and last position, or None if the node did not answer, or answered that something broke."""
        found = (self._ask(node, _RECORD, {"facts": facts, "id": id}, 0) or {}).get("recordFacts")
        if found is None:
            return None
        if found["__typename"] == "Refused":
            raise Refusal(f"{id}: {found['code']} {found['message']}")
        return found["position"] - len(found["events"]) + 1, found["position"]

    def _read(self, answer: Answer) -> None:
        """From its position on, the other node must show what was recorded, or say that it cannot yet."""
        other = (answer.node + 1) % len(self._load.addresses)
        found = self._ask(other, _READ, {"id": answer.deal}, answer.last)
        if found is None:
            return
        self._load.reads += 1
        texts = [one["text"] for value in found["deal"]["values"] for one in value["claimed"]["claims"]]
        if not any(answer.marker in text for text in texts):
            raise AssertionError(f"node {other} showed no {answer.marker} at position {answer.last}: {texts[-3:]}")

    def _ask(self, node: int, query: str, variables: dict[str, Any], position: int) -> dict[str, Any] | None:
        """The data, or None if there is none."""
        headers = {"authorization": f"Bearer {self._load.key}", "tamga-min-position": str(position)}
        body = {"query": query, "variables": variables}
        try:
            answer = self._http.post(f"{self._load.addresses[node]}/graphql", json=body, headers=headers)
        except httpx.TransportError:
            return None
        told = answer.json()
        if "errors" in told:
            self._load.troubles.append(str(told["errors"][0]))
            return None
        data: dict[str, Any] = told["data"]
        return data


class Load:
    """Clients that run until stopped; then nothing may have been refused, and nothing read that was stale."""

    def __init__(self, addresses: list[str], key: str, clients: int) -> None:
        """Take where to record and with which key."""
        self.addresses = addresses
        self.key = key
        self.stopping = threading.Event()
        self.answers: list[Answer] = []
        self.errors: list[Exception] = []
        self.troubles: list[str] = []
        self.reads = 0
        prefix = f"{time.monotonic_ns() // 1000:x}"
        self.names = names = [f"{prefix}{chr(97 + number)}" for number in range(clients)]
        self._threads = [threading.Thread(target=Client(self, name).run, name=name) for name in names]

    @contextmanager
    def running(self) -> Iterator["Load"]:
        """While the block runs."""
        self._open_shared()
        for thread in self._threads:
            thread.start()
        try:
            self.goes_on(time.monotonic())
            yield self
            self.goes_on(time.monotonic())
        finally:
            self.stopping.set()
            for thread in self._threads:
                thread.join()
        assert self.errors == []

    def _open_shared(self) -> None:
        """Deals that all clients write to, so that nodes come into each other's way."""
        facts = [opened(f"deal:shared-{number}") for number in range(SHARED)]
        body = {"query": _RECORD, "variables": {"facts": facts, "id": "shared"}}
        headers = {"authorization": f"Bearer {self.key}"}
        sent = httpx.post(f"{self.addresses[0]}/graphql", json=body, headers=headers, timeout=30)
        assert "errors" not in sent.json(), sent.text
        found = sent.json()["data"]["recordFacts"]
        moment, last = time.monotonic(), found["position"]
        self.shared = Answer("shared", "shared", "", "", last - SHARED + 1, last, 0, moment, moment, 1)

    def goes_on(self, since: float, nodes: tuple[int, ...] = (0, 1), seconds: float = 60) -> float:
        """Wait until each of these nodes has answered a command again; seconds from the moment given until then."""

        def first(node: int) -> float | None:
            return next((a.at for a in tuple(self.answers) if a.node == node and a.at > since), None)

        eventually(lambda: self.errors or all(first(node) for node in nodes), seconds)
        assert self.errors == []
        return max(first(node) or since for node in nodes) - since

    @property
    def longest(self) -> float:
        """The longest that a client waited for the answer to a command, all its retries included; in seconds."""
        return max(answer.at - answer.asked for answer in self.answers)

    @property
    def retried(self) -> int:
        """How many commands were sent more than once."""
        return sum(answer.tries > 1 for answer in self.answers)
