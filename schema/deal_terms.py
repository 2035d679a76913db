"""What a deal is made of: its values, lines, conditions, financings, deliveries, payments and how it came so far."""

import strawberry

from domain.codes import (
    DealCommitment,
    FinancingKind,
    FinancingStatus,
    LineCommitment,
    MoneyBasis,
    ScheduleStatus,
)
from schema.claims import Claimed, ClaimedDate, ClaimedMoney, ClaimedQuantity, ClaimedText
from schema.common import of_event, prefixed
from schema.node import AgreementRef, DealRef, EventRef, PartyRef
from schema.plan.source import Row
from schema.scalars import Decimal, EdtfDate, Position
from schema.sql import claimed, column, embed, one, owned
from schema.values import Money, StatedQuantity


def _same_line(parent: Row, row: Row) -> str:
    return f"{row['line']} = {parent['key']}"


def _its_line(parent: Row, row: Row) -> str:
    return f"{row['key']} = {parent['line']}"


@strawberry.type(description="One report of how many of a line are ordered, and how firmly.")
class LineReport:
    """One report of a line."""

    commitment: LineCommitment = column("How firmly they are ordered.")
    quantity: ClaimedQuantity | None = claimed("How many, and who says so.", "subject", kinds=None)


@strawberry.type(description="A line of a deal: one item, with its numbers by degree of commitment.")
class DealLine:
    """A line of a deal."""

    key: str = column("Its key in the deal.")
    item: str = column("What is ordered.")
    hs_code: str | None = column("Its Harmonized System code.")
    unit: str = column("What is counted.")
    firm: Decimal | None = column("How many are firm: ordered, firmed or exercised.")
    open_options: Decimal = column("Options neither exercised nor expired.")
    purchase_rights: Decimal | None = column("Rights to order at terms still to be agreed.")
    intended: Decimal | None = column("How many are meant to be ordered.")
    not_stated: Decimal | None = column("How many a source names without saying how firmly.")
    exercised: Decimal = column("Options that became firm orders.")
    expired: Decimal = column("Options that ran out.")
    delivered: Decimal = column("How many were delivered.")
    reports: list[LineReport] = owned("The reports, each with its claims.", "line_report", _same_line)
    deliveries: list["Delivery"] = owned("The deliveries that are planned of it.", "delivery", _same_line)


@strawberry.type(description="A value of a deal or of one of its lines, by one basis.")
class DealValue:
    """A value of a deal."""

    basis: MoneyBasis | None = column("What the amount counts; null where nothing was said of it.")
    line: DealLine | None = owned("The line that it is the value of; null for the whole deal.", "line", _its_line)
    covers: str | None = column("What it covers, where that is not the firm order alone.")
    claimed: ClaimedMoney | None = claimed("The amount, and who says so.", "subject", kinds=None)


@strawberry.type(description="Money that was offered for a deal.")
class Financing:
    """Money that was offered."""

    key: str = column("Its key in the deal.")
    deal: DealRef | None = one("The deal.", "owner")
    financier: PartyRef | None = one("Who offers it.", "financier")
    kind: FinancingKind = column("How serious the offer is.")
    status: FinancingStatus = column("How far it has come.")
    money: ClaimedMoney | None = claimed("The amount offered, and who says so.", "subject", kinds=None)
    committed: ClaimedMoney | None = claimed(
        "The amount committed, where it differs from the offer.", "committed_subject", kinds=None
    )
    valid_until: EdtfDate | None = column("The last day on which it can be taken.")
    valid_until_claimed: ClaimedDate | None = claimed(
        "The last day, and who says so.", prefixed("financing_valid_until:", "key"), kinds=None
    )
    event: EventRef | None = one("The event that recorded it.", "event")


@strawberry.type(description="Something that a deal was made to depend on.")
class Condition:
    """A condition."""

    key: str = column("Its key in the deal.")
    statement: str = column("The condition, in our words.")
    claimed: ClaimedText | None = claimed("The condition as a claim.", prefixed("condition:", "key"), kinds=None)
    financing: Financing | None = owned(
        "The financing that it waits for.", "financing", lambda parent, row: f"{row['key']} = {parent['financing']}"
    )
    met: bool = column("Whether it was met.")
    met_on: EdtfDate | None = column("When it was met.")
    event: EventRef | None = one("The event that set it.", "event")


@strawberry.type(description="The share of a party in a joint undertaking.")
class Ownership:
    """A share."""

    party: PartyRef | None = one("The owner.", "party")
    percent: Decimal = column("The share in percent.")
    claimed: ClaimedQuantity | None = claimed("The share, and who says so.", "subject", kinds=None)


@strawberry.type(description="A planned delivery.")
class Delivery:
    """A planned delivery."""

    key: str = column("Its key in the deal.")
    line: DealLine | None = owned("The line that is delivered.", "line", _its_line)
    statement: str | None = column("What is due, in our words.")
    first_period: EdtfDate | None = column("When it was first due.")
    period: EdtfDate | None = column("When it is due now.")
    moved: int = column("How often the date was changed.")
    days_late: int | None = column(
        "Days from the last day of the period that was planned first to that of the one planned now; null if it was "
        "never moved."
    )
    status: ScheduleStatus = column("Whether it was put off.")
    planned: Claimed | None = claimed("The plan as a claim: a date, or a duration where no dates are given.", "subject")


@strawberry.type(description="Goods of a line that were delivered.")
class DeliveryMade:
    """Goods that were delivered."""

    line: DealLine | None = owned("The line.", "line", _its_line)
    quantity: StatedQuantity = embed("How many.", "quantity")
    delivered_on: EdtfDate | None = column("When.")
    date: ClaimedDate | None = claimed("When, and who says so.", of_event("delivered"), kinds=None)
    claimed: ClaimedQuantity | None = claimed(
        "How many, and what other sources say; null where none speaks of it.", of_event("quantity"), kinds=None
    )
    event: EventRef | None = one("The event that recorded it.", "event")


@strawberry.type(description="Money that changed hands.")
class Payment:
    """A payment."""

    money: Money = embed("The amount.", "money")
    payer: PartyRef | None = one("Who paid.", "payer")
    payee: PartyRef | None = one("Who was paid.", "payee")
    paid_on: EdtfDate | None = column("When.")
    date: ClaimedDate | None = claimed("When, and who says so.", of_event("paid"), kinds=None)
    claimed: ClaimedMoney | None = claimed(
        "The amount, and what other sources say; null where none speaks of it.", of_event("money"), kinds=None
    )
    event: EventRef | None = one("The event that recorded it.", "event")


@strawberry.type(description="An agreement that governs a deal.")
class GoverningAgreement:
    """A link to an agreement."""

    agreement: AgreementRef | None = one("The agreement.", "agreement")
    claimed: ClaimedText | None = claimed("The link as a claim.", prefixed("agreement:", "agreement"), kinds=None)
    event: EventRef | None = one("The event that recorded the link.", "event")


@strawberry.type(description="A step in how far a deal has come, in the order of the world.")
class CommitmentStep:
    """A step."""

    commitment: DealCommitment = column("What it came to.")
    occurred_on: EdtfDate | None = column("When in the world; null where that is not known.")
    position: Position = column("The position at which the record knew.")
    event: EventRef | None = one("The event that brought it about.", "event")
