"""Wide filters and connections with many fields: they are read whole, and their SQL grows with no product of both."""

import asyncio
import gc
from collections.abc import Iterator
from string import ascii_letters

import pytest
from graphql.execution.values import VariableValues

from schema.limits import Ceiling, Limits
from schema.operation import Operation, Operations, sound
from schema.plan.plan import Root, plan_of
from schema.schema import build
from tests.support.reading import Reading, reading
from tests.support.time_taken import at_most

WHOLE = """totalCount nodes { id } edges { cursor node { id } }
  pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"""


def each(field: str, times: int) -> str:
    """A field under so many aliases."""
    return " ".join(f"{name}:{field}" for name in ascii_letters[:times])


def listed(filter: str, fields: str) -> str:
    """A document that lists deals."""
    return f"{{deals(filter:{filter}){{{fields}}}}}"


FILTERS = {
    "nested": """{
        anyOf: [{country: ["USA"]}, {kind: [PLEDGE], anyOf: [{reached: {commitment: [FIRM, INTENDED]}}]}],
        allOf: [
          {restsOn: {withdrawn: false}}, {hasAnomalies: false}, {anyOf: [{text: "boeing"}, {party: {role: [BUYER]}}]}
        ],
        noneOf: {effect: {place: ["KAZ"]}, party: {party: ["party:nobody"], role: [SIGNATORY]}}
    }""",
    "one in another": '{noneOf: {claimed: {subject: ["value:LIST_PRICE"]}, noneOf: {restsOn: {withdrawn: false}}}}',
    "alternatives": "{anyOf: [" + "".join(f'{{id: ["deal:{n}", "deal:uz-boeing-787"]}}' for n in range(40)) + "]}",
}
TEXTS = "{allOf:[" + '{text:"a"},' * 30 + "]}"
HOSTILE = {
    "texts": listed(TEXTS, WHOLE),
    "texts in many pages": listed(TEXTS, each("nodes{id}", 20)),
    "texts in many counts": listed(TEXTS, each("totalCount", 25)),
    "programmes in many pages": listed("{anyOf:[" + '{programme:"a"},' * 30 + "]}", each("edges{cursor}", 20)),
}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    """The first record, which was asked before."""
    with reading(tmp_path_factory.mktemp("first"), first_record=True) as record:
        record.ask("{ deals { nodes { id } } }")
        yield record


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("page", ["first: 2", "last: 2", "first: 0"])
def test_a_wide_filter_is_read_with_every_field_of_the_connection(first: Reading, name: str, page: str) -> None:
    query = "{ deals(filter: %s, orderBy: TITLE%s) { %s } }"
    every = first.ask(query % (FILTERS[name], "", "nodes { id }"))["deals"]["nodes"]
    found = first.ask(query % (FILTERS[name], f", {page}", WHOLE))["deals"]
    size, backward = int(page[-1]), page.startswith("last")
    wanted = every[-size:] if backward else every[:size]
    cursors = [edge["cursor"] for edge in found["edges"]] or [None]
    assert len(every) > 0
    assert (found["totalCount"], found["nodes"]) == (len(every), wanted)
    assert [edge["node"] for edge in found["edges"]] == wanted
    assert found["pageInfo"] == {
        "hasNextPage": len(every) > size and not backward,
        "hasPreviousPage": len(every) > size and backward,
        "startCursor": cursors[0],
        "endCursor": cursors[-1],
    }


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_filter_in_many_fields_is_read_within_50_ms(first: Reading, name: str) -> None:
    assert len(HOSTILE[name]) <= 1100
    operations = Operations(first.schema, limit=Limits(first.schema, Ceiling()))
    gc.collect()
    with at_most(0.05):
        answer = asyncio.run(first.engine.execute(operations.prepare(HOSTILE[name])))
    assert answer.startswith(b'{"data":')


def test_what_a_fragment_selects_is_worked_out_once_wherever_it_is_spread(first: Reading) -> None:
    text = "query ($no: Boolean = false) {%s} fragment F on Event { id object { label } }"
    roots = each("events(first: 2) { nodes { ...F } }", 3) + " z: events { nodes { ...F @skip(if: $no) id } }"
    operation = Operations(first.schema).prepare(text % roots)
    variables = VariableValues({}, {"no": False})
    below = [id(root.field.children["EventConnection"][0].children) for root in planned(first, operation, variables)]
    assert [below.count(one) for one in below] == [3, 3, 3, 1]
    assert asyncio.run(first.engine.execute(operation)) == asyncio.run(first.engine.executed_slowly(operation))


def planned(record: Reading, operation: Operation, variables: VariableValues) -> list[Root]:
    """The root fields of an operation's plan."""
    return plan_of(record.engine.schema, operation, variables).roots


@pytest.mark.parametrize(
    ("text", "field", "most"),
    [
        ("{ changes(from: {position: 0}, first: 100) { nodes { %s } } }", "fields { was }", 7),
        ("{ log { %s } }", "stateRoot(position: 1)", 9),
    ],
)
def test_what_looks_at_many_rows_costs_accordingly(text: str, field: str, most: int) -> None:
    schema = sound(build()._schema)

    def cost(times: int) -> int:
        return Limits(schema, Ceiling()).cost(Operations(schema).prepare(text % each(field, times)), {})

    assert cost(most) <= Ceiling().cost < cost(most + 1)
