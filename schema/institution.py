"""Institutions: the type, the filter and the orders of their lists."""

import strawberry

from domain.codes import Code, InstitutionStatus
from schema.choosing import COUNTRY, ObjectFilter, PeriodFilter, orders
from schema.claims import ClaimedDate, ClaimedText
from schema.common import RecordObject, prefixed, subject
from schema.enums import described
from schema.filters import any_of, every, neither, some, within
from schema.node import EventRef, GatheringRef, InstitutionRef
from schema.scalars import EdtfDate
from schema.sql import claimed, column, of_table, one, owned


@strawberry.type(description="A topic that an institution is to work on.")
class Mandate:
    """A topic of a mandate."""

    topic: str | None = column("The topic; null where only the act is named.")
    legal_act: str | None = column("The act that says so.")
    event: EventRef | None = one("The event that recorded it.", "event")


@strawberry.type(description="Somebody who was appointed to an office.")
class Officeholder:
    """A holder of an office."""

    person: str = column("Who was appointed.")
    office: str = column("The office.")
    appointed_on: EdtfDate | None = column("When.")
    claimed: ClaimedText | None = claimed(
        "Who holds the office, and who says so.", prefixed("officeholder:", "office"), kinds=None
    )
    event: EventRef | None = one("The event that recorded it.", "event")


class InstitutionActKind(Code):
    """What was done with an institution."""

    ANNOUNCED = "ANNOUNCED", "it was made public"
    ESTABLISHED = "ESTABLISHED", "it was established"
    RENAMED = "RENAMED", "it took another name"
    DISSOLVED = "DISSOLVED", "it was dissolved"


described(InstitutionActKind)


@strawberry.type(description="Something that was done with an institution, with its date as a claim.")
class InstitutionAct:
    """An act."""

    kind: InstitutionActKind = column("What was done.")
    occurred_on: EdtfDate | None = column("When, as the event says.")
    date: ClaimedDate | None = claimed("When, and who says so.", "subject", kinds=None)
    gathering: GatheringRef | None = one("At which meeting.", "gathering")
    legal_act: str | None = column("The act behind it.", "body")
    statement: str | None = column("What becomes of its tasks, in our words.")
    event: EventRef | None = one("The event that recorded it.", "event")


@of_table("institution")
@strawberry.type(description="An institution: a ministry or other body of state.")
class Institution(RecordObject):
    """An institution."""

    name: str = column("What it is called now.")
    name_claimed: ClaimedText | None = claimed("Who calls it what.", subject("name"), kinds=None)
    country: str | None = column("Its country, ISO 3166 alpha-3.")
    country_claimed: ClaimedText | None = claimed("Who says which country.", subject("country"), kinds=None)
    status: InstitutionStatus = column("How far it has come; derived from its events.")
    announced: ClaimedDate | None = claimed("When it was announced.", subject("announced"), kinds=None)
    established: ClaimedDate | None = claimed("When it was established.", subject("established"), kinds=None)
    dissolved: ClaimedDate | None = claimed("When it was dissolved.", subject("dissolved"), kinds=None)
    legal_act: ClaimedText | None = claimed("The act that establishes it.", subject("legal_act"), kinds=None)
    predecessor: InstitutionRef | None = one("The institution whose place it takes.", "predecessor")
    gathering: GatheringRef | None = one("The meeting at which it was announced.", "gathering")
    gathering_claimed: ClaimedText | None = claimed(
        "Who says at which meeting: the meeting's id as a claim.", subject("gathering"), kinds=None
    )
    mandate: list[Mandate] = owned("What it is to work on.", "mandate")
    mandate_claimed: ClaimedText | None = claimed("Who says what it is to work on.", subject("mandate"), kinds=None)
    mandate_act: ClaimedText | None = claimed("The act behind its mandate.", subject("mandate_act"), kinds=None)
    officeholders: list[Officeholder] = owned("Who was appointed.", "officeholder")
    acts: list[InstitutionAct] = owned("What was done with it, in order of recording.", "act")


@strawberry.input(description="Which institutions.")
class InstitutionFilter(ObjectFilter):
    """Which institutions."""

    country: list[str] | None = any_of("Of one of these countries, ISO 3166 alpha-3.", "country", known=COUNTRY)
    status: list[InstitutionStatus] | None = any_of("That have come so far.", "status")
    gathering: list[strawberry.ID] | None = any_of("Announced at one of these meetings.", "gathering")
    began: PeriodFilter | None = within("Announced or established in this period.", "day", "since", "until")
    all_of: list["InstitutionFilter"] | None = every()
    any_of: list["InstitutionFilter"] | None = some()
    none_of: "InstitutionFilter | None" = neither()


@orders
class InstitutionOrder(Code):
    """What institutions are sorted by."""

    RECORDED_NEWEST = "-created", "the latest recorded first"
    RECORDED_OLDEST = "created", "the earliest recorded first"
    CHANGED_NEWEST = "-changed", "the latest changed first"
    CHANGED_OLDEST = "changed", "the longest unchanged first"
    NEWEST = "-day", "by the day of its beginning, the latest first; unknown days come first"
    OLDEST = "day", "by the day of its beginning, the earliest first; unknown days come last"
    NAME = "name", "by name, A to Z; capital letters before small ones, other scripts last"
    NAME_BACKWARD = "-name", "by name, Z to A; the mirror image of A to Z"
