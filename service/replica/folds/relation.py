"""The fold of a relation."""

from typing import Any

from domain.codes import AnomalyKind, PartyRole
from domain.relation import IndicatorReported, RelationOpened
from domain.values import PartyRef
from service.replica.claimed_values import kind_of
from service.replica.folds.common import label, put_parties
from service.replica.part import Fold, Part, Results, Subjects
from service.replica.view import View
from service.replica.world import World


def _row(view: View, world: World, subjects: Subjects, _: Results) -> dict[str, Any]:
    return {"title": label(view, subjects)}


def _put_parties(view: View, world: World) -> None:
    for kept, opened in view.live(RelationOpened):
        if not opened.parties:
            view.anomaly(AnomalyKind.NO_PARTIES, kept)
        put_parties(view, world, (PartyRef(party=party, role=PartyRole.PARTNER) for party in opened.parties))


def _put_indicators(view: View, world: World) -> None:
    for _, report in view.live(IndicatorReported):
        subject = next(iter(report.subjects().values()))
        view.put(
            "indicator",
            subject,
            indicator=report.indicator,
            flow=report.flow,
            period=report.period,
            reporter=report.reporter,
            subject=subject,
            measure=kind_of(report.money or report.quantity),
        )


FOLD = Fold(
    (Part("parties", (RelationOpened,), _put_parties), Part("indicators", (IndicatorReported,), _put_indicators)), _row
)
