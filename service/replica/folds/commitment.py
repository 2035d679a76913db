"""How far a deal has come: its commitment after each event, in the order of the world. The rule is in the README."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from domain import deal as events
from domain import deal_terms as terms
from domain.codes import Binding, DealCommitment, LineCommitment
from domain.fact import Content
from service.replica.view import Kept, View
from service.replica.world import World

_ENDS: dict[type[Content], DealCommitment] = {
    events.DealLapsed: DealCommitment.LAPSED,
    events.DealCancelled: DealCommitment.CANCELLED,
    events.DealTerminated: DealCommitment.TERMINATED,
    events.DealSuperseded: DealCommitment.SUPERSEDED,
}


class Moment(msgspec.Struct, frozen=True):
    """Something that may change the commitment: when in the world, at which position, by which event."""

    day: str
    position: int
    occurred_on: str | None
    event: str
    content: Content | str
    """The event's content, or the binding of a linked agreement that was signed."""


@dataclass(slots=True)
class Progress:
    """What the moments so far add up to."""

    ended: DealCommitment | None = None
    suspended: bool = False
    completed: bool = False
    moved: bool = False
    signed: bool = False
    binding: bool = False
    conditions: dict[str, str | None] = field(default_factory=dict)
    """Open conditions, each with the financing that it waits for."""
    lapsed: set[str] = field(default_factory=set)
    reported: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    firm: dict[str, Decimal] = field(default_factory=dict)
    exercised: dict[str, Decimal] = field(default_factory=dict)
    expired: dict[str, Decimal] = field(default_factory=dict)
    delivered: dict[str, Decimal] = field(default_factory=dict)

    def commitment(self) -> DealCommitment:
        """The first that holds: an end, a pause, completion, delivery, a lapsed condition, firmness, intent."""
        if self.ended is not None:
            return self.ended
        if self.suspended:
            return DealCommitment.SUSPENDED
        if self.completed or (self.delivered and self._all_delivered()):
            return DealCommitment.COMPLETED
        if self.moved:
            return DealCommitment.IN_DELIVERY
        if self.lapsed and any(financing in self.lapsed for financing in self.conditions.values()):
            return DealCommitment.LAPSED
        return self._promised()

    def _promised(self) -> DealCommitment:
        for number in self.firm.values():
            if number > 0:
                return DealCommitment.FIRM
        if self.binding:
            return DealCommitment.CONDITIONAL if self.conditions else DealCommitment.FIRM
        return DealCommitment.INTENDED if self.signed else DealCommitment.ANNOUNCED

    def _all_delivered(self) -> bool:
        ordered = {line: number for line, number in self.firm.items() if number > 0}
        return bool(ordered) and all(self.delivered.get(line, Decimal(0)) >= number for line, number in ordered.items())

    def take(self, content: Content | str) -> None:
        """Add one moment."""
        if isinstance(content, str):
            self.signed = True
            self.binding = self.binding or content == Binding.YES
        else:
            take = _TAKING.get(type(content))
            if take is not None:
                take(self, content)

    def _end(self, content: Content) -> None:
        self.ended = self.ended or _ENDS[type(content)]

    def _pause(self, content: Content) -> None:
        self.suspended = isinstance(content, events.DealSuspended)

    def _complete(self, _: events.DealCompleted) -> None:
        self.completed = True

    def _set(self, content: terms.ConditionSet) -> None:
        self.conditions[content.key] = content.financing

    def _meet(self, content: terms.ConditionMet) -> None:
        self.conditions.pop(content.condition, None)

    def _lapse(self, content: terms.FinancingLapsed) -> None:
        self.lapsed.add(content.financing)

    def _pay(self, _: terms.PaymentMade) -> None:
        self.moved = True

    def _deliver(self, content: terms.GoodsDelivered) -> None:
        self.moved = True
        self._add(self.delivered, content.line, events.quantity(content.quantity))

    def _report(self, content: terms.DealLineReported) -> None:
        number = self.reported[content.key, content.commitment] = events.quantity(content.quantity)
        if content.commitment is LineCommitment.FIRM:
            self.firm[content.key] = number

    def _exercise(self, content: terms.OptionExercised) -> None:
        number = events.quantity(content.quantity)
        self._add(self.exercised, content.line, number)
        self._add(self.firm, content.line, number)

    def _expire(self, content: terms.OptionExpired) -> None:
        self._add(self.expired, content.line, events.quantity(content.quantity))

    def _firm(self, content: terms.CommitmentFirmed) -> None:
        for line in content.lines:
            self.firm[line] = self.firm.get(line) or self._promised_of(line)

    def _promised_of(self, line: str) -> Decimal:
        """What the line was reported with before it became firm; one if no number is known."""
        found = [number for (key, _), number in self.reported.items() if key == line and number > 0]
        return found[-1] if found else Decimal(1)

    @staticmethod
    def _add(numbers: dict[str, Decimal], line: str, number: Decimal) -> None:
        numbers[line] = numbers.get(line, Decimal(0)) + number


_TAKING: dict[type[Content], Callable[[Progress, Any], None]] = {
    **dict.fromkeys(_ENDS, Progress._end),
    events.DealSuspended: Progress._pause,
    events.DealResumed: Progress._pause,
    events.DealCompleted: Progress._complete,
    terms.ConditionSet: Progress._set,
    terms.ConditionMet: Progress._meet,
    terms.FinancingLapsed: Progress._lapse,
    terms.PaymentMade: Progress._pay,
    terms.GoodsDelivered: Progress._deliver,
    terms.DealLineReported: Progress._report,
    terms.OptionExercised: Progress._exercise,
    terms.OptionExpired: Progress._expire,
    terms.CommitmentFirmed: Progress._firm,
}
"""What each event adds; others add nothing."""


def moments(view: View, world: World) -> list[Moment]:
    """Everything that may change the commitment, in the order of the world; the opening comes first."""
    found = [moment for kept in view.kept for moment in moments_of(kept, world)]
    return sorted(found, key=_order)


def _order(moment: Moment) -> tuple[bool, str, int]:
    return not isinstance(moment.content, events.DealAnnounced), moment.day, moment.position


def moments_of(kept: Kept, world: World) -> list[Moment]:
    """What an event that stands may change it by."""
    if not kept.live:
        return []
    if isinstance(kept.content, events.DealLinkedToAgreement):
        return list(_signature(kept, kept.content, world))
    when = kept.fact.occurred_on
    return [Moment(kept.day, kept.position, str(when) if when else None, kept.id, kept.content)]


def _signature(kept: Kept, link: events.DealLinkedToAgreement, world: World) -> Iterator[Moment]:
    """The signature of a linked agreement counts from its own day, caused by whichever was recorded later."""
    facet = world.agreement(link.agreement)
    if facet.signed_event is not None and facet.signed_position is not None:
        later = facet.signed_position > kept.position
        event = facet.signed_event if later else kept.id
        position = max(facet.signed_position, kept.position)
        yield Moment(facet.signed_day or kept.day, position, facet.signed_on, event, facet.binding)


@dataclass(slots=True)
class Course:
    """How far a deal has come, moment by moment in the order of the world."""

    progress: Progress = field(default_factory=Progress)
    commitment: DealCommitment | None = None
    last: Moment | None = None
    lines: dict[str, terms.DealLineReported] = field(default_factory=dict)
    """The latest report of each line, in the order of recording."""
    reports: int = 0

    def report(self, report: terms.DealLineReported) -> int:
        """Take the next report of a line; gives how many there were."""
        self.lines[report.key] = report
        self.reports += 1
        return self.reports

    def precedes(self, moment: Moment) -> bool:
        """Whether the moment comes behind all that were taken."""
        return self.last is None or _order(self.last) < _order(moment)

    def take(self, view: View, moment: Moment) -> None:
        """Take the next moment; makes a row if the commitment changes."""
        self.last = moment
        self.progress.take(moment.content)
        reached = self.progress.commitment()
        if reached is not self.commitment:
            self.commitment = reached
            view.put(
                "commitment_step",
                f"{moment.event}:{reached}",
                commitment=reached,
                occurred_on=moment.occurred_on,
                day=moment.day,
                position=moment.position,
                event=moment.event,
            )
