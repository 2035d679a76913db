"""The fold of a source."""

from typing import Any

from domain.source import SourceArchived, SourceRegistered, SourceWithdrawn
from service.replica.folds.common import label
from service.replica.part import Fold, Results, Subjects
from service.replica.view import View, sort_day
from service.replica.world import World


def _row(view: View, world: World, subjects: Subjects, _: Results) -> dict[str, Any]:
    opened = view.last(SourceRegistered)
    content = opened[1] if opened is not None else None
    archived, withdrawn = view.last(SourceArchived), view.last(SourceWithdrawn)
    return {
        "kind": content.kind if content else "AGGREGATOR",
        "title": label(view, subjects),
        "url": content.url if content else None,
        "publisher": content.publisher if content else None,
        "author": content.author if content else None,
        "published_on": content.published_on if content else None,
        "language": content.language if content else None,
        "content_hash": content.content_hash if content else None,
        "derived_from": content.derived_from if content else None,
        "origin": world.source(view.id).origin,
        "withdrawn": withdrawn is not None,
        "withdrawn_reason": withdrawn[1].reason if withdrawn else None,
        "archived_url": archived[1].url if archived else None,
        "day": sort_day(content.published_on if content else None),
    }


FOLD = Fold((), _row)
