"""The fold of a source."""

from domain.source import SourceArchived, SourceRegistered, SourceWithdrawn
from service.replica.claims import Subject
from service.replica.folds.common import label
from service.replica.view import View, sort_day
from service.replica.world import World


def fold(view: View, world: World, subjects: dict[str, Subject]) -> None:
    """Make the rows of a source."""
    opened = view.last(SourceRegistered)
    content = opened[1] if opened is not None else None
    archived, withdrawn = view.last(SourceArchived), view.last(SourceWithdrawn)
    view.put_noun(
        kind=content.kind if content else "AGGREGATOR",
        title=label(view, subjects),
        url=content.url if content else None,
        publisher=content.publisher if content else None,
        author=content.author if content else None,
        published_on=content.published_on if content else None,
        language=content.language if content else None,
        content_hash=content.content_hash if content else None,
        derived_from=content.derived_from if content else None,
        origin=world.source(view.id).origin,
        withdrawn=withdrawn is not None,
        withdrawn_reason=withdrawn[1].reason if withdrawn else None,
        archived_url=archived[1].url if archived else None,
        day=sort_day(content.published_on if content else None),
    )
