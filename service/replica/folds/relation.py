"""The fold of a relation."""

from domain.codes import PartyRole
from domain.relation import IndicatorReported, RelationOpened
from domain.values import PartyRef
from service.replica.claims import Subject, kind_of
from service.replica.folds.common import label, put_parties
from service.replica.view import View
from service.replica.world import World


def fold(view: View, world: World, subjects: dict[str, Subject]) -> None:
    """Make the rows of a relation."""
    for _, opened in view.live(RelationOpened):
        put_parties(view, world, (PartyRef(party=party, role=PartyRole.PARTNER) for party in opened.parties))
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
    view.put_noun(title=label(view, subjects))
