"""What a subscription's arguments ask for: the filter and the end."""

from collections.abc import Mapping
from typing import Any

from domain import codes
from domain.catalogue import CATALOGUE
from domain.values import broken
from schema.errors import ErrorCode, Rejected, rejected
from service.streaming import DealChange, Filter, Until

_MOST = 1000
"""The most names in one condition."""
_KINDS = frozenset(
    member.value for kind in (codes.DealKind, codes.AgreementKind, codes.PartyKind, codes.SourceKind) for member in kind
)
_CHANGES = {str(change): change for change in DealChange}


def filter_of(given: Mapping[str, Any] | None) -> Filter:
    """The filter of the argument `filter`. Raises Rejected for names that are none."""
    asked = dict(given or {})
    _check("type", asked.get("type"), CATALOGUE)
    _check("kind", asked.get("kind"), _KINDS)
    for country in asked.get("country") or ():
        if reason := broken("country", country):
            raise rejected(ErrorCode.INPUT, f"filter.country: {reason}.")
    return Filter(
        nouns=_names(asked, "noun"),
        ids=_names(asked, "id"),
        types=_names(asked, "type"),
        parties=_names(asked, "party"),
        countries=_names(asked, "country"),
        sectors=_names(asked, "sector"),
        kinds=_names(asked, "kind"),
        commitments=_names(asked, "commitment"),
        recorded_by=_names(asked, "recordedBy"),
        changes=frozenset(_CHANGES[str(each)] for each in _names(asked, "changes") or ()),
        corrections_only=bool(asked.get("correctionsOnly")),
    )


def _names(asked: Mapping[str, Any], name: str) -> frozenset[str] | None:
    values = asked.get(name)
    if values is None:
        return None
    if len(values) > _MOST:
        raise rejected(ErrorCode.INPUT, f"filter.{name}: {_MOST} names at most, not {len(values)}.")
    return frozenset(str(getattr(each, "value", each)) for each in values)


def _check(name: str, values: list[str] | None, known: Any) -> None:
    for each in values or ():
        if each not in known:
            raise _unknown(name, each)


def _unknown(name: str, value: str) -> Rejected:
    return rejected(ErrorCode.INPUT, f"filter.{name}: {value[:60]!r} is none.")


def until_of(given: Mapping[str, Any] | None) -> Until | None:
    """The end that the argument `until` names."""
    return Until(given.get("position"), given.get("time")) if given else None
