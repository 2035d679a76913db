"""A record with its replica and the API's reads over it, without transports: `ask` runs a query and gives its data."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from domain.catalogue import read_fact
from schema.operation import Operations
from schema.plan.engine import Engine
from service.first_record import FIRST_RECORD_ACTOR, first_record_parts
from service.log import open_log
from service.registry import Receipt, Registry
from service.replica.follow import Follower
from service.replica.store import Replica
from tests.support.schemas import whole_schema


class Reading:
    """A small record that can be written and asked."""

    def __init__(self, folder: Path, url: str = "") -> None:
        """Open the record at this address, or begin an empty one in the folder."""
        self.log = open_log(url or f"sqlite:///{folder / 'log.db'}")
        self.registry = Registry(self.log)
        self.replica = Replica(folder, self.log.record_id)
        self.follower = Follower(self.log, self.replica)
        self.follower.start()
        self._open = ExitStack()
        self.schema = self._open.enter_context(whole_schema())
        self.operations = Operations(self.schema)
        self.engine = Engine(self.schema, self.replica)

    def close(self) -> None:
        """End everything that runs."""
        self.engine.close()
        self.follower.stop()
        self.replica.close()
        self.log.close()
        self._open.close()

    def first_record(self) -> None:
        """Record what the embedded default serves."""
        position = 0
        for part in first_record_parts():
            receipt = self.registry.record(part.facts, actor=FIRST_RECORD_ACTOR, command_id=part.command_id)
            position = receipt.position
        assert self.replica.wait(position, 30)

    def record(self, *facts: dict[str, Any], actor: str = "key:test") -> Receipt:
        """Record facts given as JSON and wait until they can be read."""
        receipt = self.registry.record([read_fact(fact) for fact in facts], actor=actor)
        assert self.replica.wait(receipt.position, 30)
        return receipt

    def response(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole response; the compiled read and the slow path must agree on it."""
        operation = self.operations.prepare(query)
        answer: dict[str, Any] = orjson.loads(asyncio.run(self.engine.execute(operation, variables)))
        return answer

    def ask(self, query: str, **variables: Any) -> Any:
        """The data of a response without errors."""
        answer = self.response(query, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]


@contextmanager
def reading(folder: Path, url: str = "", *, first_record: bool = False) -> Iterator[Reading]:
    """A record at this address or in the folder, closed at the end; with the first record in it, if asked for."""
    if first_record:
        copy_first_record(folder)
    record = Reading(folder, url)
    try:
        yield record
    finally:
        record.close()


def copy_first_record(folder: Path) -> None:
    """Put the log and the replica of the first record into a folder: much quicker than recording it again."""
    shutil.copytree(_first_record().name, folder, dirs_exist_ok=True)


@cache
def _first_record() -> "tempfile.TemporaryDirectory[str]":
    """A folder in which it was recorded; gone with this process."""
    folder = tempfile.TemporaryDirectory(prefix="tamga-first-record-")
    with reading(Path(folder.name)) as record:
        record.first_record()
    return folder


SOURCES = [{"source": "source:asb-media-2025-09", "locator": "para 5"}]


def fact(event: str, id: str, occurred_on: str | None = None, **data: Any) -> dict[str, Any]:
    when = {"occurred_on": occurred_on} if occurred_on else {}
    return {"event": event, "id": id, "sources": SOURCES, "data": data, **when}


def act(event: str, id: str, **data: Any) -> dict[str, Any]:
    return {"event": event, "id": id, "data": {"reason": "checked again", **data}}
