"""The fold of a deal: values, lines, conditions, financings, schedule, and how far it has come."""

from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise
from typing import Any

from domain import deal as events
from domain import deal_terms as terms
from domain.codes import AnomalyKind, DealCommitment, FinancingKind, FinancingStatus, LineCommitment, ScheduleStatus
from domain.common import COMMON
from domain.deal import Deal
from domain.fact import Content
from domain.values import Money, WorldDate
from service.replica.claimed_values import is_undisclosed, kind_of, value_json
from service.replica.claims import Subject
from service.replica.folds.commitment import Course, Moment, Progress, moments, moments_of
from service.replica.folds.common import label, put_parties, shown, shown_day
from service.replica.part import Fold, Part, Results, Subjects
from service.replica.view import Kept, View, days_between, number_key, sort_day
from service.replica.world import World

_NOUGHT = Decimal(0)
_BASES = ("ACTUALLY_PAID", "CONTRACT", "OFFICIAL_ESTIMATE", "HEADLINE", "LIST_PRICE", "NONE")
"""The basis that a deal's value is taken from: the first found."""
_VALUES = tuple(f"value:{basis}" for basis in _BASES)


def _row(view: View, world: World, subjects: Subjects, results: Results) -> dict[str, Any]:
    schedule, delays, days_late = results["schedule"]
    value = _value(subjects)
    return {
        "title": label(view, subjects),
        "kind": shown(subjects, "kind") or "UNKNOWN",
        "commitment": results["progress"],
        "schedule": schedule,
        "delays": delays,
        "days_late": days_late,
        "gathering": shown(subjects, "gathering"),
        "announced": shown(subjects, "announced"),
        "value_covers": results["values"].get(value.name) if value else None,
        "day": shown_day(subjects, "announced"),
        **_value_columns(value),
    }


def _put_parties(view: View, world: World) -> None:
    opened = view.last(events.DealAnnounced)
    if opened and put_parties(view, world, opened[1].parties) == 0:
        view.anomaly(AnomalyKind.NO_PARTIES, opened[0])


def _put_progress(view: View, world: World) -> DealCommitment:
    """Make the rows of how far the deal has come and of what is ordered; gives its commitment."""
    course = view.memory = Course()
    return _go_on(view, world, course, moments(view, world))


def _extend_progress(view: View, world: World) -> DealCommitment | None:
    """Go on from the events before, unless the last comes before one of them or a flag might have to go."""
    course: Course = view.memory
    found = moments_of(view.kept[-1], world)
    if view.anomalies or len(found) != 1 or not course.precedes(found[0]):
        return None
    return _go_on(view, world, course, found, view.kept[-1].content)


def _go_on(
    view: View, world: World, course: Course, found: Iterable[Moment], last: Content | None = None
) -> DealCommitment:
    for moment in found:
        course.take(view, moment)
    commitment = course.commitment or DealCommitment.ANNOUNCED
    _put_lines(view, course, last)
    _flag(view, world, commitment, course.progress)
    return commitment


def _value(subjects: Subjects) -> Subject | None:
    """The subject of the deal's value: the first basis found with a number, else one that is undisclosed."""
    undisclosed = None
    for name in _VALUES:
        subject = subjects.get(name)
        if subject is None or subject.shown is None:
            continue
        if not is_undisclosed(subject.shown.value):
            return subject
        undisclosed = undisclosed or subject
    return undisclosed


def _value_columns(value: Subject | None) -> dict[str, str | None]:
    money = value.value if value else None
    if value is None or not isinstance(money, Money):
        return {"value_key": ""}
    return {
        "value_subject": value.name,
        "value_currency": money.currency,
        "value_basis": money.basis,
        "value_number": money.digits,
        "value_key": number_key(money.digits),
        "value_low": money.low,
        "value_high": money.high,
        "verification": value.verification,
    }


def _put_values(view: View, _: World) -> dict[str, str | None]:
    """Make a row for each value reported; gives what each covers."""
    covers: dict[str, str | None] = {}
    for kept, report in view.live(terms.DealValueReported):
        subject = report.subjects()["money"]
        covers[subject] = report.covers
        view.put(
            "deal_value",
            subject,
            subject=subject,
            basis=report.money.basis,
            line=report.line,
            covers=report.covers,
            currency=report.money.currency,
            number=report.money.digits,
        )
        if report.money.basis is None:
            view.anomaly(AnomalyKind.VALUE_WITHOUT_BASIS, kept)
    return covers


def _put_lines(view: View, course: Course, last: Content | None = None) -> None:
    """Make the rows of what is ordered, or only those that the last event changes."""
    said = (content for _, content in view.live(terms.DealLineReported)) if last is None else (last,)
    for report in said:
        if isinstance(report, terms.DealLineReported):
            order, subject = course.report(report), report.subjects()["quantity"]
            view.put("line_report", subject, ord=order, line=report.key, commitment=report.commitment, subject=subject)
    only = last.key if isinstance(last, terms.DealLineReported) else getattr(last, "line", None)
    for order, (key, report) in enumerate(course.lines.items(), 1):
        if only is None or key == only:
            _put_line(view, course.progress, order, key, report)


def _put_line(view: View, progress: Progress, order: int, key: str, report: terms.DealLineReported) -> None:
    exercised, expired = progress.exercised.get(key, _NOUGHT), progress.expired.get(key, _NOUGHT)
    reported = progress.reported.get
    view.put(
        "line",
        key,
        ord=order,
        item=report.item,
        hs_code=report.hs_code,
        unit=report.quantity.unit,
        firm=_text(progress.firm.get(key)),
        open_options=_text(max(_NOUGHT, reported((key, LineCommitment.OPTION), _NOUGHT) - exercised - expired)),
        purchase_rights=_text(reported((key, LineCommitment.PURCHASE_RIGHT))),
        intended=_text(reported((key, LineCommitment.INTENDED))),
        not_stated=_text(reported((key, LineCommitment.NOT_STATED))),
        exercised=_text(exercised),
        expired=_text(expired),
        delivered=_text(progress.delivered.get(key, _NOUGHT)),
    )


def _text(number: Decimal | None) -> str | None:
    return None if number is None else format(number, "f")


def _put_owners(view: View, world: World) -> None:
    owners = {owner.party: (kept, Decimal(owner.percent)) for kept, owner in view.live(terms.OwnershipStated)}
    for _, owner in view.live(terms.OwnershipStated):
        party, subject = world.survivor(owner.party), f"ownership:{owner.party}"
        view.put("ownership", owner.party, party=party, percent=owner.percent, subject=subject)
    if sum((percent for _, percent in owners.values()), Decimal(0)) > 100:
        view.anomaly(AnomalyKind.OWNERSHIP_NOT_100_PERCENT, *(kept for kept, _ in owners.values()))


def _put_payments(view: View, world: World) -> None:
    for kept, paid in view.live(terms.PaymentMade):
        payer, payee = world.survivor(paid.payer), world.survivor(paid.payee)
        money, when = value_json(paid.money), kept.fact.occurred_on
        view.put("payment", kept.id, money=money, payer=payer, payee=payee, paid_on=when, event=kept.id)


def _put_goods(view: View, _: World) -> None:
    for kept, goods in view.live(terms.GoodsDelivered):
        quantity, when = value_json(goods.quantity), kept.fact.occurred_on
        view.put("goods_delivered", kept.id, line=goods.line, quantity=quantity, delivered_on=when, event=kept.id)


def _put_links(view: View, _: World) -> None:
    for kept, link in view.live(events.DealLinkedToAgreement):
        view.put("governed_by", link.agreement, agreement=link.agreement, event=kept.id)


def _put_conditions(view: View, _: World) -> None:
    met = {content.condition: kept for kept, content in view.live(terms.ConditionMet)}
    for kept, condition in view.live(terms.ConditionSet):
        meeting = met.get(condition.key)
        view.put(
            "condition",
            condition.key,
            statement=condition.statement,
            financing=condition.financing,
            met=meeting is not None,
            met_on=meeting.fact.occurred_on if meeting else None,
            event=kept.id,
        )


def _put_financings(view: View, world: World) -> None:
    committed = {content.financing: content for _, content in view.live(terms.FinancingCommitted)}
    lapsed = {content.financing for _, content in view.live(terms.FinancingLapsed)}
    for kept, offer in view.live(terms.FinancingOffered):
        taken = committed.get(offer.key)
        view.put(
            "financing",
            offer.key,
            financier=world.survivor(offer.financier),
            kind=offer.kind,
            status=_financing_status(offer, taken is not None, offer.key in lapsed),
            subject=f"financing:{offer.key}",
            valid_until=offer.valid_until,
            valid_until_day=(offer.valid_until.latest if offer.valid_until else None) or sort_day(None),
            committed_subject=f"committed:{offer.key}" if taken and taken.money else None,
            event=kept.id,
        )


def _financing_status(offer: terms.FinancingOffered, committed: bool, lapsed: bool) -> FinancingStatus:
    if lapsed:
        return FinancingStatus.LAPSED
    if committed:
        return FinancingStatus.COMMITTED
    return FinancingStatus.INTEREST if offer.kind is FinancingKind.INTEREST else FinancingStatus.OFFERED


_NO_SCHEDULE = (ScheduleStatus.UNKNOWN, 0, None)


def _put_schedule(view: View, world: World) -> tuple[ScheduleStatus, int, int | None]:
    """Make a row for each delivery planned; gives the deal's status, how often it slipped, and the most days."""
    moves: dict[str, list[terms.DeliveryRescheduled]] = {}
    for _, move in view.live(terms.DeliveryRescheduled):
        moves.setdefault(move.delivery, []).append(move)
    plans = {plan.key: plan for _, plan in view.live(terms.DeliveryScheduled)}
    unplanned = {key: terms.DeliveryScheduled(key=key) for key in moves if key not in plans}
    late = [_put_delivery(view, plan, moves.get(key, [])) for key, plan in (plans | unplanned).items()]
    delays, days = sum(count for count, _ in late), [days for count, days in late if count and days is not None]
    if not late:
        return _NO_SCHEDULE
    return (ScheduleStatus.DELAYED if delays else ScheduleStatus.ON_PLAN), delays, max(days, default=None)


def _put_delivery(
    view: View, plan: terms.DeliveryScheduled, moves: list[terms.DeliveryRescheduled]
) -> tuple[int, int | None]:
    periods = [period for period in (plan.period, *(move.period for move in moves)) if period is not None]
    slips = sum(_slipped(one, other) for one, other in pairwise(periods))
    days = _days_late(periods[0], periods[-1]) if len(periods) > 1 else None
    subject = next(iter(plan.subjects().values()))
    view.put(
        "delivery",
        plan.key,
        line=plan.line,
        statement=plan.statement,
        first_period=plan.period,
        period=periods[-1] if periods else None,
        moved=len(moves),
        days_late=days,
        status=ScheduleStatus.DELAYED if slips else ScheduleStatus.ON_PLAN,
        subject=subject,
        measure=kind_of(plan.period or plan.duration),
    )
    return slips, days


def _slipped(first: WorldDate, second: WorldDate) -> bool:
    return (second.latest or "") > (first.latest or "")


def _days_late(first: WorldDate, last: WorldDate) -> int | None:
    return days_between(first.latest, last.latest) if first.latest and last.latest else None


_ENDED = (DealCommitment.LAPSED, DealCommitment.CANCELLED, DealCommitment.TERMINATED, DealCommitment.SUPERSEDED)


def _flag(view: View, world: World, commitment: DealCommitment, progress: Progress) -> None:
    """Flag what looks wrong."""
    if progress.delivered:
        _flag_goods(view, world, progress)
    if commitment in _ENDED:
        _flag_after_end(view)


def _flag_goods(view: View, world: World, progress: Progress) -> None:
    signed = [world.agreement(link.agreement).signed_day for _, link in view.live(events.DealLinkedToAgreement)]
    first_signed = min((day for day in signed if day), default=None)
    for kept, goods in view.live(terms.GoodsDelivered):
        when = kept.fact.occurred_on
        if first_signed and when is not None and when.latest and when.latest < first_signed:
            view.anomaly(AnomalyKind.DELIVERED_BEFORE_SIGNED, kept)
        firm = progress.firm.get(goods.line)
        if firm and progress.delivered.get(goods.line, Decimal(0)) > firm:
            view.anomaly(AnomalyKind.DELIVERED_MORE_THAN_ORDERED, kept)


def _flag_after_end(view: View) -> None:
    ends = [kept for kept, _ in view.live(events.DealLapsed, events.DealCancelled, events.DealTerminated)]
    end = ends[0] if ends else None
    later: list[Kept] = [kept for kept, _ in view.live(terms.GoodsDelivered, terms.PaymentMade, terms.OptionExercised)]
    for kept in later:
        if end is not None and kept.fact.occurred_on is not None and kept.day > end.day:
            view.anomaly(AnomalyKind.EVENT_AFTER_END, kept, end)


_FINANCINGS = (terms.FinancingOffered, terms.FinancingCommitted, terms.FinancingLapsed)
_OTHERS = (
    terms.DealValueReported,
    terms.OwnershipStated,
    terms.DeliveryScheduled,
    terms.DeliveryRescheduled,
    terms.FinancingOffered,
    terms.FinancingCommitted,
)
_PROGRESS = tuple(event for event in Deal.events if event not in (*_OTHERS, *COMMON))

FOLD = Fold(
    (
        Part("parties", (events.DealAnnounced,), _put_parties),
        Part("values", (terms.DealValueReported,), _put_values, nothing={}),
        Part("progress", _PROGRESS, _put_progress, nothing=DealCommitment.ANNOUNCED, extend=_extend_progress),
        Part("conditions", (terms.ConditionSet, terms.ConditionMet), _put_conditions),
        Part("financings", _FINANCINGS, _put_financings),
        Part("owners", (terms.OwnershipStated,), _put_owners),
        Part("payments", (terms.PaymentMade,), _put_payments, single=True),
        Part("goods", (terms.GoodsDelivered,), _put_goods, single=True),
        Part("links", (events.DealLinkedToAgreement,), _put_links, single=True),
        Part("schedule", (terms.DeliveryScheduled, terms.DeliveryRescheduled), _put_schedule, nothing=_NO_SCHEDULE),
    ),
    _row,
    reads=(events.DealAnnounced,),
    shows=frozenset({"title", "kind", "gathering", "announced", "value"}),
)
