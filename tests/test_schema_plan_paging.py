"""Lists in pages: every order both ways, one snapshot from the first page to the last, and cursors that do not fit."""

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest

from schema.operation import Operations, sound
from schema.plan.engine import Alone, Engine
from schema.plan.paging import Ceilings
from tests.support.compact import compact_schema
from tests.support.compact_rows import Filled, Rows, random_rows


class Compact:
    """A compact record that can be asked."""

    def __init__(self, path: Path, rows: Rows, **ceilings: Any) -> None:
        """Fill a replica file."""
        self.rows = rows
        self.replica = Filled(path, rows)
        self.schema = sound(compact_schema()._schema)
        self.engine = Engine(self.schema, self.replica, Ceilings(**ceilings))
        self.operations = Operations(self.schema)

    async def response(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole response."""
        body = await self.engine.execute(self.operations.prepare(query), variables)
        response: dict[str, Any] = orjson.loads(body)
        return response

    async def ask(self, query: str, **variables: Any) -> Any:
        """The data of a response without errors."""
        response = await self.response(query, **variables)
        assert "errors" not in response, response
        return response["data"]

    async def code(self, query: str, **variables: Any) -> str:
        """The code of the one error."""
        (error,) = (await self.response(query, **variables))["errors"]
        return str(error["extensions"]["code"])

    def later(self) -> None:
        """Record more."""
        for number in range(8):
            self.rows.position += 1
            values = {
                "kind": "LOAN",
                "title": f"Aa {number}",
                "value_currency": "party:p0",
                "created": self.rows.position,
            }
            self.rows.put("deal", id=f"deal:new{number}", **values)
        self.replica.fill(self.rows)

    def close(self) -> None:
        """Close all."""
        self.engine.close()
        self.replica.close()


@pytest.fixture
async def compact(tmp_path: Path) -> AsyncIterator[Compact]:
    made = Compact(tmp_path / "replica.db", random_rows(Random(7)), page_most=50)
    yield made
    made.close()


PAGE = """query ($first: Int, $after: String, $last: Int, $before: String, $order: DealOrder!) {
  deals(first: $first, after: $after, last: $last, before: $before, orderBy: $order) {
    nodes { id } totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""


async def walked(
    compact: Compact, order: str, size: int, *, backward: bool = False, disturb: bool = False
) -> list[str]:
    """The ids of a list, page by page."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        given = {"last": size, "before": cursor} if backward else {"first": size, "after": cursor}
        page = (await compact.ask(PAGE, order=order, **given))["deals"]
        ids = [node["id"] for node in page["nodes"]]
        found = ids + found if backward else found + ids
        assert page["totalCount"] == 12
        assert page["pageInfo"]["hasPreviousPage" if not backward else "hasNextPage"] == (cursor is not None)
        cursor = page["pageInfo"]["startCursor" if backward else "endCursor"]
        if not page["pageInfo"]["hasPreviousPage" if backward else "hasNextPage"]:
            return found
        if disturb:
            compact.later()


@pytest.mark.parametrize("order", ["NEWEST", "OLDEST", "TITLE", "VALUE"])
@pytest.mark.parametrize("size", [1, 5, 12])
async def test_pages_in_either_direction_make_up_the_whole_list(compact: Compact, order: str, size: int) -> None:
    whole = [node["id"] for node in (await compact.ask(PAGE, order=order, first=50))["deals"]["nodes"]]
    assert len(whole) == 12
    assert await walked(compact, order, size) == whole
    assert await walked(compact, order, size, backward=True) == whole


async def test_a_list_that_is_paged_through_does_not_move(compact: Compact) -> None:
    whole = [node["id"] for node in (await compact.ask(PAGE, order="TITLE", first=50))["deals"]["nodes"]]
    assert await walked(compact, "TITLE", 3, disturb=True) == whole


async def test_a_cursor_below_an_object_carries_the_moment_of_that_object(compact: Compact) -> None:
    query = '{ deal(id: "deal:d1", asOf: {position: 40}) { paged(first: 1) { edges { cursor } } } }'
    (edge,) = (await compact.ask(query))["deal"]["paged"]["edges"]
    assert edge["cursor"].split(".")[1] == "40"


async def test_a_list_below_an_object_goes_on_at_the_moment_of_its_cursor(compact: Compact) -> None:
    at = '{ deal(id: "deal:d1", asOf: {position: 40}) { history(first: %s) { nodes { id } pageInfo { endCursor } } } }'
    whole = (await compact.ask(at % "50"))["deal"]["history"]["nodes"]
    start = (await compact.ask(at % "1"))["deal"]["history"]
    query = 'query ($after: String) { deal(id: "deal:d1") { history(first: 50, after: $after) { nodes { id } } } }'
    rest = (await compact.ask(query, after=start["pageInfo"]["endCursor"]))["deal"]["history"]["nodes"]
    assert start["nodes"] + rest == whole


AROUND = """query ($after: String) {
  deal(id: "deal:d1"%s) { history(after: $after) { nodes { id } } }
  deals(first: 1%s) { nodes { steps: history(after: $after) { nodes { id } } } }
}"""


@pytest.mark.parametrize(
    ("around", "message"),
    [
        ((", asOf: {position: 50}", ""), "history: This cursor was read at position 40, but deal is read at 50."),
        (("", ", asOf: {position: 50}"), "steps: This cursor was read at position 40, but deals is read at 50."),
        (("", ', after: "OUTER"'), "steps: This cursor was read at position 40, but deals is read at 64."),
    ],
)
async def test_a_cursor_of_another_moment_than_that_around_its_list_is_refused_with_both(
    compact: Compact, around: tuple[str, str], message: str
) -> None:
    at = '{ deal(id: "deal:d1", asOf: {position: 40}) { history(first: 1) { pageInfo { endCursor } } } }'
    after = (await compact.ask(at))["deal"]["history"]["pageInfo"]["endCursor"]
    outer = (await compact.ask("{ deals(first: 2) { pageInfo { endCursor } } }"))["deals"]["pageInfo"]["endCursor"]
    (error,) = (await compact.response((AROUND % around).replace("OUTER", outer), after=after))["errors"]
    assert (error["message"], error["extensions"]["code"]) == (message, "BAD_CURSOR")
    same = await compact.ask(AROUND % (", asOf: {position: 40}", ""), after=after)
    assert same["deal"]["history"]["nodes"]


async def cursor_of(compact: Compact, order: str = "TITLE") -> str:
    """The cursor of the first page's end."""
    return str((await compact.ask(PAGE, order=order, first=2))["deals"]["pageInfo"]["endCursor"])


async def test_a_cursor_of_another_order_is_refused(compact: Compact) -> None:
    assert await compact.code(PAGE, order="VALUE", after=await cursor_of(compact)) == "BAD_CURSOR"


async def test_a_cursor_of_another_filter_is_refused(compact: Compact) -> None:
    query = "query ($after: String) { deals(orderBy: TITLE, after: $after, filter: {delays: 1}) { totalCount } }"
    assert await compact.code(query, after=await cursor_of(compact)) == "BAD_CURSOR"


async def test_a_cursor_of_another_record_is_refused(compact: Compact) -> None:
    cursor = await cursor_of(compact)
    compact.replica.record_id = "another"
    assert await compact.code(PAGE, order="TITLE", after=cursor) == "BAD_CURSOR"


async def test_a_cursor_from_the_future_is_refused(compact: Compact) -> None:
    mark, _, keys = (await cursor_of(compact)).split(".")
    (error,) = (await compact.response(PAGE, order="TITLE", after=f"{mark}.999.{keys}"))["errors"]
    assert error["message"] == "after: This cursor was read at position 999, which is not there."
    assert error["extensions"]["code"] == "BAD_CURSOR"


@pytest.mark.parametrize("cursor", ["", "x", "0.0.0", "deal:d1", "\x00", "é" * 500])
async def test_a_text_that_is_no_cursor_is_refused(compact: Compact, cursor: str) -> None:
    assert await compact.code(PAGE, order="TITLE", after=cursor) == "BAD_CURSOR"


ALTERED = (b"[]", b"[1,2]\0", b"{}", b'[[],""]', b"[1,2,3]", b"[9223372036854775808,1]", b"[-9223372036854775809,1]")


@pytest.mark.parametrize("keys", ALTERED)
async def test_an_altered_cursor_is_refused(compact: Compact, keys: bytes) -> None:
    mark, position, _ = (await cursor_of(compact)).split(".")
    assert await compact.code(PAGE, order="TITLE", after=f"{mark}.{position}.{keys.hex().upper()}") == "BAD_CURSOR"


async def test_a_cursor_and_another_moment_do_not_go_together(compact: Compact) -> None:
    query = "query ($after: String) { deals(orderBy: TITLE, after: $after, asOf: {position: 40}) { totalCount } }"
    assert await compact.code(query, after=await cursor_of(compact)) == "BAD_CURSOR"


@pytest.mark.parametrize("page", ["first: 1, last: 1", "first: -1", "first: 51", "last: 51"])
async def test_a_page_that_cannot_be_is_refused(compact: Compact, page: str) -> None:
    assert await compact.code(f"{{ deals({page}) {{ totalCount }} }}") == "BAD_USER_INPUT"


async def test_an_answer_at_a_fixed_moment_never_changes(compact: Compact) -> None:
    query = """{ deals(asOf: {position: 50}, first: 50) { totalCount edges { cursor node {
      id title value { __typename } links { role party { name } } history { nodes { id body } } } } } }"""
    operation = compact.operations.prepare(query)
    before = await compact.engine.execute(operation)
    compact.later()
    assert await compact.engine.execute(operation) == before


async def test_now_and_then_stand_side_by_side(compact: Compact) -> None:
    compact.later()
    found = await compact.ask("{ now: deals { totalCount } then: deals(asOf: {position: 64}) { totalCount } }")
    assert found == {"now": {"totalCount": 20}, "then": {"totalCount": 12}}


async def test_a_moment_beyond_the_record_is_refused(compact: Compact) -> None:
    (error,) = (await compact.response('{ deal(id: "deal:d1", asOf: {position: 65}) { id } }'))["errors"]
    assert error["message"] == "asOf: Position 65 is not there yet; the newest is 64."
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    later = '{ deal(id: "deal:d1", asOf: {time: "2999-01-01T00:00:00Z"}) { id } }'
    (error,) = (await compact.response(later))["errors"]
    assert error["message"].startswith("asOf: 2999-01-01T00:00:00.000Z is in the future")


async def test_a_position_that_is_not_reached_is_said(compact: Compact) -> None:
    assert await compact.code('{ deal(id: "deal:d1", minPosition: 65) { id } }') == "POSITION_NOT_REACHED"
    assert await compact.ask('{ deal(id: "deal:d1", minPosition: 64) { id } }') == {"deal": {"id": "deal:d1"}}


async def test_the_request_can_ask_for_a_position_too(compact: Compact) -> None:
    operation = compact.operations.prepare('{ deal(id: "deal:d1") { id } }')
    answer = orjson.loads(await compact.engine.execute(operation, {}, Alone(min_position=65)))
    assert answer["errors"][0]["extensions"]["code"] == "POSITION_NOT_REACHED"


async def test_the_cost_is_told_on_request(compact: Compact) -> None:
    operation = compact.operations.prepare("{ deals(first: 10) { nodes { id links { role } } } }")
    answer = orjson.loads(await compact.engine.execute(operation, {}, Alone(extensions={"cost": True})))
    assert answer["extensions"] == {"cost": {"requested": 1 + 10 * (1 + 1 + 1 + 4), "most": 50_000}}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ deals { nodes { mine: history(first: -1) { nodes { id } } } } }", "mine: first is from 0 to 50, not -1."),
        (
            "{ deals { nodes { history(first: 1, last: 1) { nodes { id } } } } }",
            "history: Give first or last, not both.",
        ),
    ],
)
async def test_what_is_wrong_with_a_list_within_names_it_and_its_place(
    compact: Compact, query: str, message: str
) -> None:
    (error,) = (await compact.response(query))["errors"]
    assert (error["message"], error["locations"]) == (message, [{"line": 1, "column": 19}])
