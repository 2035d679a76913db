"""The shape of a fact's JSON: keys that its types do not know, and floats. Storage would drop or bend both silently."""

import dataclasses
from collections.abc import Iterator
from functools import cache
from typing import Any, get_args, get_type_hints

from domain.fact import Content
from domain.values import SourceRef


def unknown_keys(value: dict[str, Any], kind: type[Content]) -> Iterator[str]:
    """Paths of the keys that the fact's JSON has and its types do not, and of floats, which the record never holds."""
    if isinstance(value.get("data"), dict):
        yield from _unknown(value["data"], kind, "data")
    for index, source in enumerate(value.get("sources") or ()):
        if isinstance(source, dict):
            yield from _unknown(source, SourceRef, f"sources[{index}]")


def floats(value: Any, path: str) -> Iterator[str]:
    """Paths of the floats in JSON data."""
    if isinstance(value, float):
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from floats(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from floats(item, f"{path}[{index}]")


def _unknown(value: dict[str, Any], kind: Any, path: str) -> Iterator[str]:
    known = _fields(kind)
    for key, item in value.items():
        if key not in known:
            yield f"{path}.{key}"
        elif (nested := known[key]) is not None:
            many = isinstance(item, list)
            for index, one in enumerate(item if many else [item]):
                if isinstance(one, dict):
                    yield from _unknown(one, nested, f"{path}.{key}[{index}]" if many else f"{path}.{key}")


@cache
def _fields(kind: Any) -> dict[str, type[Any] | None]:
    hints = get_type_hints(kind)
    return {field.name: _dataclass_in(hints[field.name]) for field in dataclasses.fields(kind)}


def _dataclass_in(hint: Any) -> type[Any] | None:
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return hint
    return next((found for part in get_args(hint) if (found := _dataclass_in(part)) is not None), None)
