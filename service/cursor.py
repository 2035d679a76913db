"""Cursors: opaque texts that carry the record, the list or stream, a position and the keys last seen.

Form: 8 hex digits for the record, 8 for the list (field, order, filter) or stream, a dot, the position, a dot, the
keys as JSON in hex.
"""

import re
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

_FORM = re.compile(r"([0-9a-f]{8})([0-9a-f]{8})\.([0-9]{1,16})\.((?:[0-9A-F]{2})+)")
_GREATEST = 2**63 - 1


class BadCursor(ValueError):
    """A text that is no cursor of this record, or of another list; the message says which."""


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


def position_in(text: str, record: str) -> int:
    """The position that a cursor of the record was read at; 0 for what is none."""
    found = _FORM.fullmatch(text)
    return int(found[3]) if found is not None and found[1] == record else 0


def read_cursor(text: str, record: str, list_: str, keys: int) -> Cursor:
    """What a cursor says. Raises BadCursor."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise BadCursor("This is not a cursor: give one of `edges`, `pageInfo` or a message as it was answered.")
    if found[1] != record:
        raise BadCursor("This cursor comes from another record.")
    if found[2] != list_:
        raise BadCursor("This cursor comes from another list: the field, its order and its filter must be the same.")
    try:
        seen = orjson.loads(bytes.fromhex(found[4]))
    except ValueError:
        seen = None
    if not isinstance(seen, list) or len(seen) != keys or not all(map(_is_key, seen)):
        raise BadCursor("This cursor was altered.")
    return Cursor(int(found[3]), seen)


def _is_key(value: Any) -> bool:
    """Whether a row can have it as a key: a text, or a whole number of 64 bits."""
    return isinstance(value, str) or (isinstance(value, int) and -_GREATEST <= value <= _GREATEST)
