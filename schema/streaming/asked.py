"""What a subscription's arguments ask for: the filter, the place to begin at, the end; and the texts of cursors."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import orjson

from domain import codes
from domain.catalogue import CATALOGUE
from schema.errors import ErrorCode, Rejected, rejected
from schema.plan.cursor import list_mark, read_cursor, record_mark
from service.streaming import DealChange, Filter, Place, Until, whole
from service.streaming.note import WHOLE

_LIST = list_mark("stream")
_POSITION = re.compile(r"[0-9]{1,16}")
_WHOLE = orjson.dumps([WHOLE, 0]).hex().upper()
_MOST = 1000
"""The most names in one condition."""
_KINDS = frozenset(
    member.value for kind in (codes.DealKind, codes.AgreementKind, codes.PartyKind, codes.SourceKind) for member in kind
)
_CHANGES = {str(change): change for change in DealChange}


@cache
def _start(record_id: str) -> str:
    return f"{record_mark(record_id)}{_LIST}."


def cursor_text(record_id: str, place: Place) -> str:
    """The cursor of a place."""
    position, key, change = place
    tail = _WHOLE if key == WHOLE else orjson.dumps([key, change]).hex().upper()
    return f"{_start(record_id)}{position}.{tail}"


def place_of(record_id: str, text: str) -> Place:
    """The place that a cursor, or a position written as text, names. Raises ApiError with code BAD_CURSOR."""
    if _POSITION.fullmatch(text):
        return whole(int(text))
    cursor = read_cursor(text, record_mark(record_id), _LIST, 2)
    key, change = cursor.keys
    if not isinstance(key, str) or not isinstance(change, int):
        raise rejected(ErrorCode.BAD_CURSOR, "This cursor was altered.")
    return (cursor.position, key, change)


def filter_of(given: Mapping[str, Any] | None) -> Filter:
    """The filter of the argument `filter`. Raises Rejected for names that are none."""
    asked = dict(given or {})
    _check("type", asked.get("type"), CATALOGUE)
    _check("kind", asked.get("kind"), _KINDS)
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
