"""Who says what: single claims with the sources that they rest on, and the claimed values that they compete about."""

import strawberry

from domain.codes import MoneyBasis, SourceKind, Stance, Standing, Verification
from schema.node import EventRef, SourceRef
from schema.scalars import DateTime, Position
from schema.sql import column, computed, embed, one, owned
from schema.values import VALUE_KINDS, ClaimValue, Money, StatedQuantity, TextValue, WorldDate


def _origin(source: object) -> str:
    other = source.row.others("source")  # type: ignore[attr-defined]
    return f"(SELECT {other['origin']} FROM {other.rows} AND {other['id']} = {source['source']})"  # type: ignore[index]


@strawberry.type(description="Where a statement is found, and what the source does with it.")
class Citation:
    """A place in a source."""

    source: SourceRef | None = one("The source.", "source")
    locator: str | None = column("Where in the source, such as 'para 4'.")
    quote: str | None = column("The words of the source, verbatim.")
    stance: Stance = computed(
        "What the source does with the statement.", lambda s: f"coalesce({s['stance']}, 'ASSERTS')"
    )
    origin: SourceRef | None = one(
        "The source that this one goes back to: itself, or the original that it reprints or quotes.", _origin
    )


@strawberry.type(description="One field of one recorded event, as somebody's claim.")
class Claim:
    """One field of one event as a claim."""

    id: strawberry.ID = column("`<event id>#<field>`, as ClaimAdopted names it.", "key")
    subject: str = column("What it competes about with other claims of the same object.")
    field: str = column("The field of the event, as it is named on disk.")
    value: ClaimValue | None = embed("What is claimed; null where a source only denies.", "value", VALUE_KINDS)
    text: str | None = column("The value in words.")
    basis: MoneyBasis | None = column("What an amount of money counts.")
    standing: Standing = column("What became of it.")
    denies: bool = column("Whether it denies instead of asserting.")
    source_kind: SourceKind = column("The most trusted kind among its sources.")
    sources: list[Citation] = owned(
        "The sources that it rests on.", "claim_source", lambda claim, row: f"{row['claim']} = {claim['key']}"
    )
    event: EventRef | None = one("The event that recorded it.", "event")
    position: Position = column("The position of that event.")
    recorded_at: DateTime = column("When it was recorded.")


def _of_subject(claimed: object, row: object) -> str:
    return f"{row['subject']} = {claimed['key']}"  # type: ignore[index]


@strawberry.interface(
    description="A claimed value: what is shown of it, who claims what, and how well that is supported. "
    "Shown is the adopted claim, else the best by kind of source, then the latest."
)
class Claimed:
    """What is claimed about one subject of one object."""

    subject: str = column("What the claims compete about, such as `value:HEADLINE`.", "key")
    shown: ClaimValue | None = embed("The value shown; null if no live claim gives one.", "shown", VALUE_KINDS)
    text: str | None = column("The value shown, in words.")
    claim: Claim | None = owned(
        "The claim that is shown.", "claim", lambda claimed, row: f"{row['key']} = {claimed['claim']}"
    )
    claims: list[Claim] = owned("All claims about it, in order of recording.", "claim", _of_subject, "position, key")
    verification: Verification = column("How well the shown value is supported.")
    adopted: bool = column("Whether the record chose the shown claim by hand.")
    origins: int = column("How many independent origins agree with the shown value.")


@strawberry.type(description="A claimed amount of money.")
class ClaimedMoney(Claimed):
    """A claimed amount of money."""

    shown: Money | None = embed("The amount shown; null if no live claim gives one.", "shown")


@strawberry.type(description="A claimed number of things.")
class ClaimedQuantity(Claimed):
    """A claimed number of things."""

    shown: StatedQuantity | None = embed("The number shown; null if no live claim gives one.", "shown")


@strawberry.type(description="A claimed text, code or list of these.")
class ClaimedText(Claimed):
    """A claimed text."""

    shown: TextValue | None = embed("The text shown; null if no live claim gives one.", "shown")


@strawberry.type(description="A claimed date of the world.")
class ClaimedDate(Claimed):
    """A claimed date."""

    shown: WorldDate | None = embed("The date shown; null if no live claim gives one.", "shown")


CLAIMED_TYPES = (ClaimedMoney, ClaimedQuantity, ClaimedText, ClaimedDate)
"""The members of `Claimed`, which the schema must be told of."""
