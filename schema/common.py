"""What every object of the record has: its place in the record, its claims, and what any object can own."""

from collections.abc import Callable

import strawberry
from strawberry.scalars import JSON

from domain.codes import (
    AnomalyKind,
    CorrectionCause,
    EffectKind,
    Outlook,
    PartyRole,
    SectorScheme,
    Standing,
    Verification,
)
from schema.claims import Claim, Claimed, ClaimedText
from schema.connection import Connection
from schema.node import EVENT_KINDS, ChangeRef, EventRef, Node, PartyRef
from schema.scalars import DateTime, Decimal, Position
from schema.sql import (
    CLAIMED,
    Arguments,
    Kinds,
    Row,
    Source,
    argument,
    claimed,
    column,
    computed,
    connection,
    one,
    owned,
    rows,
    text,
)
from service.replica.tables import TABLES


def subject(name: str) -> Callable[[Source], str]:
    """SQL of the name of a subject, for `claimed`."""
    return lambda source: text(name)


def prefixed(prefix: str, column: str) -> Callable[[Source], str]:
    """SQL of a subject that a column's value is part of: `line:` and the key."""
    return lambda source: f"{text(prefix)} || {source[column]}"


def of_event(name: str) -> Callable[[Source], str]:
    """SQL of a subject of the row's event alone: `paid@` and its version."""
    return lambda source: f"{text(name + '@')} || substr({source['event']}, instr({source['event']}, '@') + 1)"


@strawberry.type(description="A party and its role in an object.")
class PartyLink:
    """A party and its role."""

    party: PartyRef | None = one("The party; after a merger, the survivor.", "party")
    role: PartyRole = column("What it does.")
    stated_party: PartyRef | None = one("The party as it was recorded, before any merger.", "stated_party")
    country: str | None = column("The country of its seat, ISO 3166 alpha-3.")


@strawberry.type(description="A sector that an object belongs to.")
class Sector:
    """A sector."""

    scheme: SectorScheme = column("The classification of the code.")
    code: str = column("The code, or the words of the source for AS_STATED.")
    percent: Decimal | None = column("Its share in percent, where one is stated.")
    claimed: ClaimedText | None = claimed("Who says which sectors.", "subject", kinds=None)


@strawberry.type(description="An effect that somebody claims: jobs, investment, trade, tourism or growth.")
class Effect:
    """A claimed effect."""

    kind: EffectKind = column("What it is said to bring.")
    outlook: Outlook = column("Whether it is still to come.")
    place: str | None = column("Where: a country code or a place in words.")
    statement: str | None = column("The effect in our words.")
    claimed: Claimed | None = claimed(
        "How much of it, and who says so: a number, an amount, or a text where there is neither.", "subject"
    )


@strawberry.type(description="What somebody thinks of an object.")
class Assessment:
    """An assessment."""

    theme: str = column("What it is about, such as 'ties' or 'innovation'.")
    statement: str = column("What was said, in our words.")
    said_by: str | None = column("Who said it, if not the source itself.")
    claimed: ClaimedText | None = claimed("The statement as a claim, with its sources.", "subject", kinds=None)
    event: EventRef | None = one("The event that recorded it.", "event")


def _events_of(source: Source, arguments: Arguments) -> str:
    event = source.row.others("event")
    return (
        f"SELECT {event.alias}.* FROM json_each({source['events']}) AS listed CROSS JOIN {event.named}"
        f" WHERE {event.alive} AND {event.has_id('listed.value')} ORDER BY {event['position']} LIMIT -1"
    )


@strawberry.type(description="Something that looks wrong in a record that is kept all the same.")
class Anomaly:
    """Something that looks wrong."""

    kind: AnomalyKind = column("What looks wrong.")
    events: list[EventRef] = rows("The events that show it.", _events_of, kinds=EVENT_KINDS)


def _reached(source: Source) -> str:
    """SQL of the ids of the objects that an act made to say something else."""
    touched = f"SELECT touched.id FROM main.touched WHERE touched.position = {source['position']}"
    return f"(SELECT {source.row.owner} AS id UNION {touched})"


def _rested(source: Source, arguments: Arguments) -> str:
    at, own = source["position"], source.row.owner
    return (
        f"SELECT reached.id AS key, iif(reached.id = {own}, 'CORRECTED', 'CHANGED') AS kind, {at} AS position,"
        f" {at} - 1 AS since, {at} AS until FROM {_reached(source)} AS reached ORDER BY reached.id <> {own}, reached.id"
        f" LIMIT {_at_most(arguments)}"
    )


def _claims_changed(source: Source, arguments: Arguments) -> str:
    at, claim = source["position"], source.row.others("claim")
    same = f"old.owner = {claim['owner']} AND old.key = {claim['key']} AND old.until = {at}"
    other = f"old.standing <> {claim['standing']} OR old.value IS NOT {claim['value']}"
    return (
        f"SELECT {claim.alias}.* FROM {claim.named} WHERE {claim['since']} = {at}"
        f" AND {claim['owner']} IN {_reached(source)}"
        f" AND EXISTS (SELECT 1 FROM main.claim AS old WHERE {same} AND ({other}))"
        f" ORDER BY {claim['owner']}, {claim['position']}, {claim['key']} LIMIT {_at_most(arguments)}"
    )


def _at_most(arguments: Arguments) -> str:
    """SQL of how many rows are wanted, within bounds."""
    return f"max(0, min(coalesce({arguments.get('first') or 'NULL'}, 100), 1000))"


_FIRST = argument("first", int | None, "How many at most; 100 if not said, 1,000 at most.")


@strawberry.type(
    description="An act on the record: a correction, a retraction, a withdrawal, a merger or an adopted claim."
)
class Correction:
    """An act on the record."""

    kind: str = column("The name of the event, such as FactCorrected.")
    of: "RecordObject | None" = one("The object that it concerns.", "owner")
    event: EventRef | None = one("The event that recorded it.", "event")
    target: strawberry.ID = column("What it concerns: an event's id, a claim's id or the object's.")
    target_event: EventRef | None = one(
        "The event that was wrong.", lambda s: f"iif(instr({s['target']}, '#'), NULL, {s['target']})", table="event"
    )
    field: str | None = column("The field that was put right, as it is named on disk.")
    was: JSON | None = column("What the field said until then.")
    now: JSON | None = column("What it says now; null where an optional field was taken away.")
    cause: CorrectionCause | None = column("Why it was wrong.")
    reason: str = column("What happened, in words.")
    position: Position = column(
        "Its place in the record. `asOf` the position before shows what readers saw until then."
    )
    recorded_at: DateTime = column("When it was recorded.")
    recorded_by: str = column("Who recorded it: an opaque id, never a name.")
    retracted: bool = column("Whether the act was itself retracted later; what it did is undone from then on.")
    rested: list[ChangeRef] = rows(
        "What rested on it: each object that says something else since this act, with the fields that it changed.",
        _rested,
        _FIRST,
    )
    objects_reached: int = computed(
        "How many objects say something else since this act, its own included.",
        lambda s: f"(SELECT count(*) FROM {_reached(s)})",
    )
    claims: list[Claim] = rows(
        "The claims whose standing or value it changed, as they stood right after it.", _claims_changed, _FIRST
    )


def _claims(source: Source, arguments: Arguments) -> str:
    claim = source.row.owned("claim")
    tests = [claim.rows]
    if arguments["subject"] is not None:
        tests.append(f"{claim['subject']} = {arguments['subject']}")
    if arguments["standing"] is not None:
        tests.append(arguments["standing"].is_in(claim["standing"]))
    return f"SELECT {claim.alias}.* FROM {' AND '.join(tests)} ORDER BY {claim['position']}, {claim['key']} LIMIT -1"


def _claimed(source: Source, arguments: Arguments) -> str:
    value = source.row.owned("claimed")
    tests = [value.rows]
    if arguments["subject"] is not None:
        tests.append(arguments["subject"].is_in(value["key"]))
    if arguments["verification"] is not None:
        tests.append(arguments["verification"].is_in(value["verification"]))
    return f"SELECT {value.alias}.* FROM {' AND '.join(tests)} ORDER BY {value['ord']}, {value['key']} LIMIT -1"


def _label(source: Source) -> str:
    """SQL of the title or the name, whichever nouns of its sort have."""
    return source["title" if "title" in TABLES[source.row.table].names else "name"]


def of_stream(parent: Row, event: Row) -> str:
    """The events of the object itself."""
    return f"{event['stream']} = {parent['id']}"


@strawberry.interface(
    description="An object of the record: a deal, agreement, party, source or another noun, as its events tell it."
)
class RecordObject(Node):
    """What the nine nouns have in common."""

    label: str = computed("What to call it, whatever it is: its title or its name.", _label)
    recorded_at: DateTime = column("When its opening event was recorded.")
    created: Position = column("The position of its opening event.")
    changed: Position = column("The position of its latest event.")
    version: int = column("How many events it has: the version of the latest.")
    retracted: bool = column("Whether its opening event was retracted. Such objects stay readable by id.")
    disputed: bool = column("Whether sources disagree about one of its claimed values.")
    sectors: list[Sector] = owned("The sectors that it belongs to.", "sector")
    effects: list[Effect] = owned("The effects that are claimed of it.", "effect")
    assessments: list[Assessment] = owned("What is thought of it.", "assessment")
    anomalies: list[Anomaly] = owned("What looks wrong about it.", "anomaly")
    claims: list[Claim] = rows(
        "Who says what of it, in order of recording.",
        _claims,
        argument("subject", str | None, "Claims about this subject alone, such as `value:HEADLINE`."),
        argument("standing", list[Standing] | None, "Claims that stand so."),
    )
    claimed: list[Claimed] = rows(
        "Every claimed value, each with its claims.",
        _claimed,
        argument("subject", list[str] | None, "The values of these subjects alone."),
        argument("verification", list[Verification] | None, "Values that are supported so."),
        kinds=CLAIMED,
    )
    history: Connection[EventRef] = connection(
        "Its events as recorded, the first at the start.", "event", where=of_stream, by="version", kinds=EVENT_KINDS
    )
    corrections: list[Correction] = owned("What was put right in it, and why.", "correction", order="position")


NOUN_KINDS = Kinds(
    lambda source: f"substr({source['id']}, 1, instr({source['id']}, ':') - 1)",
    {
        "source": "Source",
        "party": "Party",
        "institution": "Institution",
        "gathering": "Gathering",
        "agreement": "Agreement",
        "deal": "Deal",
        "investment": "Investment",
        "relation": "Relation",
        "programme": "Programme",
    },
)
"""Which object type a row with an id is."""
