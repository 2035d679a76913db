"""What rests on a source: each claim once, the latest first, by pages and at any moment."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.reading import Reading, fact, reading

SOURCE = "source:asb-media-2025-09"
RESTING = """query ($id: ID!, $at: AsOf, $first: Int, $after: String, $last: Int, $before: String) {
  source(id: $id, asOf: $at) { resting(first: $first, after: $after, last: $last, before: $before) {
    totalCount nodes { id text position sources { source { id } } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  } }
}"""
CLAIMS = """query ($at: AsOf, $after: String) { deals: %s(asOf: $at, first: 100, after: $after) {
  nodes { claims { id text position sources { source { id } } } } pageInfo { hasNextPage endCursor }
} }"""
LISTS = (
    "agreements",
    "deals",
    "gatherings",
    "institutions",
    "investments",
    "parties",
    "programmes",
    "relations",
    "sources",
)


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Reading]:
    """The first record, with a claim that names two places of one source."""
    with reading(tmp_path, first_record=True) as made:
        twice = fact("DealAnnounced", "deal:odd", title="Odd")
        made.record({**twice, "sources": [{"source": SOURCE, "locator": place} for place in ("para 1", "para 2")]})
        yield made


def resting(record: Reading, at: int | None, size: int, forward: bool) -> list[dict[str, Any]]:
    """All claims that rest on the source, by pages."""
    found: list[dict[str, Any]] = []
    moment, cursor = None if at is None else {"position": at}, None
    while True:
        turn = {"first": size, "after": cursor} if forward else {"last": size, "before": cursor}
        page = record.ask(RESTING, id=SOURCE, at=moment, **turn)["source"]["resting"]
        found = found + page["nodes"] if forward else page["nodes"] + found
        if not page["pageInfo"]["hasNextPage" if forward else "hasPreviousPage"]:
            assert page["totalCount"] == len(found)
            return found
        cursor = page["pageInfo"]["endCursor" if forward else "startCursor"]


def claims(record: Reading, at: int | None) -> list[dict[str, Any]]:
    """All claims of the record that name the source, by the lists of its objects."""
    moment = None if at is None else {"position": at}
    pages = [record.ask(CLAIMS % name, at=moment)["deals"]["nodes"] for name in LISTS]
    every = [claim for page in pages for node in page for claim in node["claims"]]
    return [claim for claim in every if SOURCE in [one["source"]["id"] for one in claim["sources"]]]


@pytest.mark.parametrize("at", [None, 150, 1])
def test_each_claim_that_names_a_source_rests_on_it_once_the_latest_first(record: Reading, at: int | None) -> None:
    expected = sorted(claims(record, at), key=lambda claim: (claim["position"], claim["id"]), reverse=True)
    for size in (1, 7, 100):
        assert resting(record, at, size, forward=True) == expected
        assert resting(record, at, size, forward=False) == expected
    assert len(expected) > 10 or len(expected) == 3
