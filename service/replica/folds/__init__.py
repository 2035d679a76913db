"""One fold for each noun: pure functions from an object's events to its rows. None reads a clock or a database."""

from collections.abc import Callable

from service.replica.claims import Subject, put_claims
from service.replica.folds import (
    agreement,
    deal,
    gathering,
    institution,
    investment,
    party,
    programme,
    relation,
    source,
)
from service.replica.folds.common import put_common
from service.replica.folds.prose import put_prose
from service.replica.view import Rows, View
from service.replica.world import World

_FOLDS: dict[str, Callable[[View, World, dict[str, Subject]], None]] = {
    "source": source.fold,
    "party": party.fold,
    "institution": institution.fold,
    "gathering": gathering.fold,
    "agreement": agreement.fold,
    "deal": deal.fold,
    "investment": investment.fold,
    "relation": relation.fold,
    "programme": programme.fold,
}


def fold(view: View, world: World) -> Rows:
    """Every row of the object."""
    subjects = put_claims(view, world)
    put_common(view, subjects)
    _FOLDS[view.noun](view, world, subjects)
    put_prose(view)
    return view.rows
