"""What a deal is made of: values, lines, conditions, financings, deliveries, payments. The deal itself is in `deal`."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from domain.codes import FinancingKind, LineCommitment
from domain.fact import Content
from domain.values import LineKey, Money, Name, PartyId, Percent, StatedQuantity, Text, WorldDate, doc


@dataclass(frozen=True, kw_only=True)
class DealValueReported(Content):
    """A value of a deal or of one of its lines was reported."""

    money: Annotated[Money, doc("the amount")]
    line: Annotated[LineKey | None, doc("the line that it is the value of; the whole deal if left out")] = None
    covers: Annotated[Text | None, doc("what it covers, where that is not the firm order alone")] = None

    def summary(self) -> str:
        """One line for people."""
        basis = f" ({self.money.basis.lower().replace('_', ' ')})" if self.money.basis else ""
        covers = f"; covers {self.covers}" if self.covers else ""
        return f"value{basis}{f' of {self.line}' if self.line else ''}: {self.money}{covers}"

    def subjects(self) -> dict[str, str]:
        """Values compete about the same basis and line."""
        return {"money": ":".join(("value", str(self.money.basis or "NONE"), *((self.line,) if self.line else ())))}


@dataclass(frozen=True, kw_only=True)
class DealLineReported(Content):
    """What is ordered was reported: one item at one degree of commitment."""

    key: Annotated[LineKey, doc("the line's key in this deal")]
    item: Annotated[Name, doc("what is ordered")]
    hs_code: Annotated[Name | None, doc("its Harmonized System code")] = None
    quantity: Annotated[StatedQuantity, doc("how many")]
    commitment: Annotated[LineCommitment, doc("how firmly it is ordered")]

    def summary(self) -> str:
        """One line for people."""
        open_ = self.commitment is LineCommitment.NOT_STATED
        commitment = "commitment not stated" if open_ else self.commitment.lower().replace("_", " ")
        return f"{self.item}: {self.quantity}, {commitment}"

    def subjects(self) -> dict[str, str]:
        """Reports compete about the same line and commitment."""
        return {"quantity": f"line:{self.key}:{self.commitment}"}


@dataclass(frozen=True, kw_only=True)
class _LineAct(Content):
    """An act on some of a line."""

    line: Annotated[LineKey, doc("the line's key")]
    quantity: Annotated[StatedQuantity, doc("how many")]


@dataclass(frozen=True, kw_only=True)
class OptionExercised(_LineAct):
    """Options became firm orders."""

    dated: ClassVar[str | None] = "exercised"
    repeats: ClassVar[bool] = True

    def summary(self) -> str:
        """One line for people."""
        return f"options exercised on {self.line}: {self.quantity}"


@dataclass(frozen=True, kw_only=True)
class OptionExpired(_LineAct):
    """Options ran out."""

    dated: ClassVar[str | None] = "expired"
    repeats: ClassVar[bool] = True

    def summary(self) -> str:
        """One line for people."""
        return f"options expired on {self.line}: {self.quantity}"


@dataclass(frozen=True, kw_only=True)
class CommitmentFirmed(Content):
    """Lines became firm without an option."""

    dated: ClassVar[str | None] = "firmed"
    repeats: ClassVar[bool] = True
    lines: Annotated[tuple[LineKey, ...], doc("keys of the lines that became firm")]

    def summary(self) -> str:
        """One line for people."""
        return f"became firm: {', '.join(self.lines)}"


@dataclass(frozen=True, kw_only=True)
class ConditionSet(Content):
    """The deal was made to depend on something."""

    key: Annotated[LineKey, doc("the condition's key in this deal")]
    statement: Annotated[Text, doc("the condition, in our words")]
    financing: Annotated[LineKey | None, doc("key of the financing that it waits for")] = None

    def summary(self) -> str:
        """One line for people."""
        return f"condition {self.key}: {self.statement}"

    def subjects(self) -> dict[str, str]:
        """Each condition is a subject of its own."""
        return {"statement": f"condition:{self.key}"}


@dataclass(frozen=True, kw_only=True)
class ConditionMet(Content):
    """A condition was met."""

    dated: ClassVar[str | None] = "met"
    repeats: ClassVar[bool] = True
    condition: Annotated[LineKey, doc("the condition's key")]

    def summary(self) -> str:
        """One line for people."""
        return f"condition {self.condition} met"


@dataclass(frozen=True, kw_only=True)
class FinancingOffered(Content):
    """Money was offered, or interest in lending it was shown."""

    key: Annotated[LineKey, doc("the financing's key in this deal")]
    money: Annotated[Money, doc("the amount")]
    financier: Annotated[PartyId, doc("who offers it")]
    kind: Annotated[FinancingKind, doc("how serious it is")]
    valid_until: Annotated[WorldDate | None, doc("the last day on which it can be taken")] = None

    def summary(self) -> str:
        """One line for people."""
        act = "shows interest in lending" if self.kind is FinancingKind.INTEREST else "offers"
        return f"financing {self.key}: {self.financier} {act} {self.money}"

    def subjects(self) -> dict[str, str]:
        """Reports of one financing compete."""
        return {"money": f"financing:{self.key}", "valid_until": f"financing_valid_until:{self.key}"}


@dataclass(frozen=True, kw_only=True)
class FinancingCommitted(Content):
    """A financier bound itself."""

    dated: ClassVar[str | None] = "committed"
    repeats: ClassVar[bool] = True
    financing: Annotated[LineKey, doc("the financing's key")]
    money: Annotated[Money | None, doc("the amount, where it differs from the offer")] = None

    def summary(self) -> str:
        """One line for people."""
        return f"financing {self.financing} committed{f': {self.money}' if self.money else ''}"

    def subjects(self) -> dict[str, str]:
        """Committed amounts of one financing compete."""
        return {"money": f"committed:{self.financing}"} if self.money else {}


@dataclass(frozen=True, kw_only=True)
class FinancingLapsed(Content):
    """A financing ran out or was withdrawn."""

    dated: ClassVar[str | None] = "lapsed"
    repeats: ClassVar[bool] = True
    financing: Annotated[LineKey, doc("the financing's key")]

    def summary(self) -> str:
        """One line for people."""
        return f"financing {self.financing} lapsed"


@dataclass(frozen=True, kw_only=True)
class OwnershipStated(Content):
    """The share of a party in a joint undertaking was stated."""

    party: Annotated[PartyId, doc("the owner")]
    percent: Annotated[Percent, doc("the share in percent, 0 to 100")]

    def summary(self) -> str:
        """One line for people."""
        return f"{self.party} owns {self.percent}%"

    def subjects(self) -> dict[str, str]:
        """Shares of one party compete."""
        return {"percent": f"ownership:{self.party}"}


@dataclass(frozen=True, kw_only=True)
class DeliveryScheduled(Content):
    """A delivery was scheduled."""

    key: Annotated[LineKey, doc("the delivery's key in this deal")]
    period: Annotated[WorldDate | None, doc("when it is due")] = None
    duration: Annotated[StatedQuantity | None, doc("how long deliveries take, where no dates are given")] = None
    line: Annotated[LineKey | None, doc("the line that is delivered")] = None
    statement: Annotated[Text | None, doc("what is due, in our words")] = None

    def summary(self) -> str:
        """One line for people."""
        due = ", ".join(str(time) for time in (self.period, self.duration) if time) or "time not disclosed"
        return f"delivery {self.key}: {due}{f', {self.statement}' if self.statement else ''}"

    def subjects(self) -> dict[str, str]:
        """Reports of one delivery's plan compete."""
        return {"period": f"delivery:{self.key}"} if self.period else {"duration": f"delivery_duration:{self.key}"}


@dataclass(frozen=True, kw_only=True)
class DeliveryRescheduled(Content):
    """A delivery was put off or brought forward."""

    delivery: Annotated[LineKey, doc("the delivery's key")]
    period: Annotated[WorldDate, doc("when it is due now")]
    statement: Annotated[Text | None, doc("why, in our words")] = None

    def summary(self) -> str:
        """One line for people."""
        return f"delivery {self.delivery} moved to {self.period}{f', {self.statement}' if self.statement else ''}"

    def subjects(self) -> dict[str, str]:
        """Each new plan stands for itself."""
        return {}


@dataclass(frozen=True, kw_only=True)
class GoodsDelivered(_LineAct):
    """Goods of a line were delivered."""

    dated: ClassVar[str | None] = "delivered"
    repeats: ClassVar[bool] = True
    delivery: Annotated[LineKey | None, doc("the scheduled delivery that it fulfils")] = None

    def summary(self) -> str:
        """One line for people."""
        return f"delivered of {self.line}: {self.quantity}"


@dataclass(frozen=True, kw_only=True)
class PaymentMade(Content):
    """Money changed hands."""

    dated: ClassVar[str | None] = "paid"
    repeats: ClassVar[bool] = True
    money: Annotated[Money, doc("the amount")]
    payer: Annotated[PartyId | None, doc("who paid")] = None
    payee: Annotated[PartyId | None, doc("who was paid")] = None

    def summary(self) -> str:
        """One line for people."""
        return (
            f"paid {self.money}{f' by {self.payer}' if self.payer else ''}{f' to {self.payee}' if self.payee else ''}"
        )
