"""The fold of a gathering."""

from domain.gathering import GatheringConvened
from service.replica.claims import Subject
from service.replica.folds.common import label
from service.replica.view import View, sort_day
from service.replica.world import World


def fold(view: View, world: World, subjects: dict[str, Subject]) -> None:
    """Make the row of a gathering."""
    opened = view.last(GatheringConvened)
    content = opened[1] if opened is not None else None
    period = content.period if content else None
    view.put_noun(
        name=label(view, subjects, "name"),
        series=content.series if content else None,
        session=content.session if content else None,
        place=content.place if content else None,
        period=period,
        day=sort_day(period or (opened[0].fact.occurred_on if opened else None)),
    )
