"""Search over all nouns: what it finds, how it marks it, and any text taken as words."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.reading import Reading, act, fact, reading

BOEING, AIR_ASTANA, TUNGSTEN = "deal:uz-boeing-787", "deal:kz-airastana-787", "deal:kz-tungsten"
ARTICLE = "source:asb-media-2025-09"
SOURCES = [{"source": ARTICLE, "locator": "para 5"}]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    """The first record, which no test of this file writes to."""
    with reading(tmp_path_factory.mktemp("first"), first_record=True) as record:
        yield record


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Reading]:
    """The first record, for tests that write."""
    with reading(tmp_path, first_record=True) as made:
        yield made


def test_search_finds_words_and_marks_them(first: Reading) -> None:
    query = """{ search(text: "tungsten joint", nouns: [DEAL]) { totalCount edges { cursor node {
      objectId noun title snippet object { id ... on Deal { commitment } }
    } } } }"""
    answer = first.ask(query)["search"]
    assert answer["totalCount"] == 1
    hit = answer["edges"][0]["node"]
    assert (hit["objectId"], hit["noun"], hit["object"]["id"]) == (TUNGSTEN, "DEAL", TUNGSTEN)
    assert hit["title"] == "<mark>Joint</mark> venture for <mark>tungsten</mark> in Kazakhstan"


def test_search_escapes_what_a_title_holds(record: Reading) -> None:
    record.record(fact("DealAnnounced", "deal:odd", title="Ships <b> & sails"))
    (hit,) = record.ask('{ search(text: "sails") { nodes { title } } }')["search"]["nodes"]
    assert hit["title"] == "Ships &lt;b&gt; &amp; <mark>sails</mark>"


@pytest.mark.parametrize("text", ["", '"', "AND OR NOT", "title:x*", "(", "'; DROP"])
def test_search_takes_any_text_as_words(first: Reading, text: str) -> None:
    first.ask("query ($text: String!) { search(text: $text) { totalCount } }", text=text)


def test_pages_of_search_events_and_corrections_follow_their_cursors(record: Reading) -> None:
    now = {"low": "9", "high": "9", "currency": "USD", "basis": "HEADLINE"}
    for _ in range(3):
        record.record(act("FactCorrected", BOEING, target=2, field="money", now=now, cause="MISREAD"))
    for root in ('search(text: "boeing", ', "events(", "corrections(", "changes(from: {position: 100}, "):
        query = f"query ($after: String) {{ list: {root} first: 2, after: $after) {{ %s }} }}"
        every = record.ask(query % "totalCount pageInfo { hasNextPage endCursor } edges { cursor }")["list"]
        second = record.ask(query % "edges { cursor }", after=every["pageInfo"]["endCursor"])["list"]
        assert every["totalCount"] >= 3
        assert not {edge["cursor"] for edge in every["edges"]} & {edge["cursor"] for edge in second["edges"]}
