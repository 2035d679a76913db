"""What changed between two moments of the record: objects added, changed field by field, and corrected."""

from typing import Any

import strawberry

from domain.codes import Code
from schema.common import Correction, RecordObject
from schema.enums import described
from schema.filters import any_of
from schema.node import EVENT_KINDS, EventRef
from schema.plan.source import Arguments, Source
from schema.scalars import DateTime, Position
from schema.search import Noun
from schema.sql import Argument, AsOf, argument, column, computed, listing, one, rows, text
from service.audit.rested import FLAGS
from service.replica.tables import NOUN_TABLES


class ChangeKind(Code):
    """What happened to an object between two moments."""

    ADDED = "ADDED", "it was recorded"
    CORRECTED = "CORRECTED", "something of it was put right, and it may have changed otherwise too"
    CHANGED = "CHANGED", "it changed, by an event of its own or of an object that it depends on"


described(ChangeKind)

_EDITORIAL = "('FactCorrected', 'EventRetracted', 'ClaimAdopted', 'SourceWithdrawn', 'PartyMerged')"
_TECHNICAL = (
    "created",
    "recorded_at",
    "changed",
    "version",
    "disputed",
    "anomalies",
    "day",
    "value_subject",
    "value_key",
    "value_low",
    "value_high",
    "announced",
)

_OWNED: dict[str, tuple[str, tuple[str, ...]]] = {
    "party_link": ("parties", ("party", "role")),
    "sector": ("sectors", ("code", "percent")),
    "claimed": ("claimed", ("text", "verification")),
    "effect": ("effects", ("kind", "place", "outlook")),
    "assessment": ("assessments", ("statement",)),
    "anomaly": ("anomalies", ("kind",)),
    "identifier": ("identifiers", ("scheme", "value")),
    "mandate": ("mandate", ("topic",)),
    "officeholder": ("officeholders", ("person", "office")),
    "act": ("acts", ("kind", "occurred_on")),
    "line": ("lines", ("item", "firm", "open_options", "purchase_rights", "intended", "not_stated", "delivered")),
    "condition": ("conditions", ("statement", "met")),
    "financing": ("financings", ("financier", "status", "valid_until")),
    "ownership": ("ownership", ("party", "percent")),
    "delivery": ("deliveries", ("period", "status", "days_late")),
    "goods_delivered": ("deliveriesMade", ("line", "delivered_on")),
    "payment": ("payments", ("payer", "payee", "paid_on")),
    "governed_by": ("agreements", ("agreement",)),
    "inclusion": ("deals", ("deal", "certainty")),
}
"""Rows that an object owns, with the name of the field that shows them and the columns that are compared."""


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _json(alias: str, columns: tuple[str, ...]) -> str:
    members = (f"{text(_camel(name))}, {_told(f'{alias}.{name}', name)}" for name in columns)
    return f"json_object({', '.join(members)})"


def _told(column: str, name: str) -> str:
    return f"CASE {column} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END" if name in FLAGS else column


def _steps(table: str, keys: tuple[str, ...], path: str, columns: tuple[str, ...], change: Source) -> list[str]:
    """SQL of the versions that began, and of those that ended without another, within the time of a change."""
    same = " AND ".join(f"old.{key} = new.{key}" for key in keys)
    range_ = f"> {change['since']} AND {{}} <= {change['until']}"
    new, old = _json("new", columns), _json("old", columns)
    return [
        f"SELECT new.since AS position, {path.format('new')} AS path, {new} AS now,"
        f" (SELECT {old} FROM main.{table} AS old WHERE {same} AND old.until = new.since) AS was"
        f" FROM main.{table} AS new WHERE new.{keys[0]} = {change['key']} AND new.since {range_.format('new.since')}",
        f"SELECT old.until, {path.format('old')}, NULL, {old} FROM main.{table} AS old"
        f" WHERE old.{keys[0]} = {change['key']} AND old.until {range_.format('old.until')}"
        f" AND NOT EXISTS (SELECT 1 FROM main.{table} AS new WHERE {same} AND new.since = old.until)",
    ]


def _all_steps(change: Source) -> str:
    steps: list[str] = []
    for noun in NOUN_TABLES:
        columns = tuple(name for name in noun.names if name not in _TECHNICAL)
        steps += _steps(noun.name, ("id",), "''", columns, change)
    for table, (name, columns) in _OWNED.items():
        steps += _steps(table, ("owner", "key"), f"'{name}/' || {{}}.key || '/'", columns, change)
    return " UNION ALL ".join(steps)


def _fields(change: Source, arguments: Arguments) -> str:
    return (
        "SELECT step.position AS position, step.path || field.key AS field,"
        " CAST(step.was ->> ('$.' || field.key) AS TEXT) AS was,"
        " CAST(step.now ->> ('$.' || field.key) AS TEXT) AS now"
        f" FROM ({_all_steps(change)} LIMIT -1) AS step, json_each(coalesce(step.now, step.was)) AS field"
        " WHERE step.was ->> ('$.' || field.key) IS NOT step.now ->> ('$.' || field.key)"
        " ORDER BY step.position, field LIMIT -1"
    )


def _event_at(source: Source) -> str:
    event = source.row.others("event")
    return f"(SELECT {event['id']} FROM main.event AS {event.alias} WHERE {event['position']} = {source['position']})"


@strawberry.type(description="One step of one field of an object.")
class FieldChange:
    """One step of one field."""

    field: str = column(
        "The field by its name here; of a list, its name, the item's key and the field, such as `lines/b787/firm`."
    )
    was: str | None = column("What it said before; null for nothing.")
    now: str | None = column("What it says from then on; null for nothing.")
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
    fields: list[FieldChange] = rows("What changed, step by step, each with the event that caused it.", _fields)
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
    return f"coalesce((SELECT max(event.position) FROM main.event WHERE event.recorded_at <= {given['time']}), 0)"


def _changes(source: Source, arguments: Arguments) -> str:
    since, until = _moment(arguments["from"]), source.row.scope.position
    within = "position > span.since AND position <= span.until"
    return (
        f"WITH span AS MATERIALIZED (SELECT {since} AS since, {until} AS until),"
        f" reached AS (SELECT stream AS id, position FROM main.event, span WHERE {within}"
        f" UNION ALL SELECT id, position FROM main.touched, span WHERE {within}),"
        " candidate AS MATERIALIZED (SELECT id AS key, max(position) AS position, span.since, span.until"
        " FROM reached, span GROUP BY id)"
        f" SELECT key, substr(key, 1, instr(key, ':') - 1) AS noun, position, since, until, {_KIND} AS kind"
        " FROM candidate"
    )


_RANGE = "event.stream = candidate.key AND event.position > candidate.since AND event.position <= candidate.until"
_KIND = (
    f"CASE WHEN EXISTS (SELECT 1 FROM main.event WHERE {_RANGE} AND event.version = 1) THEN 'ADDED'"
    f" WHEN EXISTS (SELECT 1 FROM main.event WHERE {_RANGE} AND event.type IN {_EDITORIAL}) THEN 'CORRECTED'"
    " ELSE 'CHANGED' END"
)


def changes() -> Any:
    """The root field."""
    return listing(
        "What was added, changed and corrected between two moments, the latest changed objects first.",
        "",
        select=_changes,
        filter=ChangeFilter,
        by="-position",
        arguments=(argument("from", AsOf, "The earlier moment; what it already knew is no change."),),
        moment=Argument("as_of", AsOf | None, "The later moment; the newest if not said.", graphql_name="to"),
    )
