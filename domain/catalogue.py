"""Every aggregate and event by its name on disk: the one list that log, API, imports and audit trail read."""

from functools import cache
from typing import Any

import msgspec

from domain.agreement import Agreement
from domain.common import COMMON
from domain.deal import Deal
from domain.fact import Content, Fact, Refused, decode, rebuild
from domain.gathering import Gathering
from domain.institution import Institution
from domain.investment import Investment
from domain.party import Party
from domain.programme import Programme
from domain.relation import Relation
from domain.shape import in_words, unfit, unknown_keys
from domain.source import Source, SourceArchived
from domain.stream import Aggregate
from domain.values import NOUNS, SourceRef, world_date

AGGREGATES: dict[str, type[Aggregate]] = {
    aggregate.noun: aggregate
    for aggregate in (Source, Party, Institution, Gathering, Agreement, Deal, Investment, Relation, Programme)
}
"""Aggregates by noun, the part of an id before the colon."""

CATALOGUE: dict[str, type[Content]] = {
    event.__name__: event for aggregate in AGGREGATES.values() for event in aggregate.events
}
"""Events by name, those that any stream takes after those of the first aggregate."""

HOMES: dict[str, tuple[str, ...]] = {
    name: tuple(noun for noun in NOUNS if event in AGGREGATES[noun].events) for name, event in CATALOGUE.items()
}
"""Nouns whose streams take the event."""

CORRECTIONS = tuple(name for name, event in CATALOGUE.items() if event.editorial and event is not SourceArchived)
"""Events that change what was recorded before; a copy of a source that was kept changes nothing of it."""

COMMON_EVENTS = frozenset(event.__name__ for event in COMMON)

_ENVELOPE = ("event", "id", "occurred_on", "sources", "data")


def read_fact(value: Any) -> Fact:
    """A fact from its JSON `{"event", "id", "occurred_on", "sources", "data"}`, as people and programs send it.

    Raises Refused that names the field. What the log adds (position, version and so on) is not accepted here.
    """
    if not isinstance(value, dict):
        raise Refused("INVALID_VALUE", "$", "a fact is a JSON object")
    for path, reason in unfit(value):
        raise Refused("INVALID_VALUE", path, reason)
    for key in value:
        if key not in _ENVELOPE:
            raise Refused("INVALID_VALUE", key, f"a fact has no field {key!r}; it has {', '.join(_ENVELOPE)}")
    name = value.get("event")
    if not isinstance(name, str) or name not in CATALOGUE:
        raise Refused("INVALID_VALUE", "event", f"{name!r} is not an event of the record, such as DealAnnounced")
    for path in unknown_keys(value, CATALOGUE[name]):
        raise Refused("INVALID_VALUE", path, "no such field")
    return _typed(name, value)


def _typed(name: str, value: dict[str, Any]) -> Fact:
    try:
        id = msgspec.convert(value.get("id"), Fact.__annotations__["id"])
        return rebuild(
            CATALOGUE[name],
            id,
            {key: value[key] for key in ("data", "occurred_on", "sources") if value.get(key) is not None},
        )
    except msgspec.ValidationError as error:
        path, reason = in_words(error)
        raise Refused("INVALID_VALUE", path or "id", reason) from None


def load_fact(name: str, stream: str, state: bytes | str) -> Fact:
    """A fact from what the log keeps. Raises ValueError for an unknown event or noun, and for unreadable bytes."""
    if name not in CATALOGUE:
        raise ValueError(f"unknown event {name!r}")
    if (noun := stream.partition(":")[0]) not in AGGREGATES:
        raise ValueError(f"unknown noun {noun!r}")
    kept = _decoder(name).decode(state)
    when = None if kept.occurred_on is None else world_date(kept.occurred_on)
    return Fact(id=stream, content=kept.data, occurred_on=when, sources=kept.sources)


@cache
def _decoder(name: str) -> msgspec.json.Decoder[Any]:
    """Reads the stored part of one kind of event in one step."""
    fields: list[Any] = [
        ("data", CATALOGUE[name]),
        ("sources", tuple[SourceRef, ...], ()),
        ("occurred_on", str | None, None),
    ]
    stored = msgspec.defstruct("Stored", fields)
    return msgspec.json.Decoder(stored, dec_hook=decode)


def new_aggregate(id: str) -> Aggregate:
    """An empty stream of the noun that the id names. Raises Refused for an unknown noun."""
    kind = AGGREGATES.get(id.partition(":")[0])
    if kind is None:
        raise Refused("INVALID_VALUE", "id", f"{id!r} is not <noun>:<key> with a noun of {', '.join(NOUNS)}")
    return kind.begin(id)
