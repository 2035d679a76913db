"""Sources: the type, the filter and the orders of their lists."""

from functools import partial

import strawberry

from domain.codes import Code, SourceKind
from domain.values import broken
from schema.choosing import ObjectFilter, PeriodFilter, orders
from schema.claims import Claim, ClaimedDate, ClaimedText
from schema.common import RecordObject, subject
from schema.connection import Connection
from schema.filters import any_of, every, flag, neither, some, within
from schema.node import SourceRef
from schema.plan.source import Arguments, Row
from schema.scalars import EdtfDate
from schema.sql import claimed, column, connection, of_table, one
from service.replica.tables import index_name


def _resting(source: Row, arguments: Arguments) -> str:
    """The claims by their first citations of the source, which an index has in the order of recording."""
    citation, claim, before = (source.others(name) for name in ("claim_source", "claim", "claim_source"))
    cited = f"{citation['source']} = {source['id']}"
    by_claim = f"{before.named} INDEXED BY {index_name('claim_source', 'claim')}"
    same = f"{before['claim']} = {citation['claim']} AND {before['source']} = {citation['source']}"
    sooner = f"SELECT 1 FROM {by_claim} WHERE {before.alive} AND {same} AND {before['key']} < {citation['key']}"
    return (
        f"SELECT {claim.alias}.*, {citation['since']} AS rested FROM {citation.named} CROSS JOIN {claim.named}"
        f" WHERE {citation.alive} AND {cited}"
        f" AND {claim.alive} AND {claim['owner']} = {citation['owner']} AND {claim['key']} = {citation['claim']}"
        f" AND NOT EXISTS ({sooner})"
    )


def _count_resting(source: Row, arguments: Arguments) -> str:
    """A citation's key is that of the claim, and a number."""
    citation = source.others("claim_source")
    claims = f"count(DISTINCT rtrim({citation['key']}, '0123456789'))"
    return f"(SELECT {claims} FROM {citation.rows} AND {citation['source']} = {source['id']})"


@of_table("source")
@strawberry.type(description="A source: what facts rest on. A reprint or quotation is a source of its own.")
class Source(RecordObject):
    """A source."""

    kind: SourceKind = column("What it is, which says how far it is trusted.")
    title: str = column("Its title.")
    title_claimed: ClaimedText | None = claimed("The title as a claim.", subject("title"), kinds=None)
    url: str | None = column("Its address, if it has one.")
    publisher: str | None = column("Who published it.")
    publisher_claimed: ClaimedText | None = claimed("The publisher as a claim.", subject("publisher"), kinds=None)
    author: str | None = column("Who wrote it.")
    published_on: EdtfDate | None = column("When it was published.")
    published: ClaimedDate | None = claimed("When it was published, as a claim.", subject("published"), kinds=None)
    language: str | None = column("ISO 639-1 code of its language.")
    content_hash: str | None = column("Hash of its content, as algorithm:hex.")
    archived_url: str | None = column("Address of a copy that was kept.")
    derived_from: SourceRef | None = one("The original that it reprints or quotes.", "derived_from")
    origin: SourceRef | None = one("Where it goes back to in the end: itself, or the first original.", "origin")
    derived: Connection[SourceRef] = connection(
        "Sources that reprint or quote it.",
        "source",
        where=lambda source, row: f"{row['derived_from']} = {source['id']}",
    )
    withdrawn: bool = column("Whether it was withdrawn: what rests on it alone stands no more.")
    withdrawn_reason: str | None = column("Who withdrew it and why.")
    resting: Connection[Claim] = connection(
        "The claims of any object that rest on it, first those that came to rest on it last.",
        "",
        select=_resting,
        counted=_count_resting,
        by="-rested",
    )


@strawberry.input(description="Which sources.")
class SourceFilter(ObjectFilter):
    """Which sources."""

    kind: list[SourceKind] | None = any_of("Of one of these kinds.", "kind")
    publisher: list[str] | None = any_of("By one of these publishers.", "publisher")
    language: list[str] | None = any_of(
        "In one of these languages, ISO 639.", "language", known=partial(broken, "language")
    )
    published: PeriodFilter | None = within("Published in this period.", "day", "since", "until")
    derived_from: list[strawberry.ID] | None = any_of("That reprint or quote one of these.", "derived_from")
    origin: list[strawberry.ID] | None = any_of("That go back to one of these.", "origin")
    withdrawn: bool | None = flag("Whether they were withdrawn.", "withdrawn")
    all_of: list["SourceFilter"] | None = every()
    any_of: list["SourceFilter"] | None = some()
    none_of: "SourceFilter | None" = neither()


@orders
class SourceOrder(Code):
    """What sources are sorted by."""

    RECORDED_NEWEST = "-created", "the latest recorded first"
    RECORDED_OLDEST = "created", "the earliest recorded first"
    CHANGED_NEWEST = "-changed", "the latest changed first"
    CHANGED_OLDEST = "changed", "the longest unchanged first"
    NEWEST = "-day", "by the day of publication, the latest first; unknown days come first"
    OLDEST = "day", "by the day of publication, the earliest first; unknown days come last"
    TITLE = "title", "by title, A to Z; capital letters before small ones, other scripts last"
    TITLE_BACKWARD = "-title", "by title, Z to A; the mirror image of A to Z"
