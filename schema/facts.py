"""The input of each event, made from the catalogue, and the way from such an input to a fact of the domain.

What the record takes is for the domain to say: an input only becomes the JSON that `read_fact` reads.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import strawberry
from strawberry.utils.str_converters import to_camel_case
from uuid6 import uuid7

from domain.catalogue import CATALOGUE, HOMES, read_fact
from domain.fact import Content, Fact, Refused
from domain.values import SourceRef
from schema.inputs import described, fields_of, input_type, make_input, on_disk
from schema.scalars import EdtfDate


@dataclass(frozen=True)
class Asked:
    """A fact that is asked for, with the version that its stream must have before it."""

    fact: Fact
    expected: int | None
    generated: bool
    """Whether its id was made up here, so that a repeat of the command must take the id that was recorded."""


@cache
def event_input(name: str) -> type[Any]:
    """The input type of an event, such as AgreementSignedInput."""
    kind = CATALOGUE[name]
    return make_input(f"{name}Input", described(kind), {**_envelope(kind), **dict(fields_of(kind))})


def _envelope(kind: type[Content]) -> dict[str, tuple[Any, Any]]:
    """The fields that every event's input has before its own."""
    absent = strawberry.UNSET
    id_type: Any = strawberry.ID | None if kind.opens else strawberry.ID
    id_default = {"default": absent} if kind.opens else {}
    sources: Any = list[input_type(SourceRef)] | None  # type: ignore[misc]
    return {
        "id": (id_type, strawberry.field(description=_id_meaning(kind), **id_default)),
        "occurred_on": (
            EdtfDate | None,
            strawberry.field(description="When it held or happened in the world, as an EDTF text.", default=absent),
        ),
        "sources": (sources, strawberry.field(description=_sources_meaning(kind), default=absent)),
        "expected_version": (
            int | None,
            strawberry.field(
                description="The version that the object must have before it; 0: it must not exist.", default=absent
            ),
        ),
    }


def _id_meaning(kind: type[Content]) -> str:
    homes = HOMES[kind.__name__]
    what = f"{homes[0]}:<key>" if len(homes) == 1 else "<noun>:<key>"
    return f"The id of what it is about, {what}{'; made here if left out' if kind.opens else ''}."


def _sources_meaning(kind: type[Content]) -> str:
    if kind.editorial or kind.__name__ == "SourceRegistered":
        return "Where it is said; none is needed for this event."
    return "Where it is said; at least one."


@cache
def fact_input() -> type[Any]:
    """The input of any event: exactly one member, named for the event."""
    fields: dict[str, tuple[Any, Any]] = {}
    for name, kind in CATALOGUE.items():
        settings = strawberry.field(description=described(kind), default=strawberry.UNSET)
        fields[member(name)] = (event_input(name) | None, settings)
    return make_input(
        "FactInput", "One fact of any kind: exactly one member, named for its event.", fields, one_of=True
    )


def member(name: str) -> str:
    """The name of an event as a member of FactInput: AgreementSigned is agreementSigned."""
    return name[0].lower() + name[1:]


_EVENTS = {member(name): name for name in CATALOGUE}


def asked(name: str, value: Mapping[str, Any]) -> Asked:
    """The fact that the coerced input of an event asks for. Raises Refused with a path of the event's JSON."""
    kind = CATALOGUE[name]
    id = value.get("id")
    given = id or f"{HOMES[name][0]}:{uuid7()}"
    fact: dict[str, Any] = {"event": name, "id": given, "data": on_disk(kind, value)}
    if (occurred_on := value.get("occurredOn")) is not None:
        fact["occurred_on"] = occurred_on
    fact["sources"] = [on_disk(SourceRef, source) for source in value.get("sources") or ()]
    return Asked(read_fact(fact), value.get("expectedVersion"), generated=not id)


def asked_of_any(values: list[Mapping[str, Any]]) -> list[Asked]:
    """The facts that a list of FactInput asks for. Raises Refused with the index of the fact."""
    found: list[Asked] = []
    for index, value in enumerate(values):
        ((name, content),) = value.items()
        try:
            found.append(asked(_EVENTS[name], content))
        except Refused as no:
            no.index = index
            raise
    return found


def api_path(path: str) -> str:
    """A path in an event's JSON as the path in its input: `data.money.as_stated` is `money.asStated`."""
    return ".".join(to_camel_case(part) for part in re.sub(r"^data\.", "", path).split("."))
