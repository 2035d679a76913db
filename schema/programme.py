"""Programmes: the type, what they include, the filter and the orders of their lists."""

import strawberry

from domain.codes import Certainty, Code, MoneyBasis
from schema.choosing import ObjectFilter, PartyLinkFilter, PeriodFilter, linked, orders
from schema.claims import ClaimedDate, ClaimedMoney, ClaimedText
from schema.common import PartyLink, RecordObject, prefixed, subject
from schema.connection import Connection
from schema.filters import any_of, every, flag, having, neither, owning, some, within
from schema.node import DealRef, EventRef, GatheringRef, ProgrammeRef
from schema.scalars import EdtfDate
from schema.sql import claimed, column, connection, of_table, one, owned


@strawberry.type(description="A deal as part of a programme.")
class Inclusion:
    """A deal as part of a programme."""

    programme: ProgrammeRef | None = one("The programme.", "owner")
    deal: DealRef | None = one("The deal.", "deal")
    certainty: Certainty = column("Whether the source says so or it was concluded.")
    claimed: ClaimedText | None = claimed("Who says so, and how surely.", prefixed("includes:", "deal"), kinds=None)
    event: EventRef | None = one("The event that recorded it.", "event")


@strawberry.type(description="A value of a programme. It is never added to those of its deals.")
class ProgrammeValue:
    """A value of a programme."""

    basis: MoneyBasis | None = column("What the amount counts; null where nothing was said of it.")
    period: EdtfDate | None = column("The period that it covers.")
    duration: str | None = column("How long a time it covers, where no dates are given.")
    covers: str | None = column("What it covers, in our words.")
    claimed: ClaimedMoney | None = claimed("The amount, and who says so.", "subject", kinds=None)


@of_table("programme")
@strawberry.type(description="A programme: an umbrella that deals are counted under.")
class Programme(RecordObject):
    """A programme."""

    title: str = column("What it is called.")
    title_claimed: ClaimedText | None = claimed("Who calls it what.", subject("title"), kinds=None)
    purpose: ClaimedText | None = claimed("What it is for.", subject("purpose"), kinds=None)
    sectors_claimed: ClaimedText | None = claimed("Who says which sectors.", subject("sectors"), kinds=None)
    parties: list[PartyLink] = owned("Who takes part.", "party_link")
    parties_claimed: ClaimedText | None = claimed("Who says who takes part.", subject("parties"), kinds=None)
    horizon: ClaimedDate | None = claimed("The period that it is meant for.", subject("horizon"), kinds=None)
    announced: ClaimedDate | None = claimed("When it was announced.", subject("announced"), kinds=None)
    gathering: GatheringRef | None = one("The meeting at which it was announced.", "gathering")
    gathering_claimed: ClaimedText | None = claimed(
        "Who says at which meeting: the meeting's id as a claim.", subject("gathering"), kinds=None
    )
    closed: bool = column("Whether it came to its end.")
    value: ClaimedMoney | None = claimed("The value that was reported last.", "value_subject", kinds=None)
    values: list[ProgrammeValue] = owned("Every value reported, by basis and time.", "programme_value")
    deals: Connection[Inclusion] = connection(
        "The deals that it includes, in order of inclusion.", "inclusion", owned=True
    )


@strawberry.input(description="Which programmes.")
class ProgrammeFilter(ObjectFilter):
    """Which programmes."""

    party: PartyLinkFilter | None = having("With such a party.", linked, "party", "country", "role")
    includes: list[strawberry.ID] | None = owning("That include one of these deals.", "inclusion", "deal")
    gathering: list[strawberry.ID] | None = any_of("Announced at one of these meetings.", "gathering")
    closed: bool | None = flag("Whether they came to their end.", "closed")
    announced: PeriodFilter | None = within("Announced in this period.", "day", "since", "until")
    all_of: list["ProgrammeFilter"] | None = every()
    any_of: list["ProgrammeFilter"] | None = some()
    none_of: "ProgrammeFilter | None" = neither()


@orders
class ProgrammeOrder(Code):
    """What programmes are sorted by."""

    RECORDED_NEWEST = "-created", "the latest recorded first"
    RECORDED_OLDEST = "created", "the earliest recorded first"
    CHANGED_NEWEST = "-changed", "the latest changed first"
    CHANGED_OLDEST = "changed", "the longest unchanged first"
    NEWEST = "-day", "by the day of announcement, the latest first; unknown days come first"
    OLDEST = "day", "by the day of announcement, the earliest first; unknown days come last"
    TITLE = "title", "by title, A to Z; capital letters before small ones, other scripts last"
    TITLE_BACKWARD = "-title", "by title, Z to A; the mirror image of A to Z"
