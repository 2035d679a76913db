"""What a subscription's arguments ask for: the filter and the end."""

from collections.abc import Callable, Mapping
from typing import Any

from domain.catalogue import CATALOGUE
from domain.codes import AgreementKind, DealKind, PartyKind, SourceKind
from domain.values import NOUNS, broken
from schema.errors import ErrorCode, rejected
from service.streaming import DealChange, Filter, Kind, Until
from service.streaming.filter import Names
from service.streaming.happening import DEALS

_MOST = 1000
"""The most names in one condition."""
_CHANGES = {str(change): change for change in DealChange}
_NOUNS = {Kind.EVENTS: frozenset(NOUNS), Kind.DEALS: DEALS}
_KINDS = {
    Kind.EVENTS: frozenset(each.value for codes in (DealKind, AgreementKind, PartyKind, SourceKind) for each in codes),
    Kind.DEALS: frozenset(each.value for codes in (DealKind, AgreementKind) for each in codes),
}


def filter_of(stream: Kind, given: Mapping[str, Any] | None) -> Filter:
    """The filter of the argument `filter`. Raises Rejected for names that the stream can never tell of."""
    asked = dict(given or {})
    changes = _names(asked, "changes")
    filter = Filter(
        nouns=_names(asked, "noun"),
        ids=_names(asked, "id"),
        types=_names(asked, "type"),
        parties=_names(asked, "party"),
        countries=_names(asked, "country"),
        sectors=_names(asked, "sector"),
        kinds=_names(asked, "kind"),
        commitments=_names(asked, "commitment"),
        recorded_by=_names(asked, "recordedBy"),
        changes=None if changes is None else frozenset(_CHANGES[each] for each in changes),
        corrections_only=bool(asked.get("correctionsOnly")),
    )
    _check_names(stream, filter)
    return filter


def _check_names(stream: Kind, filter: Filter) -> None:
    """A slip of the pen must not look like a stream in which nothing happens."""
    nouns, kinds = _NOUNS[stream], _KINDS[stream]
    told = "" if stream is Kind.EVENTS else "; newDeals tells of deals, agreements and investments alone"
    _check("noun", filter.nouns, nouns.__contains__, f"is not told of{told}")
    _check("id", filter.ids, lambda id: _noun(id) in nouns, f"is no id such as deal:uz-boeing-787{told}")
    _check("party", filter.parties, lambda id: _noun(id) == "party", "is no id such as party:uz-airways")
    _check("type", filter.types, CATALOGUE.__contains__, "is no event; their names are such as AgreementSigned")
    _check("kind", filter.kinds, kinds.__contains__, f"is none{told}")
    for country in filter.countries or ():
        if reason := broken("country", country):
            raise rejected(ErrorCode.INPUT, f"filter.country: {reason}.")


def _check(name: str, values: Names, holds: Callable[[str], bool], otherwise: str) -> None:
    strange = next((each for each in sorted(values or ()) if not holds(each)), None)
    if strange is not None:
        raise rejected(ErrorCode.INPUT, f"filter.{name}: {strange[:60]!r} {otherwise}.")


def _noun(id: str) -> str | None:
    """The noun of an id; None of what is none."""
    noun, _, key = id.partition(":")
    return noun if key and "@" not in key else None


def _names(asked: Mapping[str, Any], name: str) -> Names:
    values = asked.get(name)
    if values is None:
        return None
    if len(values) > _MOST:
        raise rejected(ErrorCode.INPUT, f"filter.{name}: {_MOST} names at most, not {len(values)}.")
    return frozenset(str(getattr(each, "value", each)) for each in values)


def until_of(given: Mapping[str, Any] | None) -> Until | None:
    """The end that the argument `until` names."""
    return Until(given.get("position"), given.get("time")) if given else None
