"""The shape of a fact's JSON: keys that its types do not know, and what storage would drop, bend or choke on."""

import dataclasses
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, get_args, get_type_hints

import msgspec

from domain.fact import Content, Fact
from domain.values import PATTERNS

DEEPEST = 32
"""Levels of nesting; the deepest event needs six."""

LARGEST = 2**53 - 1
"""The largest whole number that every reader of JSON takes (RFC 7493)."""

_BLANK = re.compile(r"\s+")
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_NOT_TEXT = "a text holds Unicode characters, without NUL and halves of pairs"


_LENGTH = re.compile(r"Expected `str` of length ([<>])= (\d+)")
_KIND = re.compile(r"Expected `([a-z |]+)`, got `([a-z]+)`")
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_KINDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}


def in_words(error: msgspec.ValidationError) -> tuple[str, str]:
    """Where in a fact a value does not fit, and why, for people; the path is empty where the library names none."""
    reason, _, path = str(error).partition(" - at `$.")
    for pattern, words in PATTERNS.items():
        if reason == f"Expected `str` matching regex {pattern!r}":
            reason = f"it must be {words}"
    if found := _LENGTH.fullmatch(reason):
        reason = "it must not be empty" if found[1] == ">" else f"it has at most {found[2]} characters"
    if found := _KIND.fullmatch(reason):
        wanted, given = (" or ".join(_KINDS.get(one, one) for one in each.split(" | ")) for each in found.groups())
        reason = f"it must be {wanted}, not {given}"
    if found := _MISSING.fullmatch(reason):
        reason = f"{found[1]} is missing"
    return path.rstrip("`"), reason


def unknown_keys(value: dict[str, Any], kind: type[Content]) -> Iterator[str]:
    """Paths of the keys that the fact's JSON has and its types do not."""
    if isinstance(value.get("data"), dict):
        yield from _unknown(value["data"], kind, "data")
    yield from _unknown({"sources": value.get("sources")}, Fact, "")


def unfit(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Paths of what storage would bend, cut or choke on, each with the reason. Walks without recursion."""
    waiting = [(value, path, 0)]
    while waiting:
        item, place, depth = waiting.pop()
        if depth > DEEPEST:
            yield path or "$", f"nested deeper than {DEEPEST} levels"
            return
        if isinstance(item, dict):
            yield from ((place or "$", _NOT_TEXT) for key in item if _NO_TEXT.search(str(key)))
            waiting += [(one, f"{place}.{key}" if place else str(key), depth + 1) for key, one in item.items()]
        elif isinstance(item, (list, tuple)):
            waiting += [(one, f"{place}[{index}]", depth + 1) for index, one in enumerate(item)]
        elif reason := _unfit(item):
            yield place, reason


def _unfit(item: Any) -> str | None:
    if isinstance(item, float):
        return 'a number with a fraction is written as a text, such as "0.5"'
    if isinstance(item, int) and abs(item) > LARGEST:
        return f"a number beyond {LARGEST} is written as a text"
    if isinstance(item, str):
        return _NOT_TEXT if _NO_TEXT.search(item) else "it must not be blank" if _BLANK.fullmatch(item) else None
    return None


def unknown_in(kind: type[Content], field: str, value: Any) -> Iterator[str]:
    """Paths of the unknown keys in the value of one top-level field on disk, as corrections and claims give it."""
    yield from _unknown({field: value}, Fact if field in ("sources", "occurred_on") else kind, "")


def _unknown(value: dict[str, Any], kind: Any, path: str) -> Iterator[str]:
    known = _fields(kind)
    for key, item in value.items():
        place = f"{path}.{key}" if path else key
        if key not in known:
            yield place
        elif (nested := known[key]) is not None:
            many = isinstance(item, list)
            for index, one in enumerate(item if many else [item]):
                if isinstance(one, dict):
                    yield from _unknown(one, nested, f"{place}[{index}]" if many else place)


@cache
def _fields(kind: Any) -> dict[str, type[Any] | None]:
    hints = get_type_hints(kind)
    return {field.name: _dataclass_in(hints[field.name]) for field in dataclasses.fields(kind)}


def _dataclass_in(hint: Any) -> type[Any] | None:
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return hint
    return next((found for part in get_args(hint) if (found := _dataclass_in(part)) is not None), None)
