"""The whole schema over the first record: generated documents, compiled and by graphql-core, answered alike."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from graphql import GraphQLArgument

from schema.context import Context, Services
from schema.errors import Rejected
from schema.plan.paging import MOMENTS
from tests.support.documents import Document, Documents
from tests.support.reading import Reading, act, fact, reading
from tests.test_schema_plan_differential import without_ids

WITHHELD = frozenset(("after", "before"))
"""Cursors are those of one list: `test_reading_lists` gives them."""
NOUNS = ("source", "party", "institution", "gathering", "agreement", "deal", "investment", "relation", "programme")


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    folder: Path = tmp_path_factory.mktemp("record")
    with reading(folder, first_record=True) as made:
        yield made


def context(record: Reading) -> Context:
    """What an operation is executed with."""
    services = Services(
        schema=record.schema,
        operations=record.operations,
        registry=record.registry,
        replica=record.replica,
        engine=record.engine,
    )
    return Context(services=services)


class Values:
    """Values for arguments, from what the record holds."""

    def __init__(self, record: Reading) -> None:
        """Look up ids."""
        with record.replica.read() as connection:
            found = [connection.execute(f"SELECT id FROM {noun} LIMIT 5").fetchall() for noun in (*NOUNS, "event")]
        self._ids = [id for rows in found for (id,) in rows]
        self._newest = record.replica.position

    def __call__(self, random: Random, name: str, type_: str) -> Any:
        """A value for an argument or input field."""
        if name in ("first", "last"):
            return random.choice([0, 1, 2, 3, 5, 30])
        made = {
            "Position": random.randint(0, self._newest),
            "DateTime": "2026-01-01T00:00:00Z",
            "Date": random.choice(["2025-09-22", "2024-01-01"]),
            "Decimal": random.choice(["1", "22", "1000000"]),
            "EdtfDate": "2025",
            "ID": random.choice(self._ids),
            "Boolean": random.random() < 0.5,
            "Int": random.randrange(4),
        }
        words = {
            "country": ["KAZ", "USA", "UZB"],
            "currency": ["USD"],
            "type": ["DealAnnounced"],
            "kind": ["FactCorrected"],
        }
        return made.get(type_, random.choice(words.get(name, ["a", "USD", "KAZ", "Boeing", "trade", "", 'x"y'])))


async def _alike(record: Reading, seeds: range, roots: int, depth: int) -> int:
    """Compares the answers to a document for each seed; gives how many were compiled."""
    values, compiled = Values(record), 0
    for seed in seeds:
        document = Documents(record.schema, Random(seed), values, withheld=WITHHELD).make(roots, depth)
        try:
            operation = record.operations.prepare(document.text)
        except Rejected as refusal:
            if "tokens" not in str(refusal):
                raise
            continue
        at_once = record.engine.at_once(operation, document.variables, context(record))
        fast = await record.engine.execute(operation, document.variables, context(record))
        slow = await record.engine.executed_slowly(operation, document.variables, context(record))
        assert without_ids(fast) == without_ids(slow), (seed, document)
        assert at_once in (None, fast), (seed, document)
        assert b"INTERNAL_ERROR" not in fast, (seed, document, fast[:500])
        compiled += record.engine.is_compiled(operation, document.variables)
    return compiled


class Moments(Documents):
    """Documents whose every root field reads at a moment: of the past, or the one that the variable `at` gives."""

    def make(self, roots: int = 2, depth: int = 5) -> Document:
        """A document with one query."""
        made = super().make(roots, depth)
        if "$at" in made.text:
            made.text = made.text.replace("query Q(", "query Q($at: AsOf, ").replace("query Q ", "query Q($at: AsOf) ")
        return made

    def _given(self, name: str, argument: GraphQLArgument) -> bool:
        return name in MOMENTS or super()._given(name, argument)

    def _argument(self, name: str, argument: GraphQLArgument) -> str:
        if name in MOMENTS:
            return self._random.choice(["$at", "$at", "{position: 150}"])
        return super()._argument(name, argument)


OF_NOW = frozenset(f"Query.{name}" for name in ("node", "log", "checkpoint", "inclusionProof", "consistencyProof"))
RETRACTED = ("deal:kz-tungsten", "agreement:us-uz-jif-2026", "institution:kz-ministry-ai", "relation:us-uz")


def test_what_is_asked_of_the_present_is_answered_alike_when_it_is_past(tmp_path: Path) -> None:
    with reading(tmp_path, first_record=True) as record:
        withheld = frozenset(("after", "before", "minPosition"))
        documents = [
            Moments(record.schema, Random(seed), Values(record), OF_NOW, withheld).make(3, 1 + seed % 2)
            for seed in range(60)
        ]
        asked = [(record.operations.prepare(document.text), document) for document in documents]

        def answers(at: dict[str, int] | None) -> list[bytes]:
            return [asyncio.run(record.engine.execute(it, {**made.variables, "at": at})) for it, made in asked]

        now = answers(None)
        record.record(
            act("PartyMerged", "party:ktz", into="party:wabtec"),
            act("SourceWithdrawn", "source:asb-media-2025-09"),
            act("FactCorrected", "party:kaz", target=1, field="name", now="Another", cause="CLERICAL"),
            fact("PartyRenamed", "party:boeing", "2026-02-01", name="Another"),
            *(act("EventRetracted", id, target=1, cause="MISREAD") for id in RETRACTED),
            *(act("EventRetracted", "deal:uz-boeing-787", target=target, cause="MISREAD") for target in range(1, 10)),
        )
        assert answers({"position": 210}) == now


async def test_wide_documents_are_answered_alike(record: Reading) -> None:
    assert await _alike(record, range(40), roots=3, depth=1) > 20


async def test_nested_documents_are_answered_alike(record: Reading) -> None:
    assert await _alike(record, range(40), roots=2, depth=2) > 13


@pytest.mark.soak
async def test_many_more_documents_are_answered_alike(record: Reading) -> None:
    assert await _alike(record, range(100, 2_000), roots=2, depth=2) > 500
    assert await _alike(record, range(2_000, 2_600), roots=2, depth=3) > 100
