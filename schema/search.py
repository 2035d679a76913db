"""Search over all objects of the record by the words of their titles and of what is claimed of them."""

from typing import Any

import strawberry

from domain.codes import Code
from schema.common import RecordObject
from schema.enums import described
from schema.plan.source import Arguments, Row, Source
from schema.sql import Beside, argument, column, computed, listing, one
from service.replica.folds.prose import opened_by
from service.replica.tables import NOUN_TABLES
from service.replica.words import RUNS


class Noun(Code):
    """What an object of the record is."""

    SOURCE = "source", "what facts rest on"
    PARTY = "party", "a country, body, company or grouping"
    INSTITUTION = "institution", "a ministry or other body of state"
    GATHERING = "gathering", "a summit, assembly or other meeting"
    AGREEMENT = "agreement", "an instrument between parties"
    DEAL = "deal", "an economic object that agreements govern"
    INVESTMENT = "investment", "capital of one party at another's place"
    RELATION = "relation", "what passes between parties"
    PROGRAMME = "programme", "an umbrella over deals"


described(Noun)

_MARKS = ("char(2)", "char(3)")
"""What hits are marked with until the rest is escaped."""


def _escaped(sql: str) -> str:
    """SQL of a marked text as HTML: everything escaped, hits in <mark>, a dot between what was said."""
    for plain, html in (("'&'", "'&amp;'"), ("'<'", "'&lt;'"), ("'>'", "'&gt;'"), ("char(10)", "' · '")):
        sql = f"replace({sql}, {plain}, {html})"
    return f"replace(replace({sql}, {_MARKS[0]}, '<mark>'), {_MARKS[1]}, '</mark>')"


def _marked(page: str, arguments: Arguments) -> str:
    """SQL of the marked texts of a page's hits, from one pass through what the index has between those of each run."""
    marks = ", ".join(_MARKS)
    texts = f"highlight(search, 0, {marks}) AS title, snippet(search, 1, {marks}, '…', 16) AS snippet"
    found = f"search MATCH fts_marked({arguments['text']}, part.rank) AND search.rowid BETWEEN part.low AND part.high"
    return (
        f"SELECT search.rowid AS doc, {texts}"
        f" FROM (SELECT rank, min(doc) AS low, max(doc) AS high FROM {page} GROUP BY rank) AS part"
        f" CROSS JOIN main.search WHERE {found} AND (part.rank, +search.rowid) IN (SELECT rank, doc FROM {page})"
    )


@strawberry.type(description="An object that a search found.")
class SearchHit:
    """A hit."""

    object_id: strawberry.ID = column("The id of the object.", "key")
    noun: Noun = column("What it is.")
    object: RecordObject | None = one("The object.", "key")
    title: str = computed("Its title as HTML, the words that were found in <mark>.", lambda hit: _escaped(hit["title"]))
    snippet: str = computed(
        "The words around what was found, as HTML, the words that were found in <mark>.",
        lambda hit: _escaped(hit["snippet"]),
    )


def _retracted(row: Row) -> str:
    """SQL of the ids of all retracted objects, which are few."""
    others = (row.others(table.name) for table in NOUN_TABLES)
    return " UNION ALL ".join(f"SELECT {one['id']} FROM {one.rows} AND {one['retracted']} = 1" for one in others)


def _nouns(arguments: Arguments) -> str:
    """SQL of the nouns that are asked for, divided by spaces; NULL for any."""
    given = arguments["nouns"]
    return "NULL" if given is None else f"(SELECT coalesce(group_concat(value, ' '), '') FROM {given.rows})"


def _found(source: Source, query: str, rank: int) -> str:
    """SQL of the objects that a query of the index finds, as the texts of the moment say."""
    prose = source.row.others("prose")
    noun = f"substr({prose['owner']}, 1, instr({prose['owner']}, ':') - 1)"
    moment = prose.scope.moment
    known = "" if moment is None else f" AND {opened_by('search.rowid', moment)}"
    return (
        f"SELECT {prose['owner']} AS key, {noun} AS noun, search.rowid AS doc, {rank} AS rank"
        f" FROM main.search CROSS JOIN {prose.named} ON {prose['doc']} = search.rowid"
        f" WHERE search MATCH {query}{known} AND {prose.alive}"
        f" AND {prose['owner']} NOT IN ({_retracted(source.row)})"
    )


def _hits(source: Source, arguments: Arguments) -> str:
    return _found(source, f"fts_all({arguments['text']}, {_nouns(arguments)})", 0)


def _runs(source: Source, arguments: Arguments) -> list[str]:
    text, nouns = arguments["text"], _nouns(arguments)
    return [_found(source, f"fts_run({text}, {number}, {nouns})", number) for number in range(RUNS)]


def search() -> Any:
    """The root field."""
    return listing(
        "Objects whose title or claimed words contain all of these words; the last may be the beginning of a word. "
        "First come those whose title contains them, then those whose title contains the last as a beginning, then all "
        "others; of these in turn those with fewer words in the title, then the latest recorded.",
        "",
        select=_hits,
        runs=_runs,
        by="rank, doc",
        beside=Beside(("title", "snippet"), "doc", _marked),
        arguments=(
            argument("text", str, "The words to look for; of more than 32, the first 32."),
            argument("nouns", list[Noun] | None, "Only objects of these nouns."),
        ),
    )
