"""Every name that the record keeps for ever, as plain data: events with their fields, values, and codes.

`python -m tests.support.names_on_disk` writes it to tests/data/catalogue.json, which a test holds the code to.
"""

import dataclasses
import json
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from domain.catalogue import CATALOGUE, HOMES
from domain.fact import Fact

GOLDEN = Path(__file__).parents[1] / "data" / "catalogue.json"
Json = dict[str, Any]


def names_on_disk() -> Json:
    """Events by name with the nouns that take them and their fields; then the values and codes that these use."""
    found: dict[str, set[Any]] = {"values": set(), "codes": set()}
    events = {
        name: {"nouns": list(HOMES[name]), "fields": _fields(kind, found)} for name, kind in sorted(CATALOGUE.items())
    }
    values: dict[str, Json] = {"Fact": _fields(Fact, found)}
    while pending := [kind for kind in found["values"] if kind.__name__ not in values]:
        values |= {kind.__name__: _fields(kind, found) for kind in pending}
    codes = {kind.__name__: [member.name for member in kind] for kind in found["codes"]}
    return {"events": events, "values": dict(sorted(values.items())), "codes": dict(sorted(codes.items()))}


def _fields(kind: Any, found: dict[str, set[Any]]) -> Json:
    hints = get_type_hints(kind, include_extras=True)
    return {
        field.name: {"type": _type(hints[field.name], found), "required": _is_required(field)}
        for field in dataclasses.fields(kind)
        if hints[field.name] != _CONTENT
    }


_CONTENT = get_type_hints(Fact)["content"]


def _is_required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _type(hint: Any, found: dict[str, set[Any]]) -> str:
    """The type in words, with what narrows it: an older event outside of a narrower type could not be read."""
    if get_origin(hint) is Annotated:
        inner, *marks = get_args(hint)
        limits = [_limits(mark) for mark in marks if isinstance(mark, msgspec.Meta)]
        return " ".join(filter(None, [_type(inner, found), *limits]))
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(_type(part, found) for part in get_args(hint) if part is not type(None))
    if get_origin(hint) is tuple:
        return f"list of {_type(get_args(hint)[0], found)}"
    if dataclasses.is_dataclass(hint):
        found["values"].add(hint)
    elif isinstance(hint, type) and issubclass(hint, Enum):
        found["codes"].add(hint)
    return str(getattr(hint, "__name__", hint))


def _limits(meta: msgspec.Meta) -> str:
    named = {name: getattr(meta, name) for name in ("pattern", "min_length", "max_length", "ge", "le")}
    return " ".join(f"{name}={limit}" for name, limit in named.items() if limit is not None)


def broken_promises(golden: Json, now: Json) -> list[str]:
    """What the code no longer keeps of the golden names; a name, code or optional field more breaks nothing."""
    broken: list[str] = []
    for name, event in golden["events"].items():
        current = now["events"].get(name)
        if current is None:
            broken.append(f"event {name} is gone")
            continue
        broken += [f"{name} is no longer taken by a {noun}" for noun in event["nouns"] if noun not in current["nouns"]]
        broken += _broken_fields(name, event["fields"], current["fields"])
    for name, fields in golden["values"].items():
        broken += _broken_fields(name, fields, now["values"].get(name, {}))
    for name, codes in golden["codes"].items():
        broken += [f"code {name}.{code} is gone" for code in codes if code not in now["codes"].get(name, [])]
    return broken


def _broken_fields(owner: str, golden: Json, now: Json) -> list[str]:
    broken = []
    for name, field in golden.items():
        if name not in now:
            broken.append(f"field {owner}.{name} is gone")
        elif now[name]["type"] != field["type"]:
            broken.append(f"field {owner}.{name} was {field['type']}, now is {now[name]['type']}")
        elif now[name]["required"] and not field["required"]:
            broken.append(f"field {owner}.{name} was optional, now is required")
    added = [name for name in now if name not in golden and now[name]["required"]]
    return broken + [f"field {owner}.{name} is new and required" for name in added]


def rendered(value: Any, margin: str = "") -> str:
    """The data as JSON with one line for each field, so that a change of one reads as one line."""
    if not isinstance(value, dict) or not any(isinstance(item, (dict, list)) for item in value.values()):
        return json.dumps(value, ensure_ascii=False)
    inner = f",\n{margin} ".join(f"{json.dumps(key)}: {rendered(item, margin + ' ')}" for key, item in value.items())
    return f"{{\n{margin} {inner}\n{margin}}}"


if __name__ == "__main__":
    GOLDEN.write_text(rendered(names_on_disk()) + "\n", "utf-8")
