"""The scalars of the API: what is written for each, what is accepted, and how Strawberry learns of them (`SCALARS`)."""

import re
from datetime import UTC, date, datetime
from typing import Any, NewType

import strawberry
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

Position = NewType("Position", int)
Date = NewType("Date", str)
DateTime = NewType("DateTime", str)
Decimal = NewType("Decimal", str)
EdtfDate = NewType("EdtfDate", str)

GREATEST = 2**53 - 1
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,29})(\.[0-9]{1,12})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def parse_position(value: Any) -> Position:
    """A position from JSON. Raises ValueError for anything but a whole number from 0 to 2^53-1."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= GREATEST:
        raise ValueError(f"a position is a whole number from 0 to {GREATEST}, not {_brief(value)}")
    return Position(value)


def parse_date(value: Any) -> Date:
    """A day of the calendar, YYYY-MM-DD. Raises ValueError."""
    text = _text(value, "a date is written YYYY-MM-DD")
    if not _DAY.fullmatch(text):
        raise ValueError(f"a date is written YYYY-MM-DD, not {_brief(value)}")
    date.fromisoformat(text)
    return Date(text)


def parse_moment(value: Any) -> DateTime:
    """A moment as the record writes them: UTC, milliseconds (what is finer is cut off). Raises ValueError."""
    text = _text(value, "a moment is written like 2026-01-31T12:00:00Z")
    if not _MOMENT.fullmatch(text):
        raise ValueError(f"a moment is written like 2026-01-31T12:00:00Z (RFC 3339), not {_brief(value)}")
    return DateTime(_utc(text))


def _utc(text: str) -> str:
    try:
        moment = datetime.fromisoformat(re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", text.upper())).astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text} is outside the calendar") from None
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z".rjust(24, "0")


def parse_decimal(value: Any) -> Decimal:
    """A decimal number as text, in plain notation. Raises ValueError, also for a JSON number: it could be rounded."""
    text = _text(value, 'a decimal is written as a text, such as "1.5"')
    if not _NUMBER.fullmatch(text):
        raise ValueError(f'a decimal is a plain number such as "1500.25", not {_brief(value)}')
    return Decimal(text)


def parse_edtf(value: Any) -> EdtfDate:
    """A text that the record will read as EDTF; what it cannot read it refuses itself, naming the field."""
    return EdtfDate(_text(value, "a date of the world is a text"))


def _text(value: Any, reason: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{reason}, not {_brief(value)}")
    return value


def _brief(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


SCALARS: dict[object, ScalarDefinition] = {
    Position: strawberry.scalar(
        name="Position",
        description="The place of an event in the record, counted from 1 without gaps: a JSON number up to 2^53-1.",
        serialize=int,
        parse_value=parse_position,
    ),
    Date: strawberry.scalar(
        name="Date",
        description="A day of the calendar, written YYYY-MM-DD.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
        serialize=str,
        parse_value=parse_date,
    ),
    DateTime: strawberry.scalar(
        name="DateTime",
        description="A moment, written like 2026-01-31T12:00:00.000Z: answered in UTC with milliseconds.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
        serialize=str,
        parse_value=parse_moment,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description='A decimal number as text, such as "1500.25", so that nothing rounds it.',
        serialize=str,
        parse_value=parse_decimal,
    ),
    EdtfDate: strawberry.scalar(
        name="EdtfDate",
        description=(
            "When something held or happened in the world, often imprecisely, as an EDTF text: "
            "2025-09-22, 2025-09, 2009/.., 2017~/2025, 1984?."
        ),
        specified_by_url="https://www.loc.gov/standards/datetime/",
        serialize=str,
        parse_value=parse_edtf,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value, in the names and forms that the record keeps (snake_case).",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=lambda value: value,
        parse_value=lambda value: value,
    ),
}
"""For `StrawberryConfig(scalar_map=SCALARS)`."""
