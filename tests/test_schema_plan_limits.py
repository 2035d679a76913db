"""What is refused for its size, how soon, and that a long read neither runs on nor holds up others."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
from graphql import get_introspection_query
from graphql.execution.values import VariableValues

from schema.errors import Rejected
from schema.limits import Ceiling, Limits
from schema.operation import Operations, sound
from schema.plan.engine import Engine
from schema.plan.paging import Ceilings
from schema.plan.plan import plan_of
from schema.plan.shelf import Shelf
from schema.schema import build
from tests.support.compact import compact_schema
from tests.support.compact_rows import Filled, random_rows
from tests.support.time_taken import at_most

SCHEMA = sound(compact_schema()._schema)
READ = "{ deals { nodes { id title links { role } } } }"


def repeated(start: str, part: str, end: str, length: int = 1000) -> str:
    """A document of this length."""
    return start + part * ((length - len(start) - len(end)) // len(part)) + end


HOSTILE = {
    "fragments that double": "{...A0}"
    + "".join(f"fragment A{n} on Query{{...A{n + 1} ...A{n + 1}}}" for n in range(25))
    + "fragment A25 on Query{__typename}",
    "fields that double": "{deals{nodes{...A0}}}"
    + "".join(f"fragment A{n} on Deal{{a:lead{{party{{id}}}}...A{n + 1} b:lead{{party{{id}}}}}}" for n in range(12))
    + "fragment A12 on Deal{id}",
    "nested aliases": "{deals{nodes{...A0}}}"
    + "".join(
        f"fragment A{n} on Deal{{a:must{{deals{{nodes{{...A{n + 1}}}}}}}b:must{{deals{{nodes{{...A{n + 1}}}}}}}}}"
        for n in range(7)
    )
    + "fragment A7 on Deal{id}",
    "one field many times": repeated("{", "__typename ", "}"),
    "one object many times": repeated("{", "node(id:1){id}", "}"),
    "aliases": "{" + " ".join(f"a{n}:__typename" for n in range(65)) + "}",
    "directives": repeated("{__typename ", "@skip(if:true)", "}"),
    "unknown directives": repeated("{__typename ", "@a", "}"),
    "deep selection": "{" + "a{" * 240 + "a" + "}" * 240 + "}",
    "deep list": "{deals(filter:{kind:" + "[" * 450 + "]" * 450 + "}){nodes{id}}}",
    "deep filter": "{deals(filter:" + "{noneOf:" * 55 + "{}" + "}" * 55 + "){nodes{id}}}",
    "unknown fields": "{" + " ".join(f"dealx{n}" for n in range(110)) + "}",
    "unknown arguments": "{deals(" + " ".join(f"a{n}:1" for n in range(150)) + "){nodes{id}}}",
    "long name": "{" + "a" * 1000 + "}",
    "huge number": "{deals(first:" + "9" * 900 + "){nodes{id}}}",
    "huge position": "{deals(asOf:{position:" + "9" * 900 + "}){nodes{id}}}",
    "introspection loop": "{__schema{types{" + "fields{type{" * 4 + "name" + "}}" * 4 + "}}}",
    "introspection aliases": "{" + "".join(f"a{n}:__schema{{types{{fields{{name}}}}}}" for n in range(18)) + "}",
    "introspection within": "{__schema{"
    + "".join(f"a{n}:types{{fields{{name args{{name type{{name}}}}}}}}" for n in range(17))
    + "}}",
    "variables": "query(" + "".join(f"$v{n}:Int " for n in range(100)) + "){__typename}",
    "operations": "".join(f"query q{n}{{a}}" for n in range(75)),
    "fragments in a circle": "{...A}fragment A on Query{...B}fragment B on Query{...A}",
    "a fragment in itself": "{...A}fragment A on Query{" + "...A " * 100 + "}",
    "fragments side by side": "{deals{nodes{"
    + "".join(f"...F{n} " for n in range(18))
    + "}}}"
    + "".join(f"fragment F{n} on Deal{{lead{{party{{id}}}}}}" for n in range(18)),
    "comments": "#" * 900 + "\n{__typename}",
    "commas": "," * 900 + "{__typename}",
    "no text": "\x00" * 800,
}


@pytest.fixture(scope="module", autouse=True)
def _young() -> Iterator[None]:
    """Looking for garbage looks only at what these tests make."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    replica = Filled(tmp_path / "replica.db", random_rows(Random(3)))
    made = Engine(SCHEMA, replica, Ceilings(time_limit=0.3))
    yield made
    made.close()
    replica.close()


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_document_of_one_kilobyte_is_answered_within_50_ms(name: str, engine: Engine) -> None:
    operations = Operations(SCHEMA, limit=Limits(SCHEMA, Ceiling()))
    operations.prepare("{ __typename }")
    text = HOSTILE[name]
    assert len(text) <= 1100
    gc.collect()
    with at_most(0.05):
        assert await answered(engine, operations, text)


async def answered(engine: Engine, operations: Operations, text: str) -> bytes:
    """The response, whatever it is."""
    try:
        return await engine.execute(operations.prepare(text))
    except Rejected as refusal:
        return str(refusal).encode()


def refused(text: str, **ceiling: Any) -> list[str]:
    """What the limits say of a document."""
    limits = Limits(SCHEMA, Ceiling(**ceiling))
    try:
        Operations(SCHEMA, limit=limits).prepare(text)
    except Rejected as refusal:
        return [error.message for error in refusal.errors]
    return []


def test_depth_counts_through_fragments() -> None:
    text = "{ ...A } fragment A on Query { deal(id: 1) { ...B } } fragment B on Deal { lead { party { id } } }"
    assert refused(text, depth=4) == []
    assert refused(text, depth=3) == ["The operation exceeds the limit of depth, 3."]


def test_fields_count_each_time_that_a_fragment_is_spread() -> None:
    text = "{ a: deal(id: 1) { ...F } b: deal(id: 2) { ...F } } fragment F on Deal { id title }"
    assert refused(text, fields=6) == []
    assert refused(text, fields=5) == ["The operation exceeds the limit of fields, 5."]


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("{ deal(id: 1) { id title } }", 3),
        ("{ deals(first: 10) { nodes { id } } }", 1 + 10 * 2),
        ("{ deals { nodes { id } totalCount } }", 1 + 20 * 3),
        ("query ($n: Int) { deals(first: $n) { nodes { id } } }", 1 + 7 * 2),
        ("query ($n: Int, $none: Int) { deals(first: $none, last: $n) { nodes { id } } }", 1 + 7 * 2),
        ("{ deals(first: null, last: 5) { nodes { id } } }", 1 + 5 * 2),
        ("{ deals(last: 5) { nodes { history(first: 3) { nodes { id } } } } }", 1 + 5 * (1 + 1 + 3 * 2)),
        ("{ deal(id: 1) { links { role } } }", 1 + 1 + 4),
        ('{ nodes(ids: ["a", "b", "c"]) { id } }', 1 + 3),
        ('{ made(id: "x") { note } }', 20 + 5),
        ('{ made(id: "x") { note } ...Q } fragment Q on Query { deals(first: 10) { nodes { id __typename } } }',
         20 + 5 + 5 + 10 * 3 * 5),
    ],
)  # fmt: skip
def test_cost_is_the_fields_times_the_items_of_their_lists(text: str, cost: int) -> None:
    limits = Limits(SCHEMA, Ceiling())
    assert limits.cost(Operations(SCHEMA).prepare(text), {"n": 7}) == cost


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("query ($f: DealFilter) { deals(filter: $f, first: 1) { nodes { id } } }", 3 + 20),
        ("query ($f: DealFilter!) { deals(filter: {anyOf: [$f, $f]}, first: 1) { nodes { id } } }", 3 + 60),
        ("query ($f: DealFilter) { a: deals(filter: $f, last: 1) { ...D } b: deals(filter: $f, last: 1) { ...D } }"
         " fragment D on DealConnection { nodes { id } }", 2 * (3 + 20)),
        ("{ deals(filter: {anyOf: [{disputed: true}, {disputed: false}]}, first: 1) { nodes { id } } }", 3 + 20),
    ],
)  # fmt: skip
def test_the_parts_of_a_filter_cost_wherever_they_are_used(text: str, cost: int) -> None:
    limits, operation = Limits(SCHEMA, Ceiling()), Operations(SCHEMA).prepare(text)
    assert limits.cost(operation, {"f": {"anyOf": [{}, {"disputed": True}]}}) == cost


async def test_statements_are_kept_up_to_so_much_sql_and_answer_alike_when_they_are_made_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schema.plan.plan.SHELF", Shelf(room=5_000))
    operation = Operations(SCHEMA).prepare("query ($f: DealFilter) { deals(filter: $f) { nodes { id } } }")
    filters = [{"anyOf": [{"disputed": True}, {"disputed": False}] * count} for count in range(1, 30)]
    answers = {await engine.execute(operation, {"f": filter}) for _ in range(2) for filter in filters}
    (root,) = plan_of(engine.schema, operation, VariableValues({}, {})).roots
    assert len(answers) == 1
    assert 0 < len(root.statements) < 10


def test_a_list_that_is_no_page_costs_as_many_items_as_it_is_asked_for() -> None:
    real = sound(build()._schema)
    text = "query ($n: Int) { corrections(first: 10) { nodes { rested(first: $n) { objectId } } } }"
    operation = Operations(real).prepare(text)
    costs = [Limits(real, Ceiling()).cost(operation, {"n": n}) for n in (1, 1000)]
    assert costs[1] - costs[0] == 10 * 999


def within(filter: str, times: int) -> str:
    """A filter within another, so often."""
    return f"{{{filter}: " * times + "{}" + "}" * times


@pytest.mark.parametrize(
    ("filter", "what"),
    [
        ({"anyOf": [{}] * 101}, "objects in arguments, 100"),
        ({"kind": ["LOAN"] * 10_001}, "items of lists in arguments, 10000"),
        ({"noneOf": {"noneOf": {"noneOf": {"anyOf": [{}]}}}}, None),
        ({"words": "a" * 10_001}, "characters of a text, 10000"),
    ],
)
async def test_arguments_hold_no_more_than_they_may(
    engine: Engine, filter: dict[str, object], what: str | None
) -> None:
    operation = Operations(SCHEMA).prepare("query ($f: DealFilter) { deals(filter: $f) { nodes { id } } }")
    answer = orjson.loads(await engine.execute(operation, {"f": filter}))
    errors = [(each["message"], each["extensions"]["code"]) for each in answer.get("errors", ())]
    assert errors == ([(f"The operation exceeds the limit of {what}.", "TOO_COSTLY")] if what else [])


@pytest.mark.parametrize(("times", "refusals"), [(28, 0), (31, 1)])
async def test_filters_within_filters_are_counted_in_the_document_too(
    engine: Engine, times: int, refusals: int
) -> None:
    operation = Operations(SCHEMA).prepare(f"{{ deals(filter: {within('noneOf', times)}) {{ nodes {{ id }} }} }}")
    answer = orjson.loads(await engine.execute(operation))
    assert [each["extensions"]["code"] for each in answer.get("errors", ())] == ["TOO_COSTLY"] * refusals


def test_what_is_remembered_of_documents_is_bounded_however_short_they_and_long_their_names_are() -> None:
    operations = Operations(SCHEMA, room=10_000)
    for number in range(100):
        for text, name in ((f"{{ a{number}: __typename }}", None), ("{ __typename }", f"n{number}" + "x" * 5_000)):
            with suppress(Rejected):
                operations.prepare(text, name)
    assert len(operations._kept) <= 10_000 // 400


async def test_what_was_sent_is_not_repeated_at_length(engine: Engine) -> None:
    operation = Operations(SCHEMA).prepare("query ($n: Int) { deals(first: $n) { nodes { id } } }")
    assert len(await engine.execute(operation, {"n": "9" * 9_000})) < 2_000


async def test_what_costs_too_much_is_refused_by_the_values_of_its_variables(engine: Engine) -> None:
    text = (
        "query ($n: Int) { deals(first: $n) { nodes { history(first: $n) { nodes { id body summary position } } } } }"
    )
    operation = Operations(SCHEMA).prepare(text)
    assert b"errors" not in await engine.execute(operation, {"n": 10})
    answer = orjson.loads(await engine.execute(operation, {"n": 100}))
    assert answer["errors"][0]["extensions"] == {"code": "TOO_COSTLY", "cost": 50201}


async def test_a_read_is_stopped_at_its_time_limit(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine._runner._time_limit = 0.000_001
    monkeypatch.setattr("schema.plan.run._LOOKS", 0)
    monkeypatch.setattr("schema.plan.run.STEPS", 10)
    monkeypatch.setattr("schema.plan.run._CHECK", 10)
    answer = orjson.loads(await engine.execute(Operations(SCHEMA).prepare(READ)))
    assert answer["errors"][0]["extensions"]["code"] == "TIMEOUT"


@pytest.mark.parametrize("bound", ["_LOOKS", "_MOST"])
async def test_a_read_of_many_steps_or_of_slow_ones_goes_to_a_thread_and_answers_the_same(
    bound: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = Operations(SCHEMA).prepare(READ)
    at_once = await engine.execute(operation)
    monkeypatch.setattr("schema.plan.run._LOOKS", 1_000_000)
    monkeypatch.setattr(f"schema.plan.run.{bound}", 0)
    monkeypatch.setattr("schema.plan.run.STEPS", 10)
    operation = Operations(SCHEMA).prepare(READ)
    assert await engine.execute(operation) == at_once
    assert await asyncio.gather(*(engine.execute(operation) for _ in range(8))) == [at_once] * 8


@pytest.mark.parametrize(
    "ask", ["{ __schema { types { name kind fields { name args { name defaultValue } } } } }", None]
)
async def test_introspection_says_what_graphql_core_says(ask: str | None, engine: Engine) -> None:
    operation = Operations(SCHEMA).prepare(ask or get_introspection_query(input_value_deprecation=True))
    assert await engine.execute(operation) == await engine.executed_slowly(operation)


async def test_a_type_that_is_not_there_is_described_as_null(engine: Engine) -> None:
    text = 'query ($n: String!) { __type(name: $n) { name possibleTypes { name } } deal(id: "x") { id } __typename }'
    operation = Operations(SCHEMA).prepare(text)
    for name in ("Node", "Nothing"):
        assert await engine.execute(operation, {"n": name}) == await engine.executed_slowly(operation, {"n": name})
