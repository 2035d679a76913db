"""One fold for each noun: pure functions from an object's events to its rows. None reads a clock or a database."""

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
from service.replica.part import Fold

FOLDS: dict[str, Fold] = {
    "source": source.FOLD,
    "party": party.FOLD,
    "institution": institution.FOLD,
    "gathering": gathering.FOLD,
    "agreement": agreement.FOLD,
    "deal": deal.FOLD,
    "investment": investment.FOLD,
    "relation": relation.FOLD,
    "programme": programme.FOLD,
}
