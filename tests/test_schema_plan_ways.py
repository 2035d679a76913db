"""Lists by filter and order: whichever way leads to the rows they are the same, and an index sorts what it can."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from schema.operation import Operations
from schema.plan import ways
from schema.plan.compile import Compiler
from tests.support.reading import Reading, reading

FILTERS = (
    "kind: [PROCUREMENT]",
    "kind: [PROCUREMENT, LOAN, PLEDGE]",
    "commitment: [INTENDED, FIRM]",
    "verification: [SINGLE_ORIGIN]",
    'country: ["UZB"]',
    'country: ["UZB", "KAZ"]',
    'party: {country: ["USA"], role: [SELLER]}',
    'party: {party: ["party:boeing", "party:wabtec"]}',
    'sector: {code: ["mining"]}',
    'announced: {since: "2025-09-01", until: "2025-12-31"}',
    'value: {currency: "USD", atLeast: "1000000000"}',
    'text: "boeing"',
    'id: ["deal:uz-boeing-787", "deal:nowhere"]',
    'restsOn: {source: ["source:asb-media-2025-09"]}',
    'programme: ["programme:uz-us-portfolio"]',
    "effect: {kind: [JOBS]}",
    "disputed: true",
    'kind: [PROCUREMENT], country: ["UZB"], commitment: [FIRM, INTENDED, ANNOUNCED]',
    'text: "aircraft", announced: {since: "2025-01-01"}, anyOf: [{kind: [PROCUREMENT]}, {country: ["KAZ"]}]',
    'noneOf: {party: {country: ["UZB"]}}, kind: [PROCUREMENT]',
)
ORDERS = ("RECORDED_NEWEST", "CHANGED_OLDEST", "NEWEST", "VALUE_HIGHEST", "VALUE_LOWEST", "TITLE")
MOMENTS = ("", "asOf: {position: 150}, ")
PARTS = "totalCount nodes { id } pageInfo { endCursor hasNextPage }"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    with reading(tmp_path_factory.mktemp("first"), first_record=True) as record:
        yield record


def listed(record: Reading, arguments: str, order: str) -> dict[str, Any]:
    """All that pass, read by pages of 3 along `after`, and how many they are said to be."""
    found: dict[str, Any] = {"ids": []}
    after = None
    while True:
        query = (
            f"query ($after: String) {{ deals({arguments}, orderBy: {order}, first: 3, after: $after) {{ {PARTS} }} }}"
        )
        operation = Operations(record.schema).prepare(query)
        answer = orjson.loads(asyncio.run(record.engine.execute(operation, {"after": after})))
        assert "errors" not in answer, answer
        page = answer["data"]["deals"]
        found["ids"] += [node["id"] for node in page["nodes"]]
        found["count"] = page["totalCount"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


@pytest.mark.parametrize("filter", FILTERS)
def test_every_way_leads_to_the_same_rows(first: Reading, filter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for order in ORDERS:
        for moment in MOMENTS:
            looked_up = listed(first, f"{moment}filter: {{{filter}}}", order)
            nested = listed(first, f"{moment}filter: {{allOf: [{{{filter}}}]}}", order)
            with monkeypatch.context() as patch:
                patch.setattr(ways, "FEW", 0)
                walked = listed(first, f"{moment}filter: {{{filter}}}", order)
            assert looked_up == nested == walked
            assert looked_up["count"] == len(looked_up["ids"]) == len(set(looked_up["ids"]))


def test_the_filters_choose_some_deals_and_leave_others_out(first: Reading) -> None:
    whole = first.ask("{ deals { totalCount } }")["deals"]["totalCount"]
    counts = [first.ask(f"{{ deals(filter: {{{each}}}) {{ totalCount }} }}")["deals"]["totalCount"] for each in FILTERS]
    assert all(0 < count < whole for count in counts), dict(zip(FILTERS, counts, strict=True))


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("filter", FILTERS)
def test_a_walk_along_an_order_sorts_nothing(
    first: Reading, filter: str, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is sorted is the few that were looked up: one sort for each index of the filter, none for the walk."""
    made: list[str] = []
    root = Compiler.root

    def kept(self: Compiler, *given: Any) -> str:
        made.append(root(self, *given))
        return made[-1]

    monkeypatch.setattr(Compiler, "root", kept)
    first.ask(f"{{ deals({moment}filter: {{{filter}}}, orderBy: VALUE_HIGHEST) {{ nodes {{ id }} }} }}")
    with first.replica.read() as connection:
        count = max(map(int, re.findall(r"\?(\d+)", made[0])), default=0)
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {made[0]}", (1,) * count)]
    lookups = len(re.findall(r"AS fe\d+ CROSS JOIN", made[0]))
    assert sum(step.endswith("ORDER BY") for step in plan) <= lookups, plan
