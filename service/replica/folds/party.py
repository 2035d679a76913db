"""The fold of a party."""

from domain.party import PartyIdentified, PartyMerged, PartyRegistered, PartyRenamed, PartySucceeded
from service.replica.claims import Subject
from service.replica.folds.common import label
from service.replica.view import View
from service.replica.world import World


def fold(view: View, world: World, subjects: dict[str, Subject]) -> None:
    """Make the rows of a party."""
    opened, succeeded = view.last(PartyRegistered), view.last(PartySucceeded)
    content = opened[1] if opened is not None else None
    _put_identifiers(view)
    name = _put_names(view, label(view, subjects, "name"))
    merged = view.last(PartyMerged) is not None
    view.put_noun(
        kind=content.kind if content else "GROUPING",
        name=name,
        country=content.seat if content else None,
        merged_into=world.survivor(view.id) if merged else None,
        successor=world.survivor(succeeded[1].successor) if succeeded else None,
    )


def _put_identifiers(view: View) -> None:
    given = [one for _, content in view.live(PartyRegistered) for one in content.identifiers]
    given += [content.identifier for _, content in view.live(PartyIdentified)]
    for one in given:
        view.put("identifier", f"{one.scheme}/{one.value}", scheme=one.scheme, value=one.value)


def _put_names(view: View, first: str) -> str:
    """Make a row for each name that it went by; gives the present one."""
    name = first
    for kept, content in view.live(PartyRegistered, PartyRenamed):
        name = content.name if isinstance(content, PartyRenamed) else first
        view.put("party_name", kept.id, name=name, valid_from=kept.fact.occurred_on, event=kept.id)
    return name
