"""Gatherings: the type, the filter and the orders of their lists."""

import strawberry

from domain.codes import Code
from schema.agreement import Agreement, AgreementFilter, AgreementOrder
from schema.choosing import ObjectFilter, PeriodFilter, orders
from schema.claims import ClaimedDate, ClaimedText
from schema.common import RecordObject, subject
from schema.connection import Connection
from schema.deal import Deal, DealFilter, DealOrder
from schema.filters import any_of, equals, every, neither, some, within
from schema.institution import Institution, InstitutionFilter, InstitutionOrder
from schema.plan.source import Row
from schema.scalars import EdtfDate
from schema.sql import claimed, column, connection, of_table


def _here(gathering: Row, row: Row) -> str:
    return f"{row['gathering']} = {gathering['id']}"


@of_table("gathering")
@strawberry.type(description="A gathering: a summit, an assembly or another meeting at which deals are announced.")
class Gathering(RecordObject):
    """A gathering."""

    name: str = column("What it is called.")
    name_claimed: ClaimedText | None = claimed("Who calls it what.", subject("name"), kinds=None)
    series: str | None = column("The series that it belongs to, such as UNGA or C5+1.")
    series_claimed: ClaimedText | None = claimed("Who says which series.", subject("series"), kinds=None)
    session: int | None = column("Its number in the series.")
    session_claimed: ClaimedText | None = claimed("Who says which number.", subject("session"), kinds=None)
    place: str | None = column("Where it was held.")
    place_claimed: ClaimedText | None = claimed("Who says where.", subject("place"), kinds=None)
    period: EdtfDate | None = column("When it was held, from first day to last.")
    period_claimed: ClaimedDate | None = claimed("Who says when.", subject("period"), kinds=None)
    convened: ClaimedDate | None = claimed("When it was convened.", subject("convened"), kinds=None)
    deals: Connection[Deal] = connection(
        "Deals that were announced here.", "deal", where=_here, filter=DealFilter, order=DealOrder
    )
    agreements: Connection[Agreement] = connection(
        "Agreements of this meeting.", "agreement", where=_here, filter=AgreementFilter, order=AgreementOrder
    )
    institutions: Connection[Institution] = connection(
        "Institutions that were announced here.",
        "institution",
        where=_here,
        filter=InstitutionFilter,
        order=InstitutionOrder,
    )


@strawberry.input(description="Which gatherings.")
class GatheringFilter(ObjectFilter):
    """Which gatherings."""

    series: list[str] | None = any_of("Of one of these series.", "series")
    session: int | None = equals("With this number in its series.", "session")
    held: PeriodFilter | None = within("Begun in this period.", "day", "since", "until")
    all_of: list["GatheringFilter"] | None = every()
    any_of: list["GatheringFilter"] | None = some()
    none_of: "GatheringFilter | None" = neither()


@orders
class GatheringOrder(Code):
    """What gatherings are sorted by."""

    RECORDED_NEWEST = "-created", "the latest recorded first"
    RECORDED_OLDEST = "created", "the earliest recorded first"
    CHANGED_NEWEST = "-changed", "the latest changed first"
    CHANGED_OLDEST = "changed", "the longest unchanged first"
    NEWEST = "-day", "by the first day, the latest first; unknown days come first"
    OLDEST = "day", "by the first day, the earliest first; unknown days come last"
    NAME = "name", "by name, A to Z; capital letters before small ones, other scripts last"
    NAME_BACKWARD = "-name", "by name, Z to A; the mirror image of A to Z"
