"""Deals: the economic objects that agreements govern, from announcement to end, and what a deal refuses."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Annotated, ClassVar

from domain.codes import DealKind, LineCommitment
from domain.common import COMMON
from domain.deal_terms import (
    CommitmentFirmed,
    ConditionMet,
    ConditionSet,
    DealLineReported,
    DealValueReported,
    DeliveryRescheduled,
    DeliveryScheduled,
    FinancingCommitted,
    FinancingLapsed,
    FinancingOffered,
    GoodsDelivered,
    OptionExercised,
    OptionExpired,
    OwnershipStated,
    PaymentMade,
)
from domain.fact import Content, Refused
from domain.stream import Aggregate
from domain.values import (
    EXACT,
    AgreementId,
    DealId,
    GatheringId,
    Name,
    PartyRef,
    SectorShare,
    StatedQuantity,
    Text,
    doc,
)


@dataclass(frozen=True, kw_only=True)
class DealAnnounced(Content):
    """A deal was announced."""

    opens: ClassVar[bool] = True
    dated: ClassVar[str | None] = "announced"
    title: Annotated[Name, doc("what to call it")]
    kind: Annotated[DealKind, doc("what sort of business it is")] = DealKind.UNKNOWN
    parties: Annotated[tuple[PartyRef, ...], doc("who takes part")] = ()
    sectors: Annotated[tuple[SectorShare, ...], doc("the sectors that it belongs to")] = ()
    purpose: Annotated[Text | None, doc("what it is for, in our words")] = None
    gathering: Annotated[GatheringId | None, doc("the meeting at which it was announced")] = None

    def summary(self) -> str:
        """One line for people."""
        kind = "" if self.kind is DealKind.UNKNOWN else f"{self.kind.lower().replace('_', ' ')} "
        return f"{kind}deal announced: {self.title}"

    def subjects(self) -> dict[str, str]:
        """Each descriptive field is a subject of its own."""
        return {name: name for name in ("title", "kind", "parties", "sectors", "purpose", "gathering")}


@dataclass(frozen=True, kw_only=True)
class DealLinkedToAgreement(Content):
    """An agreement was found to govern the deal."""

    agreement: Annotated[AgreementId, doc("the agreement")]

    def summary(self) -> str:
        """One line for people."""
        return f"governed by {self.agreement}"

    def subjects(self) -> dict[str, str]:
        """Statements of one link compete."""
        return {"agreement": f"agreement:{self.agreement}"}


@dataclass(frozen=True, kw_only=True)
class _Turn(Content):
    """A pause, a resumption or an end, with what is known of why."""

    statement: Annotated[Text | None, doc("why or how, in our words")] = None

    def _because(self) -> str:
        return f": {self.statement}" if self.statement else ""


@dataclass(frozen=True, kw_only=True)
class DealSuspended(_Turn):
    """A deal was paused."""

    dated: ClassVar[str | None] = "suspended"
    repeats: ClassVar[bool] = True

    def summary(self) -> str:
        """One line for people."""
        return f"suspended{self._because()}"


@dataclass(frozen=True, kw_only=True)
class DealResumed(_Turn):
    """A paused deal went on."""

    dated: ClassVar[str | None] = "resumed"
    repeats: ClassVar[bool] = True

    def summary(self) -> str:
        """One line for people."""
        return f"resumed{self._because()}"


@dataclass(frozen=True, kw_only=True)
class DealCompleted(_Turn):
    """A deal was done."""

    dated: ClassVar[str | None] = "completed"

    def summary(self) -> str:
        """One line for people."""
        return f"completed{self._because()}"


@dataclass(frozen=True, kw_only=True)
class DealCancelled(_Turn):
    """A deal was called off before it was firm."""

    dated: ClassVar[str | None] = "cancelled"

    def summary(self) -> str:
        """One line for people."""
        return f"cancelled{self._because()}"


@dataclass(frozen=True, kw_only=True)
class DealTerminated(_Turn):
    """A deal was ended after it was firm."""

    dated: ClassVar[str | None] = "terminated"

    def summary(self) -> str:
        """One line for people."""
        return f"terminated{self._because()}"


@dataclass(frozen=True, kw_only=True)
class DealLapsed(_Turn):
    """A deal ran out with nothing done."""

    dated: ClassVar[str | None] = "lapsed"

    def summary(self) -> str:
        """One line for people."""
        return f"lapsed{self._because()}"


@dataclass(frozen=True, kw_only=True)
class DealSuperseded(Content):
    """Another deal took the place of this one."""

    dated: ClassVar[str | None] = "superseded"
    by: Annotated[DealId | None, doc("the deal that took its place")] = None

    def summary(self) -> str:
        """One line for people."""
        return f"superseded{f' by {self.by}' if self.by else ''}"


def quantity(stated: StatedQuantity) -> Decimal:
    """The number to count with; an undisclosed or negative one counts as none."""
    number = stated.number()
    return number if number is not None and number > 0 else _NOTHING


_NOTHING = Decimal(0)


class Deal(Aggregate):
    """A deal: its lines, conditions, financings and deliveries have keys that are unique in it."""

    noun = "deal"
    events = (
        DealAnnounced,
        DealValueReported,
        DealLineReported,
        OptionExercised,
        OptionExpired,
        CommitmentFirmed,
        ConditionSet,
        ConditionMet,
        FinancingOffered,
        FinancingCommitted,
        FinancingLapsed,
        OwnershipStated,
        DeliveryScheduled,
        DeliveryRescheduled,
        GoodsDelivered,
        PaymentMade,
        DealLinkedToAgreement,
        DealSuspended,
        DealResumed,
        DealCompleted,
        DealCancelled,
        DealTerminated,
        DealLapsed,
        DealSuperseded,
        *COMMON,
    )

    def check(self, content: Content) -> None:
        """Refuse keys that the deal does not know and the exercise of more options than are open."""
        for field, kind, key in _keys(content):
            if key not in self._known(kind):
                raise Refused("UNKNOWN_KEY", f"data.{field}", f"{self.id} has no {kind} {key!r}")
        if isinstance(content, OptionExercised):
            self._check_options(content)

    def _known(self, kind: str) -> set[str]:
        match kind:
            case "line":
                return {line.key for line in self.live(DealLineReported)}
            case "condition":
                return {condition.key for condition in self.live(ConditionSet)}
            case _:
                return {financing.key for financing in self.live(FinancingOffered)}

    def _check_options(self, content: OptionExercised) -> None:
        number, left = content.quantity.number(), self.open_options(content.line)
        if left == 0 or (number is not None and number > left):
            asked = "some" if number is None else number
            reason = f"{asked} options exercised, but {left} are open on line {content.line!r}"
            raise Refused("TOO_MANY_OPTIONS", "data.quantity", reason)

    def open_options(self, line: str) -> Decimal:
        """Options of the line still open, 0 at least: its latest live OPTION report less exercises and expiries."""
        reports = [
            report
            for report in self.live(DealLineReported)
            if report.key == line and report.commitment is LineCommitment.OPTION
        ]
        acts = (act.quantity for act in self.live(OptionExercised, OptionExpired) if act.line == line)
        with localcontext(EXACT):
            used = sum((quantity(stated) for stated in acts), Decimal(0))
            return max(Decimal(0), (quantity(reports[-1].quantity) if reports else Decimal(0)) - used)


def _keys(content: Content) -> Iterator[tuple[str, str, str]]:
    """The keys that an event must not be first to name: its field, what kind of key, and the key."""
    if isinstance(content, CommitmentFirmed):
        yield from ((f"lines[{index}]", "line", key) for index, key in enumerate(content.lines))
    for kind in ("line", "condition", "financing"):
        key = getattr(content, kind, None)
        if isinstance(key, str):
            yield kind, kind, key
