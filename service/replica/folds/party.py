"""The fold of a party."""

from typing import Any

from domain.party import PartyIdentified, PartyMerged, PartyRegistered, PartyRenamed, PartySucceeded
from service.replica.folds.common import label
from service.replica.part import Fold, Part, Results, Subjects
from service.replica.view import View
from service.replica.world import World


def _row(view: View, world: World, subjects: Subjects, _: Results) -> dict[str, Any]:
    opened, succeeded = view.last(PartyRegistered), view.last(PartySucceeded)
    content = opened[1] if opened is not None else None
    renamed, merged = view.last(PartyRenamed), view.last(PartyMerged)
    return {
        "kind": content.kind if content else "GROUPING",
        "name": renamed[1].name if renamed else label(view, subjects, "name"),
        "country": content.seat if content else None,
        "merged_into": world.survivor(view.id) if merged else None,
        "successor": world.survivor(succeeded[1].successor) if succeeded else None,
    }


def _put_identifiers(view: View, _: World) -> None:
    given = [one for _, content in view.live(PartyRegistered) for one in content.identifiers]
    given += [content.identifier for _, content in view.live(PartyIdentified)]
    for one in given:
        view.put("identifier", f"{one.scheme}/{one.value}", scheme=one.scheme, value=one.value)


def _put_names(view: View, _: World) -> None:
    """Make a row for each name that it went by."""
    for kept, content in view.live(PartyRegistered, PartyRenamed):
        assert isinstance(content, (PartyRegistered, PartyRenamed))
        view.put("party_name", kept.id, name=content.name, valid_from=kept.fact.occurred_on, event=kept.id)


FOLD = Fold(
    (
        Part("identifiers", (PartyRegistered, PartyIdentified), _put_identifiers, single=True),
        Part("names", (PartyRegistered, PartyRenamed), _put_names, single=True),
    ),
    _row,
)
