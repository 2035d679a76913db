"""Agreements: the type, the filter and the orders of their lists."""

import strawberry

from domain.codes import AgreementKind, AgreementStatus, Binding, Code
from schema.choosing import COUNTRY, ObjectFilter, PartyLinkFilter, PeriodFilter, linked, orders
from schema.claims import ClaimedDate, ClaimedText
from schema.common import PartyLink, RecordObject, subject
from schema.connection import Connection
from schema.deal import Deal, DealFilter, DealOrder
from schema.enums import described
from schema.filters import any_of, every, having, neither, owning, some, within
from schema.node import AgreementRef, EventRef, GatheringRef, PartyRef
from schema.plan.source import Row
from schema.scalars import EdtfDate
from schema.sql import claimed, column, connection, of_table, one, owned


class ActKind(Code):
    """What was done with an agreement."""

    ANNOUNCED = "ANNOUNCED", "it was made public"
    ADOPTED = "ADOPTED", "its text was agreed"
    SIGNED = "SIGNED", "it was signed"
    APPROVED = "APPROVED", "a body approved it"
    RATIFIED = "RATIFIED", "a party ratified it"
    ACCEDED_TO = "ACCEDED_TO", "a party acceded to it"
    WITHDRAWN_FROM = "WITHDRAWN_FROM", "a party withdrew from it"
    ENTERED_INTO_FORCE = "ENTERED_INTO_FORCE", "it entered into force, for all or for one party"
    AMENDED = "AMENDED", "the parties changed it"
    EXTENDED = "EXTENDED", "the parties prolonged it"
    SUSPENDED = "SUSPENDED", "it was paused"
    TERMINATED = "TERMINATED", "it was ended"
    LAPSED = "LAPSED", "it ran out"
    SUPERSEDED = "SUPERSEDED", "another agreement took its place"


described(ActKind)


@strawberry.type(description="Something that was done with an agreement, with its date as a claim.")
class Act:
    """An act."""

    kind: ActKind = column("What was done.")
    occurred_on: EdtfDate | None = column("When, as the event says.")
    date: ClaimedDate | None = claimed("When, and who says so.", "subject", kinds=None)
    party: PartyRef | None = one("Who did it, where it is the act of one party.", "party")
    place: str | None = column("Where.")
    gathering: GatheringRef | None = one("At which meeting.", "gathering")
    body: str | None = column("Who approved it, or the legal act behind it.")
    provisional: bool | None = column("Whether it is applied provisionally.")
    statement: str | None = column("What was changed, why or how, in our words.")
    other: AgreementRef | None = one("The agreement that changes this one or takes its place.", "other")
    event: EventRef | None = one("The event that recorded it.", "event")


def _governed(agreement: Row, deal: Row) -> str:
    link = deal.others("governed_by")
    chosen = f"{link['agreement']} = {agreement['id']}"
    return f"{deal['id']} IN (SELECT {link['owner']} FROM {link.rows} AND {chosen})"


def _place(parent: Row, row: Row) -> str:
    return f"{row['key']} IN ('signed_place', 'announced_place', 'adopted_place')"


@of_table("agreement")
@strawberry.type(description="An agreement: an instrument that parties announce, sign, bring into force and end.")
class Agreement(RecordObject):
    """An agreement."""

    title: str = column("What it is called: the shown title.")
    title_claimed: ClaimedText | None = claimed("Who calls it what.", subject("title"), kinds=None)
    kind: AgreementKind = column("What sort of instrument it is: the shown kind.")
    kind_claimed: ClaimedText | None = claimed("Who says what sort of instrument it is.", subject("kind"), kinds=None)
    binding: Binding = column("Whether it binds, by what is shown.")
    binding_claimed: ClaimedText | None = claimed("Who says whether it binds.", subject("binding"), kinds=None)
    status: AgreementStatus = column("How far it has come; derived from its events.")
    parties: list[PartyLink] = owned("Who takes part.", "party_link")
    parties_claimed: ClaimedText | None = claimed("Who says who takes part.", subject("parties"), kinds=None)
    sectors_claimed: ClaimedText | None = claimed("Who says which sectors.", subject("sectors"), kinds=None)
    purpose: ClaimedText | None = claimed("What it is for.", subject("purpose"), kinds=None)
    term: ClaimedText | None = claimed("How long it is to last, as stated.", subject("term"), kinds=None)
    announced: ClaimedDate | None = claimed("When it was announced.", subject("announced"), kinds=None)
    adopted: ClaimedDate | None = claimed("When its text was adopted.", subject("adopted"), kinds=None)
    signed: ClaimedDate | None = claimed("When it was signed.", subject("signed"), kinds=None)
    in_force: ClaimedDate | None = claimed("When it entered into force for all.", subject("in_force"), kinds=None)
    place: ClaimedText | None = owned(
        "Where it was signed; before that, where it was announced or adopted.", "claimed", _place, "-key"
    )
    gathering: GatheringRef | None = one("The meeting at which it happened.", "gathering")
    gathering_claimed: ClaimedText | None = claimed(
        "Who says at which meeting: the meeting's id as a claim.", subject("gathering"), kinds=None
    )
    acts: list[Act] = owned("What was done with it, in order of recording.", "act")
    deals: Connection[Deal] = connection(
        "The deals that it governs.", "deal", where=_governed, filter=DealFilter, order=DealOrder
    )


@strawberry.input(description="Something that was done with an agreement: one act must fit all of this.")
class ActFilter:
    """Which act."""

    kind: list[ActKind] | None = any_of("One of these.", "kind")
    party: list[strawberry.ID] | None = any_of("By one of these parties.", "party")
    place: list[str] | None = any_of("In one of these places, as it was recorded.", "place")


@strawberry.input(description="Which agreements.")
class AgreementFilter(ObjectFilter):
    """Which agreements."""

    kind: list[AgreementKind] | None = any_of("Of one of these kinds.", "kind")
    binding: list[Binding] | None = any_of("That bind so.", "binding")
    status: list[AgreementStatus] | None = any_of("That have come so far.", "status")
    party: PartyLinkFilter | None = having("With such a party.", linked, "party", "country", "role")
    country: list[str] | None = owning(
        "With a party of one of these countries, ISO 3166 alpha-3.", "party_link", "country", known=COUNTRY
    )
    act: ActFilter | None = having("With such an act.", lambda row: row.owned("act"), "party")
    signed: PeriodFilter | None = within(
        "Signed, or announced where it is not signed, in this period.", "day", "since", "until"
    )
    gathering: list[strawberry.ID] | None = any_of("Of one of these meetings.", "gathering")
    all_of: list["AgreementFilter"] | None = every()
    any_of: list["AgreementFilter"] | None = some()
    none_of: "AgreementFilter | None" = neither()


@orders
class AgreementOrder(Code):
    """What agreements are sorted by."""

    RECORDED_NEWEST = "-created", "the latest recorded first"
    RECORDED_OLDEST = "created", "the earliest recorded first"
    CHANGED_NEWEST = "-changed", "the latest changed first"
    CHANGED_OLDEST = "changed", "the longest unchanged first"
    NEWEST = "-day", "by the day of signature or announcement, the latest first; unknown days come first"
    OLDEST = "day", "by the day of signature or announcement, the earliest first; unknown days come last"
    TITLE = "title", "by title, A to Z; capital letters before small ones, other scripts last"
    TITLE_BACKWARD = "-title", "by title, Z to A; the mirror image of A to Z"
