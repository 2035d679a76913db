"""Relations: the type, the filter and the orders of their lists."""

import strawberry

from domain.codes import Code, Flow, Indicator
from schema.choosing import ObjectFilter, PartyLinkFilter, linked, orders
from schema.claims import Claimed, ClaimedText
from schema.common import PartyLink, RecordObject, subject
from schema.filters import any_of, every, having, neither, some
from schema.scalars import EdtfDate
from schema.sql import claimed, column, of_table, owned


@strawberry.type(description="A measure of a relation.")
class RelationIndicator:
    """A measure."""

    indicator: Indicator = column("What is measured.")
    flow: Flow = column("The direction that it measures.")
    period: EdtfDate | None = column("The period that it measures.")
    reporter: str | None = column("Whose figure it is.")
    value: Claimed | None = claimed("The number or amount, and who says so.", "subject")


@of_table("relation")
@strawberry.type(description="A relation: what passes between two parties or within a group.")
class Relation(RecordObject):
    """A relation."""

    title: str = column("What it is called.")
    title_claimed: ClaimedText | None = claimed("Who calls it what.", subject("title"), kinds=None)
    parties: list[PartyLink] = owned("The parties, the first two as the direction of flows counts them.", "party_link")
    parties_claimed: ClaimedText | None = claimed("Who says which parties.", subject("parties"), kinds=None)
    indicators: list[RelationIndicator] = owned("Its measures.", "indicator")


@strawberry.input(description="A measure: one must fit all of this.")
class IndicatorFilter:
    """Which measure."""

    indicator: list[Indicator] | None = any_of("One of these.", "indicator")
    flow: list[Flow] | None = any_of("In one of these directions.", "flow")


@strawberry.input(description="Which relations.")
class RelationFilter(ObjectFilter):
    """Which relations."""

    party: PartyLinkFilter | None = having("With such a party.", linked, "party", "country", "role")
    indicator: IndicatorFilter | None = having("With such a measure.", lambda row: row.owned("indicator"))
    all_of: list["RelationFilter"] | None = every()
    any_of: list["RelationFilter"] | None = some()
    none_of: "RelationFilter | None" = neither()


@orders
class RelationOrder(Code):
    """What relations are sorted by."""

    RECORDED_NEWEST = "-created", "the latest recorded first"
    RECORDED_OLDEST = "created", "the earliest recorded first"
    CHANGED_NEWEST = "-changed", "the latest changed first"
    CHANGED_OLDEST = "changed", "the longest unchanged first"
    TITLE = "title", "by title, A to Z; capital letters before small ones, other scripts last"
    TITLE_BACKWARD = "-title", "by title, Z to A; the mirror image of A to Z"
