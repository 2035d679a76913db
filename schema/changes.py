"""What changed between two moments of the record: objects added, changed field by field, and corrected."""

from typing import Any

import strawberry

from domain.catalogue import CORRECTIONS
from domain.codes import Code
from schema.choosing import recorded
from schema.common import Correction, RecordObject
from schema.enums import described
from schema.filters import any_of
from schema.node import EVENT_KINDS, EventRef
from schema.plan.source import Arguments, Source
from schema.scalars import DateTime, Position
from schema.search import Noun
from schema.sql import Argument, AsOf, argument, column, computed, listing, one, rows
from schema.steps import field_steps


class ChangeKind(Code):
    """What happened to an object between two moments."""

    ADDED = "ADDED", "it was recorded"
    CORRECTED = "CORRECTED", "something of it was put right, and it may have changed otherwise too"
    CHANGED = "CHANGED", "it changed, by an event of its own or of an object that it depends on"


described(ChangeKind)

_CORRECTIONS = ", ".join(f"'{name}'" for name in CORRECTIONS)


_STEPS_COST = 60
"""The steps of one object are looked for in every table."""
_LONG = 8
"""A span that holds more than this part of all events is long."""


def _event_at(source: Source) -> str:
    event = source.row.others("event")
    return f"(SELECT {event['id']} FROM main.event AS {event.alias} WHERE {event['position']} = {source['position']})"


@strawberry.type(description="One step of one field of an object.")
class FieldChange:
    """One step of one field."""

    field: str = column(
        "Where it is found, by the names of fields here: `commitment`, `value`, `value/verification`; of a list the "
        "item's key stands between, as in `lines/b787/firm`."
    )
    name: str = column("The field of the object that clients ask for: `commitment`, `value`, `lines`.")
    item: str | None = column("The key of an item where that field is a list, the subject where it is `claimed`.")
    part: str | None = column("The field of the item or value; null for the value itself.")
    was: str | None = column("What it said before; null for nothing.")
    now: str | None = column(
        "What it says from then on; null for nothing. What is false or zero from the beginning is not told."
    )
    position: Position = column("The position of the event that caused it, whichever object that is of.")
    event: EventRef | None = one("The event that caused it.", _event_at, table="event")


def _own_events(change: Source, arguments: Arguments) -> str:
    event = change.row.others("event")
    own = f"{event['stream']} = {change['key']} AND {event['position']} > {change['since']}"
    until = f"{event['position']} <= {change['until']}"
    return (
        f"SELECT {event.alias}.* FROM main.event AS {event.alias} WHERE {own} AND {until}"
        f" ORDER BY {event['version']} LIMIT -1"
    )


def _own_corrections(change: Source, arguments: Arguments) -> str:
    other = change.row.others("correction")
    own = f"{other['owner']} = {change['key']} AND {other['position']} > {change['since']}"
    return (
        f"SELECT {other.alias}.* FROM {other.rows} AND {own} AND {other['position']} <= {change['until']}"
        f" ORDER BY {other['position']} LIMIT -1"
    )


@strawberry.type(description="What happened to one object between two moments.")
class Change:
    """What happened to one object."""

    object_id: strawberry.ID = column("The id of the object.", "key")
    kind: ChangeKind = column("What happened to it.")
    object: RecordObject | None = one("The object, as it is at the later moment.", "key")
    recorded_at: DateTime = computed(
        "When the last event behind it was recorded.",
        lambda s: f"(SELECT event.recorded_at FROM main.event WHERE event.position = {s['position']})",
    )
    fields: list[FieldChange] = rows(
        "What changed, step by step, each with the event that caused it.", field_steps, cost=_STEPS_COST
    )
    events: list[EventRef] = rows("Its own events between the two moments.", _own_events, kinds=EVENT_KINDS)
    corrections: list[Correction] = rows("What was put right in it between the two moments.", _own_corrections)


@strawberry.input(description="Which changes.")
class ChangeFilter:
    """Which changes."""

    object: list[strawberry.ID] | None = any_of("Of one of these objects.", "key")
    noun: list[Noun] | None = any_of("Of objects of these nouns.", "noun")
    kind: list[ChangeKind] | None = any_of("Of one of these kinds.", "kind")


def _moment(given: Any) -> str:
    """SQL of the position that an `AsOf` means."""
    if given.get("position") is not None:
        return str(given["position"])
    return recorded("<=", given["time"])


def _changes(source: Source, arguments: Arguments) -> str:
    """The last event of each object, or of another that reached it, merged by position without looking at the rest.

    SQLite merges only SELECTs whose columns have the same affinity, hence the CASTs.
    """
    since, until = _moment(arguments["from"]), source.row.scope.position
    noun = "CAST(substr(last.id, 1, instr(last.id, ':') - 1) AS TEXT)"
    of_event = (
        f"SELECT last.stream AS key, last.noun AS noun, {_of_change('last.stream', since, until)}"
        f" FROM main.event AS last WHERE {_within('last', since, until)}"
        " AND NOT EXISTS (SELECT 1 FROM main.event AS later WHERE later.stream = last.stream"
        f" AND later.version = last.version + 1 AND later.position <= {until})"
        f" AND {_untouched('last.stream', until)}"
    )
    of_others = (
        f"SELECT last.id, {noun}, {_of_change('last.id', since, until)}"
        f" FROM main.touched AS last WHERE {_within('last', since, until)} AND {_untouched('last.id', until)}"
        " AND coalesce((SELECT own.position FROM main.event AS own WHERE own.stream = last.id"
        f" AND own.position <= {until} ORDER BY own.version DESC LIMIT 1), 0) < last.position"
    )
    return f"{of_event} UNION ALL {of_others}"


def _within(alias: str, since: str, until: str) -> str:
    return f"{alias}.position > {since} AND {alias}.position <= {until}"


def _untouched(key: str, until: str) -> str:
    """SQL of whether no event of another object reached this one after its row `last`."""
    later = f"later.id = {key} AND later.position > last.position AND later.position <= {until}"
    return f"NOT EXISTS (SELECT 1 FROM main.touched AS later WHERE {later})"


def _of_change(key: str, since: str, until: str) -> str:
    own = f"event.stream = {key} AND {_within('event', since, until)}"
    kind = (
        f"CASE WHEN EXISTS (SELECT 1 FROM main.event WHERE {own} AND event.version = 1) THEN 'ADDED'"
        f" WHEN EXISTS (SELECT 1 FROM main.event WHERE {own} AND event.type IN ({_CORRECTIONS})) THEN 'CORRECTED'"
        " ELSE 'CHANGED' END"
    )
    return f"last.position AS position, {since} AS since, {until} AS until, {kind} AS kind"


def _count_changed(source: Source, arguments: Arguments) -> str:
    """How many objects have changed. Of a long span all events are looked at by object, which needs no sorting."""
    since, until = _moment(arguments["from"]), source.row.scope.position
    within = f"event.position > {since} AND event.position <= {until}"
    long = f"({until} - {since}) * {_LONG} > (SELECT max(event.position) FROM main.event)"
    by_object = f"(SELECT count(DISTINCT stream) FROM main.event INDEXED BY event_by_stream WHERE {within})"
    by_position = f"(SELECT count(DISTINCT stream) FROM main.event NOT INDEXED WHERE {within})"
    of_others = (
        f"(SELECT count(DISTINCT other.id) FROM main.touched AS other WHERE {_within('other', since, until)}"
        f" AND NOT EXISTS (SELECT 1 FROM main.event WHERE event.stream = other.id AND {within}))"
    )
    return f"(CASE WHEN {long} THEN {by_object} ELSE {by_position} END + {of_others})"


def changes() -> Any:
    """The root field."""
    return listing(
        "What was added, changed and corrected between two moments, the latest changed objects first.",
        "",
        select=_changes,
        counted=_count_changed,
        filter=ChangeFilter,
        by="-position",
        arguments=(argument("from", AsOf, "The earlier moment; what it already knew is no change."),),
        moment=Argument("as_of", AsOf | None, "The later moment; the newest if not said.", graphql_name="to"),
    )
