"""Investments: the type, the filter and the orders of their lists."""

import strawberry

from domain.codes import Code
from schema.choosing import ObjectFilter, PeriodFilter, ValueFilter, orders
from schema.claims import ClaimedDate, ClaimedMoney, ClaimedQuantity, ClaimedText
from schema.common import PartyLink, RecordObject, subject
from schema.enums import described
from schema.filters import any_of, every, flag, neither, some, within
from schema.node import PartyRef
from schema.scalars import EdtfDate
from schema.sql import Where, claimed, column, of_table, one, owned


class InvestmentStage(Code):
    """How far an investment has come; derived from its events."""

    ANNOUNCED = "ANNOUNCED", "made public, not made yet"
    MADE = "MADE", "made"
    DIVESTED = "DIVESTED", "given up, wholly or in part"


described(InvestmentStage)


@strawberry.type(description="What an investment produced.")
class Output:
    """An output."""

    item: str = column("What is produced.")
    quantity: ClaimedQuantity | None = claimed("How much of it, and who says so.", "subject", kinds=None)
    period: EdtfDate | None = column("Over what period.")
    destination: str | None = column("Where it goes, in our words.")


def _starting(prefix: str) -> Where:
    """Subjects that begin so, whatever their basis."""
    return lambda parent, row: f"{row['key']} >= '{prefix}' AND {row['key']} < '{prefix};'"


@of_table("investment")
@strawberry.type(description="An investment: capital that one party puts in at another's place.")
class Investment(RecordObject):
    """An investment."""

    title: str = column("What it is called.")
    title_claimed: ClaimedText | None = claimed("Who calls it what.", subject("title"), kinds=None)
    investor: PartyRef | None = one("Who puts in the capital.", "investor")
    investor_claimed: ClaimedText | None = claimed(
        "Who says who puts in the capital: the party's id as a claim.", subject("investor"), kinds=None
    )
    host: PartyRef | None = one("The country or place that receives it.", "host")
    host_claimed: ClaimedText | None = claimed(
        "Who says who receives it: the party's id as a claim.", subject("host"), kinds=None
    )
    parties: list[PartyLink] = owned("Both, as links with roles.", "party_link")
    stage: InvestmentStage = column("How far it has come.")
    cumulative: bool = column("Whether the amount adds up the whole period.")
    period: EdtfDate | None = column("The period over which it is or was made.")
    period_claimed: ClaimedDate | None = claimed("Who says over which period.", subject("period"), kinds=None)
    value: ClaimedMoney | None = claimed(
        "The amount: what was made, else what was announced.", "value_subject", kinds=None
    )
    invested: ClaimedMoney | None = owned("The amount that was made.", "claimed", _starting("invested_value"), "key")
    announced_value: ClaimedMoney | None = owned(
        "The amount that was announced.", "claimed", _starting("announced_value"), "key"
    )
    invested_on: ClaimedDate | None = claimed("When it was made.", subject("invested"), kinds=None)
    announced: ClaimedDate | None = claimed("When it was announced.", subject("announced"), kinds=None)
    purpose: ClaimedText | None = claimed("What it is for.", subject("purpose"), kinds=None)
    sectors_claimed: ClaimedText | None = claimed("Who says which sectors.", subject("sectors"), kinds=None)
    output: list[Output] = owned("What it produced.", "output")
    localization_rate: ClaimedQuantity | None = claimed(
        "The share of local content, in percent.", subject("localization_rate"), kinds=None
    )


@strawberry.input(description="Which investments.")
class InvestmentFilter(ObjectFilter):
    """Which investments."""

    investor: list[strawberry.ID] | None = any_of("By one of these parties.", "investor")
    host: list[strawberry.ID] | None = any_of("At one of these parties.", "host")
    stage: list[InvestmentStage] | None = any_of("That have come so far.", "stage")
    cumulative: bool | None = flag("Whether the amount adds up a whole period.", "cumulative")
    value: ValueFilter | None = within("Worth this much.", "value_key", "at_least", "at_most", "disclosed")
    began: PeriodFilter | None = within("Begun in this period.", "day", "since", "until")
    all_of: list["InvestmentFilter"] | None = every()
    any_of: list["InvestmentFilter"] | None = some()
    none_of: "InvestmentFilter | None" = neither()


@orders
class InvestmentOrder(Code):
    """What investments are sorted by."""

    RECORDED_NEWEST = "-created", "the latest recorded first"
    RECORDED_OLDEST = "created", "the earliest recorded first"
    CHANGED_NEWEST = "-changed", "the latest changed first"
    CHANGED_OLDEST = "changed", "the longest unchanged first"
    NEWEST = "-day", "by the day of its beginning, the latest first; unknown days come first"
    OLDEST = "day", "by the day of its beginning, the earliest first; unknown days come last"
    VALUE_HIGHEST = "-value_key", "by the stated number whatever its currency, the highest first"
    VALUE_LOWEST = (
        "value_key",
        "by the stated number whatever its currency, the lowest first; unknown values come first",
    )
    TITLE = "title", "by title, A to Z; capital letters before small ones, other scripts last"
    TITLE_BACKWARD = "-title", "by title, Z to A; the mirror image of A to Z"
