"""Moments of the record as people write them on the command line: positions, times, and days, which are whole."""

import datetime
import re

from service.audit.state import NotThere
from service.log import Log

_EARLIEST = datetime.datetime(1, 1, 2, tzinfo=datetime.UTC)
"""Nothing was recorded by then, and there are times before it."""

_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


def last_position(log: Log, moment: str | None) -> int:
    """The last position up to a moment, the newest if none is given; a day counts to its end. Raises NotThere."""
    if moment is None:
        return log.head().position
    if moment.isdecimal():
        return int(moment)
    return log.position_at(_end(_time(moment), moment))


def first_position(log: Log, moment: str | None) -> int:
    """The first position from a moment on, the first of all if none is given. Raises NotThere."""
    if moment is None:
        return 1
    if moment.isdecimal():
        return max(int(moment), 1)
    return log.position_at((_time(moment) - datetime.timedelta(milliseconds=1)).isoformat()) + 1


def _time(moment: str) -> datetime.datetime:
    try:
        found = datetime.datetime.fromisoformat(moment)
        found = found.astimezone(datetime.UTC) if found.tzinfo else found.replace(tzinfo=datetime.UTC)
    except (ValueError, OverflowError):
        reason = f"{moment!r} is neither a position nor a time; write 150, 2026-01-31 or 2026-01-31T12:00:00Z"
        raise NotThere(reason) from None
    return max(found, _EARLIEST)


def _end(time: datetime.datetime, moment: str) -> str:
    """The time, or the end of the day if nothing but a day was written."""
    if _DAY.fullmatch(moment):
        time += datetime.timedelta(days=1, milliseconds=-1)
    return time.isoformat()
