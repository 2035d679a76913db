"""The fold of a programme."""

from typing import Any

from domain.codes import AnomalyKind
from domain.programme import DealExcluded, DealIncluded, ProgrammeAnnounced, ProgrammeClosed, ProgrammeValueReported
from service.replica.folds.common import label, put_parties, shown_day
from service.replica.part import Fold, Part, Results, Subjects
from service.replica.view import View
from service.replica.world import World


def _row(view: View, world: World, subjects: Subjects, results: Results) -> dict[str, Any]:
    opened = view.last(ProgrammeAnnounced)
    return {
        "title": label(view, subjects),
        "gathering": opened[1].gathering if opened else None,
        "closed": view.last(ProgrammeClosed) is not None,
        "value_subject": results["values"],
        "day": shown_day(subjects, "announced"),
    }


def _put_parties(view: View, world: World) -> None:
    opened = view.last(ProgrammeAnnounced)
    if opened and put_parties(view, world, opened[1].parties) == 0:
        view.anomaly(AnomalyKind.NO_PARTIES, opened[0])


def _put_values(view: View, _: World) -> str | None:
    """Make a row for each value reported; gives the subject of the latest."""
    subject = None
    for kept, report in view.live(ProgrammeValueReported):
        subject = report.subjects()["money"]
        view.put(
            "programme_value",
            subject,
            subject=subject,
            basis=report.money.basis,
            period=report.period,
            duration=report.duration.words() if report.duration else None,
            covers=report.covers,
        )
        if report.money.basis is None:
            view.anomaly(AnomalyKind.VALUE_WITHOUT_BASIS, kept)
    return subject


def _put_deals(view: View, _: World) -> None:
    """Make a row for each deal included and not excluded since."""
    for kept, content in view.live(DealIncluded, DealExcluded):
        if isinstance(content, DealIncluded):
            view.put("inclusion", content.deal, deal=content.deal, certainty=content.certainty, event=kept.id)
        elif isinstance(content, DealExcluded):
            view.rows.pop(("inclusion", content.deal), None)


FOLD = Fold(
    (
        Part("parties", (ProgrammeAnnounced,), _put_parties),
        Part("values", (ProgrammeValueReported,), _put_values),
        Part("deals", (DealIncluded, DealExcluded), _put_deals),
    ),
    _row,
)
