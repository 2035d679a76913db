"""Search over all nouns: what it finds, how it marks it, and any text taken as words."""

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

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


PAGE = """query ($text: String!, $nouns: [Noun!], $at: AsOf, $first: Int, $after: String, $last: Int, $before: String) {
  search(text: $text, nouns: $nouns, asOf: $at, first: $first, after: $after, last: $last, before: $before) {
    totalCount edges { cursor node { objectId } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""


def hits(record: Reading, text: str, **more: Any) -> list[str]:
    """The ids of all hits."""
    return [
        edge["node"]["objectId"] for edge in record.ask(PAGE, text=text, **{"first": 100, **more})["search"]["edges"]
    ]


def announced(key: str, title: str, **data: Any) -> dict[str, Any]:
    return fact("DealAnnounced", f"deal:{key}", title=title, **data)


def test_hits_in_titles_come_first_then_beginnings_there_then_all_others(record: Reading) -> None:
    record.record(
        announced("body", "Smelter", purpose="cobalt works"),
        announced("begun", "Cobaltite mill"),
        announced("long", "New plant for cobalt"),
        announced("old", "Cobalt plant"),
        announced("new", "Cobalt mine"),
    )
    assert hits(record, "COBALT") == ["deal:new", "deal:old", "deal:long", "deal:begun", "deal:body"]
    assert hits(record, "cobalt pl") == ["deal:old", "deal:long"]


def test_a_search_marks_whole_words_alone_where_they_are_found_whole(record: Reading) -> None:
    record.record(announced("odd", "Cobalt and cobaltite"))
    for text, marked in (
        ("cobalt", "<mark>Cobalt</mark> and cobaltite"),
        ("cobalti", "Cobalt and <mark>cobaltite</mark>"),
    ):
        (hit,) = record.ask("query ($t: String!) { search(text: $t) { nodes { title } } }", t=text)["search"]["nodes"]
        assert hit["title"] == marked


def test_snippets_hold_words_for_readers_and_no_ids(first: Reading) -> None:
    for text in ("kazakhstan", "boeing", "protocols", "ministry", "wabtec"):
        for hit in first.ask("query ($t: String!) { search(text: $t, first: 100) { nodes { snippet } } }", t=text)[
            "search"
        ]["nodes"]:
            assert not re.search(r"(party|deal|agreement|gathering|source|programme):\w", hit["snippet"]), hit
    assert hits(first, "letter of intent", nouns=["AGREEMENT"])


def test_a_search_of_some_nouns_finds_no_others(first: Reading) -> None:
    every = hits(first, "kazakhstan")
    parts = [hits(first, "kazakhstan", nouns=[noun]) for noun in ("DEAL", "PARTY")]
    assert all(parts)
    assert [one for one in every if one in parts[0] + parts[1]] == hits(first, "kazakhstan", nouns=["DEAL", "PARTY"])
    assert all(one.startswith("deal:") for one in parts[0])
    assert hits(first, "kazakhstan", nouns=[]) == []
    assert hits(first, "\ue000deal") == hits(first, "deal")


def test_a_search_finds_what_texts_say_at_the_moment_alone(record: Reading) -> None:
    before = record.record(announced("odd", "Cobalt smelter")).position
    now = {"target": 1, "field": "title", "now": "Nickel smelter", "cause": "MISREAD"}
    after = record.record(act("FactCorrected", "deal:odd", **now)).position
    assert (hits(record, "cobalt"), hits(record, "nickel")) == ([], ["deal:odd"])
    record.record(act("EventRetracted", "deal:odd", target=1, cause="MISREAD"))
    assert hits(record, "smelter") == []
    assert hits(record, "cobalt", at={"position": before}) == ["deal:odd"]
    assert hits(record, "nickel", at={"position": before}) == hits(record, "cobalt", at={"position": before - 1}) == []
    assert hits(record, "nickel", at={"position": after}) == ["deal:odd"]


def said_of(text: str, titles: dict[str, str]) -> list[str]:
    """What a search finds by its description among deals that have only titles, recorded in this order."""
    *words, last = text.lower().split()
    ranked = []
    for age, (id, title) in enumerate(reversed(titles.items())):
        there = title.lower().split()
        if set(words) <= {*there} and any(word.startswith(last) for word in there):
            ranked.append((last not in there, len(there), age, id))
    return [id for *_, id in sorted(ranked)]


def paged(record: Reading, text: str, at: int, size: int, forward: bool) -> list[str]:
    """The ids of all hits by pages, with other deals recorded between them."""
    found: list[str] = []
    cursor, moment = None, {"position": at}
    while True:
        turn = {"first": size, "after": cursor} if forward else {"last": size, "before": cursor}
        page = record.ask(PAGE, text=text, at=None if cursor else moment, **turn)["search"]
        ids = [edge["node"]["objectId"] for edge in page["edges"]]
        found = found + ids if forward else ids + found
        if not page["pageInfo"]["hasNextPage" if forward else "hasPreviousPage"]:
            return found
        cursor = page["pageInfo"]["endCursor" if forward else "startCursor"]
        record.record(fact("DealAnnounced", f"deal:between-{next(record_numbers)}", title="ab a abc"))


record_numbers = count()


@pytest.mark.parametrize("seed", range(4))
def test_pages_of_a_search_are_one_snapshot_in_the_order_that_is_described(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    words = ("a", "ab", "abc", "b", "bc", "cb")
    titles = {f"deal:d{n}": " ".join(random.choices(words, k=random.randint(1, 5))) for n in range(60)}
    with reading(tmp_path) as record:
        source = {"event": "SourceRegistered", "id": "source:asb-media-2025-09", "data": {"kind": "NEWS", "title": "x"}}
        record.record(source)
        at = record.record(*(fact("DealAnnounced", id, title=title) for id, title in titles.items())).position
        for text in ("a", "ab", "b a", "bc ab", "c", "a a", "abc b ab"):
            expected = said_of(text, titles)
            assert record.ask(PAGE, text=text, at={"position": at}, first=1)["search"]["totalCount"] == len(expected)
            for size in (1, 7, 100):
                assert paged(record, text, at, size, forward=True) == expected
                assert paged(record, text, at, size, forward=False) == expected


@pytest.mark.parametrize(
    "text",
    [
        "a " * 1000,
        " ".join(f"w{n}" for n in range(1500)),
        "x" * 10_000,
        "\0",
        '"a" AND (b OR',
        "^a*",
        "_",
        "NOT a",
    ],
)
def test_a_search_bears_hostile_words(first: Reading, text: str) -> None:
    answer = first.response(PAGE, text=text, first=5)
    assert "errors" not in answer
