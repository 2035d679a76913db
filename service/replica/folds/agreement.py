"""The fold of an agreement: its status, the acts of its parties, and what looks wrong in their order."""

from collections.abc import Iterable
from typing import Any

from domain import agreement as events
from domain.codes import AgreementStatus, AnomalyKind, PartyRole
from domain.fact import Content
from domain.values import PartyRef
from service.replica.folds.common import label, put_parties, shown, shown_day
from service.replica.part import Fold, Part, Results, Subjects
from service.replica.view import Kept, View
from service.replica.world import World, binding_of

_ACTS: dict[type[Content], str] = {
    events.AgreementAnnounced: "ANNOUNCED",
    events.AgreementAdopted: "ADOPTED",
    events.AgreementSigned: "SIGNED",
    events.AgreementApproved: "APPROVED",
    events.AgreementRatified: "RATIFIED",
    events.AgreementAccededTo: "ACCEDED_TO",
    events.AgreementWithdrawnFrom: "WITHDRAWN_FROM",
    events.AgreementEnteredIntoForce: "ENTERED_INTO_FORCE",
    events.AgreementAmended: "AMENDED",
    events.AgreementExtended: "EXTENDED",
    events.AgreementSuspended: "SUSPENDED",
    events.AgreementTerminated: "TERMINATED",
    events.AgreementLapsed: "LAPSED",
    events.AgreementSuperseded: "SUPERSEDED",
}
"""What each event is called as an act."""

_STATUS: dict[type[Content], AgreementStatus] = {
    events.AgreementAdopted: AgreementStatus.ADOPTED,
    events.AgreementSigned: AgreementStatus.SIGNED,
    events.AgreementEnteredIntoForce: AgreementStatus.IN_FORCE,
    events.AgreementExtended: AgreementStatus.IN_FORCE,
    events.AgreementSuspended: AgreementStatus.SUSPENDED,
    events.AgreementTerminated: AgreementStatus.TERMINATED,
    events.AgreementLapsed: AgreementStatus.LAPSED,
    events.AgreementSuperseded: AgreementStatus.SUPERSEDED,
}
_RANKS = {status: rank for rank, status in enumerate(AgreementStatus)}
_RESUMES = (events.AgreementEnteredIntoForce, events.AgreementExtended)


def _row(view: View, world: World, subjects: Subjects, _: Results) -> dict[str, Any]:
    dates = ("signed",) if view.last(events.AgreementSigned) else ("announced", "adopted")
    return {
        "title": label(view, subjects),
        "kind": shown(subjects, "kind") or "UNKNOWN",
        "binding": binding_of(view),
        "status": status_of(view),
        "gathering": shown(subjects, "gathering"),
        "day": shown_day(subjects, *dates),
    }


def _put_parties(view: View, world: World) -> None:
    if put_parties(view, world, _parties(view)) == 0 and not view.retracted:
        view.anomaly(AnomalyKind.NO_PARTIES, *view.kept[:1])


def _put_acts(view: View, world: World) -> None:
    for kept, content in view.live(*_ACTS):
        _put_act(view, world, kept, content)
    _flag_order(view)


def _parties(view: View) -> Iterable[PartyRef]:
    """Everybody that an opening event names, and the signatories and parties of single acts among them."""
    for _, content in view.live(*_ACTS):
        yield from getattr(content, "parties", ())
        for signatory in getattr(content, "signatories", ()):
            yield PartyRef(party=signatory, role=PartyRole.SIGNATORY)
        if isinstance(content, (events.AgreementRatified, events.AgreementAccededTo)):
            yield PartyRef(party=content.party, role=PartyRole.PARTNER)


def _put_act(view: View, world: World, kept: Kept, content: Content) -> None:
    view.put(
        "act",
        kept.id,
        kind=_ACTS[type(content)],
        occurred_on=kept.fact.occurred_on,
        subject=kept.fact.subject("occurred_on", kept.held.version),
        party=world.survivor(getattr(content, "party", None)),
        place=getattr(content, "place", None),
        gathering=getattr(content, "gathering", None),
        body=getattr(content, "body", None),
        provisional=getattr(content, "provisional", None),
        statement=getattr(content, "statement", None),
        other=getattr(content, "by", None),
        event=kept.id,
    )


def status_of(view: View) -> AgreementStatus:
    """How far it has come, its acts taken in the order of the world; an end stands whatever follows it."""
    status = AgreementStatus.ANNOUNCED
    for _, content in sorted(view.live(*_STATUS), key=lambda pair: (pair[0].day, pair[0].position)):
        reached = _STATUS[type(content)]
        ended = _RANKS[status] > _RANKS[AgreementStatus.SUSPENDED]
        resumed = status is AgreementStatus.SUSPENDED and isinstance(content, _RESUMES)
        if isinstance(content, events.AgreementExtended) and status in (
            AgreementStatus.ANNOUNCED,
            AgreementStatus.ADOPTED,
        ):
            continue
        if not ended and (resumed or _RANKS[reached] > _RANKS[status]):
            status = reached
    return status


def _flag_order(view: View) -> None:
    """Flag acts that came before what must come first."""
    signed, force = view.last(events.AgreementSigned), view.last(events.AgreementEnteredIntoForce)
    ended = view.last(events.AgreementTerminated)
    if signed and force and not force[1].provisional and _before(force[0], signed[0]):
        view.anomaly(AnomalyKind.IN_FORCE_BEFORE_SIGNED, force[0], signed[0])
    if ended and force and _before(ended[0], force[0]):
        view.anomaly(AnomalyKind.TERMINATED_BEFORE_IN_FORCE, ended[0], force[0])


def _before(first: Kept, second: Kept) -> bool:
    """Whether the first surely happened before the second."""
    one, other = first.fact.occurred_on, second.fact.occurred_on
    return bool(one and other and one.latest and other.earliest and one.latest < other.earliest)


FOLD = Fold((Part("parties", tuple(_ACTS), _put_parties), Part("acts", tuple(_ACTS), _put_acts)), _row)
