"""Deals: the type, the filter and the orders of their lists."""

import strawberry

from domain.codes import (
    Code,
    DealCommitment,
    DealKind,
    FinancingKind,
    FinancingStatus,
    MoneyBasis,
    ScheduleStatus,
    Verification,
)
from schema.choosing import (
    COUNTRY,
    ObjectFilter,
    PartyLinkFilter,
    PeriodFilter,
    ValueFilter,
    linked,
    orders,
)
from schema.claims import ClaimedDate, ClaimedMoney, ClaimedText
from schema.common import PartyLink, RecordObject, subject
from schema.connection import Connection
from schema.deal_terms import (
    CommitmentStep,
    Condition,
    DealLine,
    DealValue,
    Delivery,
    DeliveryMade,
    Financing,
    GoverningAgreement,
    Ownership,
    Payment,
)
from schema.filters import (
    Value,
    any_of,
    at_least,
    at_most,
    every,
    found,
    having,
    neither,
    owning,
    some,
    where,
    within,
)
from schema.node import GatheringRef, InclusionRef
from schema.plan.source import Row, Source
from schema.scalars import Date
from schema.sql import claimed, column, computed, connection, of_table, one, owned, text
from service.replica.tables import LAST_DAY


def _days_to_firm(deal: Source) -> str:
    """Days from the announcement to the first day on which it was firm; null where either is not known."""
    step, first = deal.row.owned("commitment_step"), deal.row.owned("claimed")
    firm = f"SELECT min({step['day']}) FROM {step.rows} AND +{step['commitment']} = 'FIRM'"
    announced = f"SELECT {first['shown']} ->> '$.earliest' FROM {first.rows} AND {first['key']} = 'announced'"
    return f"CAST(max(julianday(({firm})) - julianday(({announced})), 0) AS INTEGER)"


@of_table("deal")
@strawberry.type(description="A deal: the economic object that agreements govern and programmes include.")
class Deal(RecordObject):
    """A deal."""

    title: str = column("What it is called: the shown title.")
    title_claimed: ClaimedText | None = claimed("Who calls it what.", subject("title"), kinds=None)
    kind: DealKind = column("What sort of business it is: the shown kind.")
    kind_claimed: ClaimedText | None = claimed("Who says what sort of business it is.", subject("kind"), kinds=None)
    purpose: ClaimedText | None = claimed("What it is for.", subject("purpose"), kinds=None)
    sectors_claimed: ClaimedText | None = claimed("Who says which sectors.", subject("sectors"), kinds=None)
    parties: list[PartyLink] = owned("Who takes part.", "party_link")
    parties_claimed: ClaimedText | None = claimed("Who says who takes part.", subject("parties"), kinds=None)
    announced: ClaimedDate | None = claimed(
        "When it was announced.", subject("announced"), kinds=None, shown={"edtf": "announced"}
    )
    gathering: GatheringRef | None = one("The meeting at which it was announced.", "gathering")
    gathering_claimed: ClaimedText | None = claimed(
        "Who says at which meeting: the meeting's id as a claim.", subject("gathering"), kinds=None
    )
    value: ClaimedMoney | None = claimed(
        "Its worth, by the first basis found of ACTUALLY_PAID, CONTRACT, OFFICIAL_ESTIMATE, HEADLINE, LIST_PRICE.",
        "value_subject",
        kinds=None,
        shown={"currency": "value_currency", "low": "value_low", "high": "value_high", "basis": "value_basis"},
    )
    value_covers: str | None = column("What that value covers, where it is not the firm order alone.")
    values: list[DealValue] = owned("Every value reported, by basis and line.", "deal_value")
    verification: Verification | None = column("How well its value is supported; null where none was reported.")
    commitment: DealCommitment = column("How far it has come; derived from its events.")
    commitment_history: list[CommitmentStep] = owned(
        "How it came so far, in the order of the world.", "commitment_step"
    )
    days_to_firm: int | None = computed(
        "Days from its announcement until it was first firm, by the earliest days that the dates may mean; "
        "null where it never was, or a day is not known.",
        _days_to_firm,
    )
    lines: list[DealLine] = owned("What is ordered.", "line")
    conditions: list[Condition] = owned("What it depends on.", "condition")
    financings: list[Financing] = owned("Money offered for it.", "financing")
    ownership: list[Ownership] = owned("The shares of its parties.", "ownership")
    schedule: ScheduleStatus = column("Whether deliveries keep to the plan.")
    delays: int = column("How often a delivery was put off.")
    days_late: int | None = column("By how many days, for the delivery that slipped most; null where none slipped.")
    deliveries: list[Delivery] = owned("Deliveries planned.", "delivery")
    deliveries_made: list[DeliveryMade] = owned("Deliveries made.", "goods_delivered")
    payments: list[Payment] = owned("Payments made.", "payment")
    agreements: list[GoverningAgreement] = owned("The agreements that govern it.", "governed_by")
    programmes: Connection[InclusionRef] = connection(
        "The programmes that it is part of.",
        "inclusion",
        where=lambda deal, row: f"{row['deal']} = {deal['id']}",
        by="owner",
    )


@strawberry.input(description="Money offered for a deal: one financing must fit all of this.")
class FinancingFilter:
    """Which financing."""

    financier: list[strawberry.ID] | None = any_of("From one of these parties.", "financier")
    kind: list[FinancingKind] | None = any_of("As serious as this.", "kind")
    status: list[FinancingStatus] | None = any_of("That has come so far.", "status")
    expires_from: Date | None = where(
        "That can be taken up to this day or later; not those whose last day is not known.",
        lambda row, value: f"{row['valid_until_day']} >= {value} AND {row['valid_until_day']} < '{LAST_DAY}'",
    )
    expires_to: Date | None = at_most("That ends on this day or before.", "valid_until_day")


@strawberry.input(description="A step in how far a deal has come: one must fit all of this.")
class StepFilter:
    """Which step."""

    commitment: list[DealCommitment] | None = any_of("To one of these.", "commitment")
    since: Date | None = at_least("On this day or later.", "day")
    until: Date | None = at_most("On this day or before.", "day")


def _included(row: Row, value: Value) -> str:
    other = row.others("inclusion")
    return f"EXISTS (SELECT 1 FROM {other.rows} AND {other['deal']} = {row['id']} AND {value.is_in(other['owner'])})"


def _including(row: Row, value: Value) -> str:
    other = row.others("inclusion")
    return f"SELECT {other['deal']} AS id FROM {other.rows} AND {value.is_in(other['owner'])}"


@strawberry.input(description="Which deals.")
class DealFilter(ObjectFilter):
    """Which deals."""

    kind: list[DealKind] | None = any_of("Of one of these kinds.", "kind")
    commitment: list[DealCommitment] | None = any_of("That have come so far.", "commitment")
    reached: StepFilter | None = having(
        "That ever came so far.",
        lambda row: row.owned("commitment_step"),
        "commitment",
        "since",
        "until",
        always=lambda row: f"{row['commitment']} IN ({', '.join(map(text, DealCommitment))})",
    )
    verification: list[Verification] | None = any_of("Whose value is supported so.", "verification")
    party: PartyLinkFilter | None = having("With such a party.", linked, "party", "country", "role")
    country: list[str] | None = owning(
        "With a party of one of these countries, ISO 3166 alpha-3.", "party_link", "country", known=COUNTRY
    )
    value: ValueFilter | None = within("Worth this much.", "value_key", "at_least", "at_most", "disclosed")
    basis: list[MoneyBasis] | None = any_of("Whose value counts this.", "value_basis")
    announced: PeriodFilter | None = within("Announced in this period.", "day", "since", "until")
    schedule: list[ScheduleStatus] | None = any_of("Whose deliveries keep to the plan or not.", "schedule")
    min_delays: int | None = at_least("Put off so often at least.", "delays")
    min_days_late: int | None = at_least("Late by so many days at least.", "days_late")
    financing: FinancingFilter | None = having(
        "With such a financing.", lambda row: row.owned("financing"), "financier", "expires_from", "expires_to"
    )
    programme: list[strawberry.ID] | None = found("Part of one of these programmes.", _included, _including)
    agreement: list[strawberry.ID] | None = owning("Governed by one of these agreements.", "governed_by", "agreement")
    gathering: list[strawberry.ID] | None = any_of("Announced at one of these meetings.", "gathering")
    all_of: list["DealFilter"] | None = every()
    any_of: list["DealFilter"] | None = some()
    none_of: "DealFilter | None" = neither()


@orders
class DealOrder(Code):
    """What deals are sorted by."""

    RECORDED_NEWEST = "-created", "the latest recorded first"
    RECORDED_OLDEST = "created", "the earliest recorded first"
    CHANGED_NEWEST = "-changed", "the latest changed first"
    CHANGED_OLDEST = "changed", "the longest unchanged first"
    NEWEST = "-day", "by the day of announcement, the latest first; unknown days come first"
    OLDEST = "day", "by the day of announcement, the earliest first; unknown days come last"
    VALUE_HIGHEST = "-value_key", "by the stated number whatever its currency, the highest first"
    VALUE_LOWEST = (
        "value_key",
        "by the stated number whatever its currency, the lowest first; unknown values come first",
    )
    TITLE = "title", "by title, A to Z; capital letters before small ones, other scripts last"
    TITLE_BACKWARD = "-title", "by title, Z to A; the mirror image of A to Z"
