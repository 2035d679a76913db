"""World dates: the accepted subset of EDTF held against the PyPI package `edtf`, an independent reader."""

import calendar
import datetime
import re
import time
from typing import Any

import pytest
from edtf import parse_edtf
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domain.edtf import bounds
from domain.values import WorldDate

QUALIFIERS = st.sampled_from(["", "?", "~", "%"])
YEARS = st.integers(1, 9999).map("{:04d}".format)
DAYS = st.dates().map(datetime.date.isoformat)
MONTHS = DAYS.map(lambda day: day[:7])
UNSPECIFIED = st.one_of(
    YEARS.map(lambda year: year[:3] + "X"),
    YEARS.map(lambda year: year[:2] + "XX"),
    YEARS.map(lambda year: year + "-XX"),
    YEARS.map(lambda year: year + "-XX-XX"),
    MONTHS.map(lambda month: month + "-XX"),
)
SPECIFIED = st.builds(str.__add__, st.one_of(YEARS, MONTHS, DAYS), QUALIFIERS)
DATES = st.builds(str.__add__, st.one_of(YEARS, MONTHS, DAYS, UNSPECIFIED), QUALIFIERS)
NO_BOUND = {"", "..", *(f"XXXX{qualifier}" for qualifier in ("", "?", "~", "%"))}
SEASON = re.compile("-2[1-4]($|/)")
"""Seasons have no bounds that anybody agrees on; the library takes those of the northern half of the earth."""
NEARLY_DATES = st.text("0123456789X-/.?~%", max_size=14) | st.builds(
    lambda text, at, letter: text[:at] + letter + text[at + 1 :],
    DATES,
    st.integers(0, 10),
    st.sampled_from([*"0129X-/.?~%", ""]),
)


def read_by_the_library(text: str) -> tuple[str | None, str | None]:
    """Strict bounds as the package computes them; None where it has no bound."""
    parsed: Any = parse_edtf(text)
    return _day(parsed.lower_strict()), _day(parsed.upper_strict())


def _day(moment: time.struct_time | float) -> str | None:
    if isinstance(moment, float):
        return None
    return f"{moment.tm_year:04d}-{moment.tm_mon:02d}-{moment.tm_mday:02d}"


@given(DATES)
def test_a_date_has_the_bounds_that_the_library_computes(text: str) -> None:
    assert bounds(text) == read_by_the_library(text)


@given(SPECIFIED, SPECIFIED)
def test_an_interval_has_the_bounds_that_the_library_computes(start: str, end: str) -> None:
    earliest, latest = read_by_the_library(f"{start}/{end}")
    assert earliest is not None and latest is not None
    if earliest <= latest:
        assert bounds(f"{start}/{end}") == (earliest, latest)
    else:
        with pytest.raises(ValueError, match="ends before it starts"):
            bounds(f"{start}/{end}")


@given(SPECIFIED)
def test_an_open_end_has_no_bound(text: str) -> None:
    assert bounds(f"{text}/..") == read_by_the_library(f"{text}/..") == (bounds(text)[0], None)
    assert bounds(f"../{text}") == read_by_the_library(f"../{text}") == (None, bounds(text)[1])


@given(SPECIFIED)
def test_an_unknown_end_has_no_bound_and_the_library_agrees_on_the_other(text: str) -> None:
    assert bounds(f"{text}/") == (read_by_the_library(f"{text}/")[0], None)
    assert bounds(f"/{text}") == (None, read_by_the_library(f"/{text}")[1])


@settings(max_examples=3 * settings().max_examples)
@given(NEARLY_DATES)
def test_what_is_accepted_is_made_of_dates_that_the_library_reads_the_same_way(text: str) -> None:
    try:
        earliest, latest = bounds(text)
    except ValueError:
        return
    assume(not SEASON.search(text))
    start, _, end = text.partition("/")
    end = end if "/" in text else start
    assert earliest == (None if start in NO_BOUND else read_by_the_library(start)[0])
    assert latest == (None if end in NO_BOUND else read_by_the_library(end)[1])


@given(DATES, DATES)
def test_an_interval_runs_from_the_earliest_of_its_start_to_the_latest_of_its_end(one: str, other: str) -> None:
    start, end = sorted((one, other), key=lambda text: (bounds(text)[0] or "", bounds(text)[1] or ""))
    if (bounds(start)[0] or "") <= (bounds(end)[1] or ""):
        assert bounds(f"{start}/{end}") == (bounds(start)[0], bounds(end)[1])


@given(DATES)
def test_the_bounds_are_days_of_the_calendar_in_order(text: str) -> None:
    earliest, latest = bounds(text)
    assert earliest is not None and latest is not None
    assert datetime.date.fromisoformat(max(earliest, "0001-01-01")) <= datetime.date.fromisoformat(latest)


@given(DATES, QUALIFIERS)
def test_a_qualifier_widens_nothing(text: str, qualifier: str) -> None:
    plain = text.rstrip("?~%")
    assert bounds(plain + qualifier) == bounds(plain)


@given(DATES)
def test_a_world_date_keeps_the_text_as_it_was_written(text: str) -> None:
    date = WorldDate(text)
    assert date == text
    assert (date.earliest, date.latest) == bounds(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-09-22", ("2025-09-22", "2025-09-22")),
        ("2025-09", ("2025-09-01", "2025-09-30")),
        ("2009/..", ("2009-01-01", None)),
        ("2017~/2025", ("2017-01-01", "2025-12-31")),
        ("1984?", ("1984-01-01", "1984-12-31")),
        ("2024-02-XX", ("2024-02-01", "2024-02-29")),
        ("1900-02", ("1900-02-01", "1900-02-28")),
        ("0000-02-29", ("0000-02-29", "0000-02-29")),
        ("9999", ("9999-01-01", "9999-12-31")),
        ("XXXX", (None, None)),
        ("2025-09/2025-09-22", ("2025-09-01", "2025-09-22")),
        ("2025-21", ("2025-01-01", "2025-12-31")),
        ("2025-24", ("2025-01-01", "2026-03-31")),
        ("9999-22", ("9999-01-01", "9999-12-31")),
        ("2025-22/2025-23", ("2025-01-01", "2025-12-31")),
        ("2009/2025-24", ("2009-01-01", "2026-03-31")),
    ],
)
def test_dates_of_the_domain_mean_what_it_says(text: str, expected: tuple[str | None, str | None]) -> None:
    assert bounds(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "2025-9",
        "25-09-22",
        "2025-13",
        "2025-00",
        "2025-02-30",
        "2025-09-22\n",
        " 2025",
        "2025-09-22T10:00:00Z",
        "٢٠٢٥",
        "-0044",
        "Y170000002",
        "2025-20",
        "2025-25",
        "2025-21?",
        "2025-21-05",
        "202X-21",
        "2025?-09",
        "..",
        "/",
        "../..",
        "2025/2026/2027",
        "2026/2025",
        "2025-09-22/2025-09-21",
        "201X-05",
        "2025-XX-01",
        "next year",
        "9" * 100_000,
    ],
)
def test_what_is_no_date_of_the_subset_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        WorldDate(text)


@pytest.mark.parametrize("year", [1600, 1700, 1900, 2000, 2023, 2024])
def test_february_ends_with_the_calendar(year: int) -> None:
    last = f"{year}-02-{calendar.monthrange(year, 2)[1]}"
    assert bounds(f"{year}-02") == bounds(f"{year}-02-XX") == (f"{year}-02-01", last)
    with pytest.raises(ValueError, match="not in the calendar"):
        bounds(f"{year}-02-{calendar.monthrange(year, 2)[1] + 1}")
