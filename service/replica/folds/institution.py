"""The fold of an institution and its status."""

from domain.codes import InstitutionStatus
from domain.fact import Content
from domain.institution import (
    InstitutionDissolved,
    InstitutionRenamed,
    MandateDefined,
    MinistryAnnounced,
    MinistryEstablished,
    OfficeholderAppointed,
)
from service.replica.claims import Subject
from service.replica.folds.common import label, shown
from service.replica.view import View, sort_day
from service.replica.world import World

_ACTS: dict[type[Content], str] = {
    MinistryAnnounced: "ANNOUNCED",
    MinistryEstablished: "ESTABLISHED",
    InstitutionRenamed: "RENAMED",
    InstitutionDissolved: "DISSOLVED",
}


def fold(view: View, world: World, subjects: dict[str, Subject]) -> None:
    """Make the rows of an institution."""
    _put_acts(view)
    for kept, content in view.live(MandateDefined):
        for topic in content.topics:
            view.put("mandate", f"{kept.id}/{topic}", topic=topic, legal_act=content.legal_act, event=kept.id)
    for kept, appointed in view.live(OfficeholderAppointed):
        when = kept.fact.occurred_on
        view.put(
            "officeholder", kept.id, person=appointed.person, office=appointed.office, appointed_on=when, event=kept.id
        )
    renamed, established = view.last(InstitutionRenamed), view.last(MinistryEstablished)
    opening = next((kept for kept, _ in view.live(MinistryAnnounced, MinistryEstablished)), None)
    view.put_noun(
        name=renamed[1].name if renamed else label(view, subjects, "name"),
        country=shown(subjects, "country"),
        status=_status(view),
        gathering=shown(subjects, "gathering"),
        predecessor=established[1].predecessor if established else None,
        day=sort_day(opening.fact.occurred_on if opening else None),
    )


def _put_acts(view: View) -> None:
    for kept, content in view.live(*_ACTS):
        view.put(
            "act",
            kept.id,
            kind=_ACTS[type(content)],
            occurred_on=kept.fact.occurred_on,
            subject=kept.fact.subject("occurred_on", kept.held.version),
            gathering=getattr(content, "gathering", None),
            body=getattr(content, "legal_act", None),
            statement=getattr(content, "statement", None),
            other=getattr(content, "predecessor", None),
            event=kept.id,
        )


def _status(view: View) -> InstitutionStatus:
    """Dissolved; operating if established with an officeholder or mandate; established; else announced."""
    if view.last(InstitutionDissolved):
        return InstitutionStatus.DISSOLVED
    if not view.last(MinistryEstablished):
        return InstitutionStatus.ANNOUNCED
    works = view.last(OfficeholderAppointed) is not None or view.last(MandateDefined) is not None
    return InstitutionStatus.OPERATING if works else InstitutionStatus.ESTABLISHED
