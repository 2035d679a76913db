"""The fold of an institution and its status."""

from typing import Any

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
from service.replica.folds.common import label, shown, shown_day
from service.replica.part import Fold, Part, Results, Subjects
from service.replica.view import View
from service.replica.world import World

_ACTS: dict[type[Content], str] = {
    MinistryAnnounced: "ANNOUNCED",
    MinistryEstablished: "ESTABLISHED",
    InstitutionRenamed: "RENAMED",
    InstitutionDissolved: "DISSOLVED",
}


def _row(view: View, world: World, subjects: Subjects, _: Results) -> dict[str, Any]:
    renamed, established = view.last(InstitutionRenamed), view.last(MinistryEstablished)
    return {
        "name": renamed[1].name if renamed else label(view, subjects, "name"),
        "country": shown(subjects, "country"),
        "status": _status(view),
        "gathering": shown(subjects, "gathering"),
        "predecessor": established[1].predecessor if established else None,
        "day": shown_day(subjects, "announced", "established"),
    }


def _put_mandate(view: View, _: World) -> None:
    for kept, content in view.live(MandateDefined):
        for topic in content.topics:
            view.put("mandate", f"{kept.id}/{topic}", topic=topic, legal_act=content.legal_act, event=kept.id)
        if not content.topics:
            view.put("mandate", f"{kept.id}/", legal_act=content.legal_act, event=kept.id)


def _put_officeholders(view: View, _: World) -> None:
    for kept, content in view.live(OfficeholderAppointed):
        when = kept.fact.occurred_on
        person, office = content.person, content.office
        view.put("officeholder", kept.id, person=person, office=office, appointed_on=when, event=kept.id)


def _put_acts(view: View, _: World) -> None:
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


FOLD = Fold(
    (
        Part("acts", tuple(_ACTS), _put_acts),
        Part("mandate", (MandateDefined,), _put_mandate),
        Part("officeholders", (OfficeholderAppointed,), _put_officeholders),
    ),
    _row,
)
