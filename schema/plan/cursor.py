"""Cursors of lists: opaque texts that carry the record, the list's order and filter, a position and the keys last seen.

Form: 8 hex digits for the record, 8 for the list (field, order, filter), a dot, the position, a dot, the keys as JSON
in hex.
"""

import re
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from schema.errors import ApiError, ErrorCode

_FORM = re.compile(r"([0-9a-f]{8})([0-9a-f]{8})\.([0-9]{1,16})\.((?:[0-9A-F]{2})+)")


class Cursor(NamedTuple):
    """What a cursor says: the position that its page was read at, and the keys of its row."""

    position: int
    keys: list[Any]


def record_mark(record_id: str) -> str:
    """The part of a cursor that tells the record."""
    return blake2b(record_id.encode(), digest_size=4).hexdigest()


def list_mark(*parts: Any) -> str:
    """The part of a cursor that tells which list it belongs to: the field, the order, the filter."""
    return blake2b(orjson.dumps(parts, default=str), digest_size=4).hexdigest()


def read_cursor(text: str, record: str, list_: str, keys: int) -> Cursor:
    """What a cursor says. Raises an error with code BAD_CURSOR."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ApiError(
            ErrorCode.BAD_CURSOR, "This is no cursor: give one of `edges`, `pageInfo` or a message as it was answered."
        )
    if found[1] != record:
        raise ApiError(ErrorCode.BAD_CURSOR, "This cursor comes from another record.")
    if found[2] != list_:
        raise ApiError(
            ErrorCode.BAD_CURSOR,
            "This cursor comes from another list: the field, its order and its filter must be the same.",
        )
    try:
        seen = orjson.loads(bytes.fromhex(found[4]))
    except ValueError:
        seen = None
    if not isinstance(seen, list) or len(seen) != keys or not all(isinstance(each, (str, int)) for each in seen):
        raise ApiError(ErrorCode.BAD_CURSOR, "This cursor was altered.")
    return Cursor(int(found[3]), seen)
