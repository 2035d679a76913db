"""The fold of a gathering."""

from typing import Any

from domain.gathering import GatheringConvened
from service.replica.folds.common import label
from service.replica.part import Fold, Results, Subjects
from service.replica.view import View, sort_day
from service.replica.world import World


def _row(view: View, world: World, subjects: Subjects, _: Results) -> dict[str, Any]:
    opened = view.last(GatheringConvened)
    content = opened[1] if opened is not None else None
    period = content.period if content else None
    return {
        "name": label(view, subjects, "name"),
        "series": content.series if content else None,
        "session": content.session if content else None,
        "place": content.place if content else None,
        "period": period,
        "day": sort_day(period or (opened[0].fact.occurred_on if opened else None)),
    }


FOLD = Fold((), _row)
