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
from tests.support.reading import Reading, act, fact, reading

FILTERS = (
    "kind: [PROCUREMENT]",
    "kind: [PROCUREMENT, LOAN, PLEDGE]",
    "commitment: [INTENDED, FIRM]",
    "verification: [SINGLE_ORIGIN]",
    'country: ["UZB"]',
    'country: ["UZB", "KAZ"]',
    'party: {country: ["USA"], role: [SELLER]}',
    "party: {role: [BUYER]}",
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
    'value: {atLeast: "1000000000", atMost: "5000000000"}',
    "value: {disclosed: false}",
    "hasAnomalies: true",
    "corrected: true",
    "retracted: true",
    "createdAfter: 100",
    "changedAfter: 150, createdAfter: 20",
    'recordedTo: "%s"',
    'recordedFrom: "%s"',
    "restsOn: {withdrawn: true}",
    "claimed: {verification: [OFFICIAL]}",
    'reached: {since: "2019-01-01", until: "2025-09-30"}',
    'anyOf: [{text: "wabtec"}, {id: ["deal:uz-boeing-787"]}, {allOf: [{commitment: [FIRM]}, {country: ["UZB"]}]}]',
    'allOf: [{country: ["KAZ"]}, {kind: [PROCUREMENT]}, {noneOf: {disputed: true}}]',
)
ORDERS = ("RECORDED_NEWEST", "CHANGED_OLDEST", "NEWEST", "VALUE_HIGHEST", "VALUE_LOWEST", "TITLE")
MOMENTS = ("", "asOf: {position: 150}, ")
PARTS = "totalCount nodes { id } pageInfo { endCursor hasNextPage }"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    """The first record, with acts on it and deals of which little is known."""
    with reading(tmp_path_factory.mktemp("first"), first_record=True) as record:
        record.record(
            fact("DealAnnounced", "deal:odd", title="Odd"), fact("DealAnnounced", "deal:wrong", title="Wrong")
        )
        record.record(act("EventRetracted", "deal:wrong", target=1, cause="MISREAD"))
        record.record(act("SourceWithdrawn", "source:glance-tungsten"))
        record.record(act("FactCorrected", "deal:odd", target=1, field="title", now="Other", cause="CLERICAL"))
        yield record


@pytest.fixture
def filter(first: Reading, request: pytest.FixtureRequest) -> str:
    """A filter; where it names a time, that of an event between others."""
    text: str = request.param
    time = first.ask("{ events(filter: {after: 120, until: 121}) { nodes { recordedAt } } }")
    return text.replace("%s", time["events"]["nodes"][0]["recordedAt"])


def listed(record: Reading, arguments: str, order: str) -> dict[str, Any]:
    """All that pass, read by pages of 7 along `after`, and how many they are said to be."""
    found: dict[str, Any] = {"ids": []}
    after = None
    while True:
        query = (
            f"query ($after: String) {{ deals({arguments}, orderBy: {order}, first: 7, after: $after) {{ {PARTS} }} }}"
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


@pytest.mark.parametrize("filter", FILTERS, indirect=True)
def test_every_way_leads_to_the_same_rows(first: Reading, filter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for order in ORDERS:
        for moment in MOMENTS:
            looked_up = listed(first, f"{moment}filter: {{{filter}}}", order)
            kept = ", retracted: true" if "retracted: true" in filter else ""
            denied = listed(first, f"{moment}filter: {{noneOf: {{noneOf: {{{filter}}}}}{kept}}}", order)
            with monkeypatch.context() as patch:
                patch.setattr(ways, "FEW", 0)
                walked = listed(first, f"{moment}filter: {{{filter}}}", order)
            assert looked_up == denied == walked
            assert looked_up["count"] == len(looked_up["ids"]) == len(set(looked_up["ids"]))


@pytest.mark.parametrize("filter", FILTERS, indirect=True)
def test_a_filter_chooses_some_deals_and_leaves_others_out(first: Reading, filter: str) -> None:
    whole = first.ask("{ deals { totalCount } }")["deals"]["totalCount"]
    assert 0 < first.ask(f"{{ deals(filter: {{{filter}}}) {{ totalCount }} }}")["deals"]["totalCount"] < whole


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("filter", FILTERS, indirect=True)
def test_a_walk_along_an_order_sorts_nothing(
    first: Reading, filter: str, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is sorted is the few that were looked up, and ids to be held against one another; nothing for the walk."""
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
    against = made[0].count(" INTERSECT ")
    assert sum(step.endswith("ORDER BY") for step in plan) <= lookups + against + (2 if against else 0), plan
