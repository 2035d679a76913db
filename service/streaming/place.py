"""The places of streams as clients hold them: the texts of cursors."""

import re
from functools import cache

import orjson

from service.cursor import BadCursor, list_mark, read_cursor, record_mark
from service.streaming.note import WHOLE, Place, whole

_LIST = list_mark("stream")
_POSITION = re.compile(r"[0-9]{1,16}")
_WHOLE = orjson.dumps([WHOLE, 0]).hex().upper()


@cache
def _start(record_id: str) -> str:
    return f"{record_mark(record_id)}{_LIST}."


def cursor_text(record_id: str, place: Place) -> str:
    """The cursor of a place."""
    position, key, change = place
    tail = _WHOLE if key == WHOLE else orjson.dumps([key, change]).hex().upper()
    return f"{_start(record_id)}{position}.{tail}"


def place_of(record_id: str, text: str) -> Place:
    """The place that a cursor, or a position written as text, names. Raises BadCursor."""
    if _POSITION.fullmatch(text):
        return whole(int(text))
    cursor = read_cursor(text, record_mark(record_id), _LIST, 2)
    key, change = cursor.keys
    if not isinstance(key, str) or not isinstance(change, int):
        raise BadCursor("This cursor was altered.")
    return (cursor.position, key, change)
