"""Claimed values: which exclude each other, and how each reads as text and JSON."""

from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from domain.codes import Code, Modifier
from domain.fact import Fact
from domain.values import Interval, Money, SectorShare, Stated, StatedQuantity, WorldDate

_ENCODER = msgspec.json.Encoder(order="sorted")


def field_of(fact: Fact, name: str) -> Any:
    """The value of a top-level field on disk; None if absent, empty or UNKNOWN: who does not say claims nothing."""
    if name == "occurred_on":
        return fact.occurred_on
    value = fact.sources if name == "sources" else getattr(fact.content, name, None)
    if name == "percent" and isinstance(value, str):
        return StatedQuantity(low=value, high=value, unit="percent")
    return None if value == () or value == "UNKNOWN" else value


def alike(one: Any, other: Any) -> bool:
    """Whether one claim supports the other: stated values that can both be true, texts that are the same."""
    if isinstance(one, (Stated, WorldDate)):
        return type(one) is type(other) and not conflicting(one, other)
    return text_of(one).casefold() == text_of(other).casefold()


def conflicting(one: Any, other: Any) -> bool:
    """Whether two values of one subject exclude each other: bounds that do not overlap, or codes that differ."""
    if isinstance(one, WorldDate) and isinstance(other, WorldDate):
        return _apart(one, other)
    if isinstance(one, Stated) and isinstance(other, Stated):
        first, second = one.interval(), other.interval()
        return _unit(one) == _unit(other) and first is not None and second is not None and not first.overlaps(second)
    if isinstance(one, (Code, bool, int)) and isinstance(other, (Code, bool, int)):
        return one != other and "UNKNOWN" not in (one, other)
    return is_id(one) and is_id(other) and one != other


def _apart(one: WorldDate, other: WorldDate) -> bool:
    later = one.earliest is not None and other.latest is not None and one.earliest > other.latest
    earlier = one.latest is not None and other.earliest is not None and one.latest < other.earliest
    return later or earlier


def _unit(value: Stated) -> str | None:
    return getattr(value, "unit", None) or getattr(value, "currency", None)


def is_id(value: Any) -> bool:
    """Whether a value is the id of an object."""
    noun, colon, key = str(value).partition(":")
    return bool(colon and key) and noun.isalpha() and " " not in str(value)


def kind_of(value: Any) -> str:
    """What a claimed value is: MONEY, QUANTITY, DATE or TEXT."""
    if isinstance(value, Money):
        return "MONEY"
    return "QUANTITY" if isinstance(value, StatedQuantity) else "DATE" if isinstance(value, WorldDate) else "TEXT"


def text_of(value: Any) -> str:
    """A claimed value in words."""
    if isinstance(value, tuple):
        return ", ".join(text_of(item) for item in value)
    return value.code if isinstance(value, SectorShare) else str(value)


class Said(NamedTuple):
    """A claimed value as it is written: what it is, in words, and as JSON; no words and no JSON for no value."""

    kind: str
    text: str | None
    json: str | None


_NOTHING = Said("TEXT", None, None)


def say(value: Any) -> Said:
    """The value as it is written."""
    if isinstance(value, (Stated, WorldDate, Code)):
        return _say_again(value)
    if value is None:
        return _NOTHING
    text = text_of(value)
    return Said("TEXT", text, _ENCODER.encode({"text": text}).decode())


@lru_cache(maxsize=16384, typed=True)
def _say_again(value: Stated | WorldDate | Code) -> Said:
    """The same of values that repeat: numbers, dates and codes."""
    return Said(kind_of(value), str(value), value_json(value))


def value_json(value: Any) -> str:
    """A claimed value as JSON, with its computed bounds."""
    return _ENCODER.encode(_shape(value)).decode()


def _shape(value: Any) -> dict[str, Any]:
    if isinstance(value, WorldDate):
        return {"edtf": str(value), "earliest": value.earliest, "latest": value.latest}
    if isinstance(value, Stated):
        bounds = _bounds(value)
        return {name: item for name, item in vars(value).items() if item is not None} | bounds
    return {"text": text_of(value)}


def _bounds(value: Stated) -> dict[str, str | None]:
    """The computed bounds of a stated number as plain decimals."""
    modifier, low, high = value.modifier, value.low, value.high
    if modifier in _WIDENED:
        interval = value.interval() or Interval(None, None)
        least, most = (None if bound is None else format(bound, "f") for bound in interval)
    elif modifier is Modifier.UNDISCLOSED:
        least, most = None, None
    else:
        least = None if modifier is Modifier.UP_TO else low or high
        most = None if modifier in _WITHOUT_END else high or low
    return {"at_least": _shortest(least), "at_most": _shortest(most)}


_WITHOUT_END = (Modifier.OVER, Modifier.AT_LEAST)
_WIDENED = (Modifier.APPROXIMATELY, Modifier.ESTIMATED, Modifier.NEARLY)


def _shortest(number: str | None) -> str | None:
    """A plain decimal without noughts at its end that say nothing."""
    return number.rstrip("0").rstrip(".") if number is not None and "." in number else number


def is_undisclosed(value: Any) -> bool:
    """Whether a stated value has no number."""
    return isinstance(value, Stated) and value.modifier is Modifier.UNDISCLOSED
