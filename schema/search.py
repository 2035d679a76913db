"""Search over all objects of the record by the words of their titles and of what is claimed of them."""

from typing import Any

import strawberry

from domain.codes import Code
from schema.common import RecordObject
from schema.connection import Connection
from schema.enums import described
from schema.plan.source import Arguments, Row, Source
from schema.sql import Beside, argument, column, computed, listing, one
from service.replica.tables import NOUN_TABLES


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
    """SQL of a marked text as HTML: everything escaped, hits in <mark>."""
    for plain, html in (("'&'", "'&amp;'"), ("'<'", "'&lt;'"), ("'>'", "'&gt;'")):
        sql = f"replace({sql}, {plain}, {html})"
    return f"replace(replace({sql}, {_MARKS[0]}, '<mark>'), {_MARKS[1]}, '</mark>')"


def _marked(page: str, arguments: Arguments) -> str:
    """SQL of the marked texts of a page's hits, from one pass through the index: to look each up costs as much."""
    marks = ", ".join(_MARKS)
    texts = f"highlight(search, 0, {marks}) AS title, snippet(search, 1, {marks}, '…', 16) AS snippet"
    found = f"search MATCH fts_query({arguments['text']}) AND +search.rowid IN (SELECT doc FROM {page})"
    return f"SELECT search.rowid AS doc, {texts} FROM main.search WHERE {found}"


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


def _hits(source: Source, arguments: Arguments) -> str:
    prose = source.row.others("prose")
    noun = f"substr({prose['owner']}, 1, instr({prose['owner']}, ':') - 1)"
    nouns = "" if arguments["nouns"] is None else f" AND {arguments['nouns'].is_in(noun)}"
    rank = "CAST(round(bm25(search, 10.0, 1.0) * 1000000) AS INTEGER)"
    return (
        f"SELECT {prose['owner']} AS key, {noun} AS noun, {prose['doc']} AS doc, {rank} AS rank"
        f" FROM main.search JOIN main.prose AS {prose.alias} ON {prose['doc']} = search.rowid"
        f" WHERE search MATCH fts_query({arguments['text']}) AND {prose.alive}"
        f" AND {prose['owner']} NOT IN ({_retracted(source.row)}){nouns}"
    )


def search() -> Any:
    """The root field."""
    return listing(
        "Objects whose title or claimed words contain all of these words, the best first; the last may be a beginning.",
        "",
        select=_hits,
        by="rank",
        beside=Beside(("title", "snippet"), "doc", _marked),
        arguments=(
            argument("text", str, "The words to look for."),
            argument("nouns", list[Noun] | None, "Only objects of these nouns."),
        ),
    )


SearchHits = Connection[SearchHit]
"""What a search answers."""
