"""All lists of the whole schema under generated filters: what must hold whatever a filter means."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
from graphql import GraphQLEnumType, GraphQLNonNull

from schema.plan.engine import Engine
from schema.plan.paging import Ceilings
from service.replica.follow import Follower
from service.replica.store import Replica
from tests.support.documents import Documents
from tests.support.reading import Reading, fact, reading
from tests.test_schema_plan_whole import Values, context

PAGE = "totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor } nodes { %s }"
MOST = 100


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    folder: Path = tmp_path_factory.mktemp("record")
    with reading(folder, first_record=True) as made:
        yield made


class Lists:
    """One list of the schema, chosen and filtered by a seed, at some moment."""

    def __init__(self, record: Reading, seed: int) -> None:
        """Choose the list, a filter, an order and a moment."""
        self._record = record
        self.random = Random(seed)
        query = record.schema.query_type
        assert query is not None
        self._root = self.random.choice([name for name, it in query.fields.items() if "orderBy" in it.args])
        given = query.fields[self._root].args
        documents = Documents(record.schema, self.random, Values(record))
        self.filter = documents.literal("filter", given["filter"].type)
        kind = given["orderBy"].type
        orders = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        assert isinstance(orders, GraphQLEnumType)
        self.order, self.opposite = self._orders(list(orders.values))
        self._moment = self.random.choice(
            ["", f"asOf: {{position: {self.random.randint(1, record.replica.position)}}}"]
        )
        self._key = "position" if self._root == "corrections" else "id"

    def _orders(self, names: list[str]) -> tuple[str, str]:
        """An order and the one that goes the other way; they stand beside each other."""
        place = self.random.randrange(len(names))
        return names[place], names[place ^ 1]

    async def page(self, filter: str, order: str, page: str = f"first: {MOST}") -> Any:
        """A page, by the compiled read and by the slow path."""
        text = (
            f"{{ {self._root}(filter: {filter}, orderBy: {order}, {page}, {self._moment}) {{ {PAGE % self._key} }} }}"
        )
        operation = self._record.operations.prepare(text)
        fast = await self._record.engine.execute(operation, {}, context(self._record))
        assert fast == await self._record.engine.executed_slowly(operation, {}, context(self._record)), text
        answer = orjson.loads(fast)
        assert "errors" not in answer, (text, answer)
        return answer["data"][self._root]

    async def ids(self, filter: str, order: str, page: str = f"first: {MOST}") -> list[Any]:
        """The ids, or positions, of a page."""
        return self._ids(await self.page(filter, order, page))

    def _ids(self, page: Any) -> list[Any]:
        return [node[self._key] for node in page["nodes"]]

    async def paged(self, count: str, behind: str, cursor: str, more: str) -> list[Any]:
        """All of it in pages of a few."""
        size, found, seen = self.random.randint(3, 9), list[Any](), ""
        while True:
            page = await self.page(self.filter, self.order, f"{count}: {size}{seen and f', {behind}: {seen}'}")
            ids = self._ids(page)
            found = [*found, *ids] if count == "first" else [*ids, *found]
            other = ({"hasNextPage", "hasPreviousPage"} - {more}).pop()
            assert page["pageInfo"][other] is bool(seen)
            if not page["pageInfo"][more]:
                return found
            seen = orjson.dumps(page["pageInfo"][cursor]).decode()


@pytest.fixture(params=range(36))
def lists(request: pytest.FixtureRequest, record: Reading) -> Lists:
    return Lists(record, request.param)


async def test_the_pages_of_a_list_are_the_list_from_either_end(lists: Lists) -> None:
    page = await lists.page(lists.filter, lists.order)
    if page["totalCount"] <= MOST:
        ids = lists._ids(page)
        assert (len(ids), page["pageInfo"]["hasNextPage"]) == (page["totalCount"], False)
        assert await lists.paged("first", "after", "endCursor", "hasNextPage") == ids
        assert await lists.paged("last", "before", "startCursor", "hasPreviousPage") == ids


async def test_a_list_in_the_opposite_order_is_its_mirror_image(lists: Lists) -> None:
    there = await lists.ids(lists.filter, lists.order, "first: 40")
    assert await lists.ids(lists.filter, lists.opposite, "last: 40") == there[::-1]


async def test_all_of_a_filter_and_any_of_it_are_the_filter(lists: Lists) -> None:
    if "retracted" not in lists.filter:
        ids = await lists.ids(lists.filter, lists.order)
        assert await lists.ids(f"{{allOf: [{lists.filter}]}}", lists.order) == ids
        assert await lists.ids(f"{{anyOf: [{lists.filter}, {lists.filter}]}}", lists.order) == ids


async def test_a_filter_and_its_opposite_share_all_there_is(lists: Lists) -> None:
    if "retracted" not in lists.filter:
        counts = [
            (await lists.page(filter, lists.order, "first: 0"))["totalCount"]
            for filter in (lists.filter, f"{{noneOf: {lists.filter}}}", "{}")
        ]
        assert counts[0] + counts[1] == counts[2]


async def test_any_of_nothing_chooses_nothing(lists: Lists) -> None:
    assert await lists.ids("{anyOf: []}", lists.order) == []
    assert await lists.ids(f"{{allOf: [{lists.filter}], anyOf: []}}", lists.order) == []


@pytest.mark.parametrize(
    ("field", "key"),
    [
        ('{ list: search(text: "boeing", %s) { ', "objectId"),
        ('{ list: search(text: "a", nouns: [DEAL, SOURCE], asOf: {position: 205}, %s) { ', "objectId"),
        ("{ list: changes(from: {position: 150}, to: {position: 200}, %s) { ", "objectId"),
        ('{ of: party(id: "party:boeing") { list: deals(%s, orderBy: VALUE_LOWEST) { ', "id"),
        ('{ of: deal(id: "deal:uz-boeing-787", asOf: {position: 205}) { list: history(%s) { ', "id"),
        ('{ of: source(id: "source:asb-media-2025-09") { list: resting(%s) { ', "id"),
        ('{ of: gathering(id: "gathering:unga-80") { list: agreements(%s) { ', "id"),
        ('{ of: programme(id: "programme:us-central-asia-2025") { list: deals(%s) { ', "deal { id }"),
    ],
)
async def test_lists_of_hits_of_changes_and_of_an_object_are_paged_from_either_end(
    record: Reading, field: str, key: str
) -> None:
    async def page(asked: str) -> Any:
        text = f"{field % asked} {PAGE % key} }}" + "}" * (field.count("{ of") + 1)
        answer = orjson.loads(await record.engine.execute(record.operations.prepare(text)))
        return (answer["data"].get("of") or answer["data"])["list"]

    whole = (await page("first: 100"))["nodes"]
    forward: list[Any] = []
    backward: list[Any] = []
    after = before = ""
    for start in range(0, len(whole), 3):
        on, back = await page(f"first: 3{after}"), await page(f"last: 3{before}")
        forward, backward = [*forward, *on["nodes"]], [*back["nodes"], *backward]
        after = f', after: "{on["pageInfo"]["endCursor"]}"'
        before = f', before: "{back["pageInfo"]["startCursor"]}"'
        more = start + 3 < len(whole)
        assert (on["pageInfo"]["hasNextPage"], back["pageInfo"]["hasPreviousPage"]) == (more, more)
    assert len(whole) > 1
    assert (forward, backward) == (whole, whole)


async def test_a_page_goes_on_at_a_node_that_has_not_read_as_far_as_the_one_before(tmp_path: Path) -> None:
    page = "{ deals(first: 3%s) { pageInfo { endCursor } nodes { id } } }"
    for name in ("ahead", "behind"):
        (tmp_path / name).mkdir()
    with reading(tmp_path / "ahead", first_record=True) as ahead:
        caught_up = Follower(ahead.log, Replica(tmp_path / "behind", ahead.log.record_id))
        caught_up.start()
        caught_up.stop()
        behind = Replica(tmp_path / "behind", ahead.log.record_id)
        ahead.record(fact("DealAnnounced", "deal:later", title="Later"))
        engine = Engine(ahead.schema, behind, Ceilings(wait=30))
        first = orjson.loads(await ahead.engine.execute(ahead.operations.prepare(page % "")))["data"]["deals"]
        rest = ahead.operations.prepare(page % f', after: "{first["pageInfo"]["endCursor"]}"')
        asked = asyncio.create_task(engine.execute(rest))
        await asyncio.sleep(0)
        assert (behind.position, ahead.replica.position) == (210, 211)
        follower = Follower(ahead.log, behind)
        await asyncio.to_thread(follower.start)
        found = orjson.loads(await asked)
        whole = orjson.loads(
            await ahead.engine.execute(ahead.operations.prepare("{ deals(first: 6) { nodes { id } } }"))
        )
        follower.stop()
        behind.close()
        engine.close()
    assert [*first["nodes"], *found["data"]["deals"]["nodes"]] == whole["data"]["deals"]["nodes"]


@pytest.mark.parametrize(
    ("noun", "opening", "period"),
    [
        ("deal", "DealAnnounced", "announced"),
        ("agreement", "AgreementSigned", "signed"),
        ("agreement", "AgreementAnnounced", "signed"),
        ("programme", "ProgrammeAnnounced", "announced"),
    ],
)
def test_a_list_goes_by_the_date_that_it_shows_whoever_claims_it(
    tmp_path: Path, noun: str, opening: str, period: str
) -> None:
    with reading(tmp_path, first_record=True) as record:
        id, field = f"{noun}:moved", opening.removeprefix(noun.title()).lower()
        official = record.ask("{ sources(filter: {kind: [OFFICIAL_RELEASE]}, first: 1) { nodes { id } } }")
        source = official["sources"]["nodes"][0]["id"]
        record.record(fact(opening, id, "2031-05-01", title="Moved"))
        claim = fact("FactClaimed", id, target=1, field="occurred_on", value="2030-01-15")
        record.record({**claim, "sources": [{"source": source}]})
        answer = record.ask(f"""{{
          shown: {noun}(id: "{id}") {{ {field} {{ shown {{ earliest }} }} }}
          then: {noun}s(filter: {{{period}: {{since: "2030-01-01", until: "2030-12-31"}}}}) {{ nodes {{ id }} }}
          later: {noun}s(filter: {{{period}: {{since: "2031-01-01"}}}}) {{ nodes {{ id }} }}
        }}""")
    assert answer["shown"][field] == {"shown": {"earliest": "2030-01-15"}}
    assert (answer["then"]["nodes"], answer["later"]["nodes"]) == ([{"id": id}], [])
