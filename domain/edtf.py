"""The subset of EDTF (ISO 8601-2:2019, levels 0 and 1) in which the record writes dates, and its strict bounds.

Accepted: a year, a season, a month, a day or an interval of these; `?`, `~` and `%` behind a date that is no season;
`..` or nothing for an open or unknown end; `X` for unspecified last digits of a year, a month or a day; years of four
digits. A season of level 1 (21 to 24, spring to winter) does not say of which half of the earth: it may be any day of
its year, and summer and winter run on to the end of March of the next. Source of the grammar: Library of Congress,
Extended Date/Time Format Specification.
"""

import calendar
import datetime
import re
from functools import lru_cache

LATEST = "9999-12-31"
LONGEST = 23
_EXAMPLES = "such as 2025-09-22, 2025-09, 2009/.., 2017~/2025 or 1984?"
_SEASON = re.compile(r"(?P<year>\d{4})-2(?P<season>[1-4])", re.ASCII)
_DATE = re.compile(r"(?P<year>\d{4}|\d{3}X|\d{2}XX|XXXX)(?:-(?P<month>\d\d|XX)(?:-(?P<day>\d\d|XX))?)?[?~%]?", re.ASCII)


@lru_cache(maxsize=65536)
def bounds(text: str) -> tuple[str | None, str | None]:
    """Earliest and latest day (YYYY-MM-DD) that the date may mean; None where open or unknown.

    Raises ValueError that says what is wrong.
    """
    if len(text) > LONGEST:
        raise ValueError(f"a date in EDTF has at most {LONGEST} characters")
    if "/" not in text:
        return _date(text)
    start, _, end = text.partition("/")
    if "/" in end:
        raise ValueError(f"{text!r} is not a date in EDTF, {_EXAMPLES}: it has more than one '/'")
    earliest, latest = _end(start)[0], _end(end)[1]
    if earliest is None and latest is None and {start, end} <= {"", ".."}:
        raise ValueError(f"{text!r} names no date on either side")
    if earliest is not None and latest is not None and earliest > latest:
        raise ValueError(f"{text!r} ends before it starts")
    return earliest, latest


def _end(text: str) -> tuple[str | None, str | None]:
    return (None, None) if text in ("", "..") else _date(text)


def _date(text: str) -> tuple[str | None, str | None]:
    if season := _SEASON.fullmatch(text):
        return _of_season(season["year"], runs_on=season["season"] in "24")
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a date in EDTF, {_EXAMPLES}")
    year, month, day = match["year"], match["month"], match["day"]
    if year == "XXXX" and month is None:
        return None, None
    if "X" in year and month is not None:
        raise ValueError(f"{text!r} gives a month of an unspecified year")
    if month == "XX" and day is not None and day != "XX":
        raise ValueError(f"{text!r} gives a day of an unspecified month")
    return _first(year, month, day), _last(year, month, day)


def _of_season(year: str, *, runs_on: bool) -> tuple[str, str]:
    runs_on = runs_on and year != LATEST[:4]
    return f"{year}-01-01", f"{int(year) + 1:04d}-03-31" if runs_on else f"{year}-12-31"


def _first(year: str, month: str | None, day: str | None) -> str:
    first_year = year.replace("X", "0")
    if month is None or month == "XX":
        return f"{first_year}-01-01"
    return _checked(first_year, month, "01" if day is None or day == "XX" else day)


def _last(year: str, month: str | None, day: str | None) -> str:
    last_year = year.replace("X", "9")
    if month is None or month == "XX":
        return f"{last_year}-12-31"
    if day is None or day == "XX":
        leap_year = 2000 if last_year == "0000" else int(last_year)
        return f"{last_year}-{month}-{calendar.monthrange(leap_year, int(month))[1]:02d}"
    return _checked(last_year, month, day)


def _checked(year: str, month: str, day: str) -> str:
    """The day, if the calendar has it (proleptic Gregorian; the year 0000 is a leap year)."""
    try:
        datetime.date(2000 if year == "0000" else int(year), int(month), int(day))
    except ValueError as error:
        raise ValueError(f"{year}-{month}-{day} is not in the calendar: {error}") from None
    return f"{year}-{month}-{day}"
