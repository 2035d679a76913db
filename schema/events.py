"""The events of the record as types: one interface, and one object type for each event, derived from the catalogue."""

from collections.abc import Callable
from dataclasses import fields
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import strawberry
from msgspec import Meta
from strawberry.scalars import JSON

from domain import values as domain
from domain.catalogue import CATALOGUE
from domain.codes import Code, IdentifierScheme, PartyRole, SectorScheme
from domain.fact import Content
from schema import node
from schema.audit import InclusionProof, proof_field
from schema.claims import Citation
from schema.common import Correction, RecordObject
from schema.enums import sentence
from schema.node import EVENT_KINDS, UNREADABLE, Node, PartyRef
from schema.scalars import DateTime, Decimal, EdtfDate, Position
from schema.sql import Arguments, Source, column, computed, embed, of_table, one, rows, text
from schema.values import Money, StatedQuantity


def _corrections(source: Source, arguments: Arguments) -> str:
    other = source.row.others("correction")
    own = f"{other['owner']} = {source['stream']} AND {other['target']} = {source['id']}"
    return f"SELECT {other.alias}.* FROM {other.rows} AND {own} ORDER BY {other['position']} LIMIT -1"


def _retracted(source: Source) -> str:
    other = source.row.others("correction")
    own = f"{other['owner']} = {source['stream']} AND {other['target']} = {source['id']}"
    stands = f"{other['kind']} = 'EventRetracted' AND {other['retracted']} = 0"
    return f"EXISTS (SELECT 1 FROM {other.rows} AND {own} AND {stands})"


@strawberry.interface(
    description="An event of the record, as it was recorded and never changed since. Each has a type of its own."
)
class Event(Node):
    """An event of the record."""

    position: Position = column("Its place in the record, counted from 1 without gaps.")
    type: str = column("Its name on disk, the same as that of its type here.")
    stream: strawberry.ID = column("The id of the object that it belongs to.")
    version: int = column("Its place in the history of that object, counted from 1.")
    object: RecordObject | None = one("The object that it belongs to, as it is at the moment that is read.", "stream")
    occurred_on: EdtfDate | None = column("When the reported thing held or happened in the world, as recorded.")
    recorded_at: DateTime = column("When it was recorded, by the clock of the log.")
    recorded_by: str = column("Who recorded it: an opaque id, never a name.")
    command_id: str = column("The command that recorded it; events of one command were recorded whole or not at all.")
    summary: str = column("It in one line, with its names and amounts.")
    sources: list[Citation] = embed(
        "The sources that were given.", lambda s: f"coalesce({s['body']} -> '$.sources', '[]')"
    )
    data: JSON = computed(
        "What it says, in the names and forms that the record keeps.",
        lambda s: f"coalesce({s['body']} -> '$.data', '{{}}')",
    )
    corrections: list[Correction] = rows("Later events that put this one right or retract it.", _corrections)
    retracted: bool = computed("Whether a later event retracts it.", _retracted)
    proof: InclusionProof | None = proof_field()

    __table__ = "event"
    __kinds__ = EVENT_KINDS


@strawberry.type(description="A party and its role, as an event names them.")
class StatedParty:
    """A party and its role."""

    party: PartyRef | None = one("The party.", "party")
    role: PartyRole = column("What it does.")


@strawberry.type(description="A sector, as an event names it.")
class StatedSector:
    """A sector."""

    scheme: SectorScheme = computed(
        "The classification of the code.", lambda s: f"coalesce({s['scheme']}, 'AS_STATED')"
    )
    code: str = column("The code, or the words of the source for AS_STATED.")
    percent: Decimal | None = column("Its share in percent, where one is stated.")


@strawberry.type(description="What a register calls a party, as an event names it.")
class StatedIdentifier:
    """An identifier."""

    scheme: IdentifierScheme = column("The register.")
    value: str = column("The identifier in that register.")


class Shape(NamedTuple):
    """A field of an event: what it holds, and how."""

    kind: Any
    many: bool
    optional: bool
    marks: tuple[Any, ...]

    @property
    def noun(self) -> str | None:
        """The noun that it refers to by id; None if it is no reference."""
        return next((mark.noun for mark in self.marks if isinstance(mark, domain.Ref)), None)

    @property
    def description(self) -> str:
        """Its meaning."""
        said = (mark.description for mark in reversed(self.marks) if isinstance(mark, Meta) and mark.description)
        return sentence(next(said, ""))


def shape_of(hint: Any) -> Shape:
    """What an annotation of the domain says."""
    marks: list[Any] = []
    many = optional = False
    while get_origin(hint) is not None:
        arguments = get_args(hint)
        if get_origin(hint) is Annotated:
            marks = [*arguments[1:], *marks]
        elif get_origin(hint) in (Union, UnionType):
            optional = optional or type(None) in arguments
        else:
            many = True
        hint = next(each for each in arguments if each is not type(None))
    return Shape(hint, many, optional, tuple(marks))


_NOUNS: dict[str, Any] = {
    "source": node.SourceRef,
    "party": node.PartyRef,
    "institution": node.InstitutionRef,
    "gathering": node.GatheringRef,
    "agreement": node.AgreementRef,
    "deal": node.DealRef,
}
_OBJECTS: dict[Any, Any] = {
    domain.Money: Money,
    domain.StatedQuantity: StatedQuantity,
    domain.PartyRef: StatedParty,
    domain.SectorShare: StatedSector,
    domain.Identifier: StatedIdentifier,
}
_NUMBERS = frozenset(mark.pattern for mark in get_args(domain.Number) if isinstance(mark, Meta))


def _in_data(name: str) -> Callable[[Source], str]:
    return lambda source: f"({source['body']} -> '$.data.{name}')"


def _leaf(name: str, default: str | None = None) -> Callable[[Source], str]:
    read = f"$.data.{name}"
    if default is None:
        return lambda source: f"({source['body']} ->> '{read}')"
    return lambda source: f"coalesce({source['body']} ->> '{read}', {default})"


def _field(name: str, shape: Shape, default: Any) -> tuple[Any, Any]:
    """The annotation and the reading of one field of an event."""
    if shape.noun is not None:
        return _reference(name, shape, _NOUNS[shape.noun])
    if shape.kind is Any:
        return JSON | None, embed(shape.description, _in_data(name))
    if shape.many:
        items = f"coalesce({{}} -> '$.data.{name}', '[]')"
        kinds: Any = list[_OBJECTS.get(shape.kind, shape.kind)]  # type: ignore[misc]
        return kinds, embed(shape.description, lambda source: items.format(source["body"]))
    if shape.kind in _OBJECTS:
        kind = _OBJECTS[shape.kind]
        return (kind | None if shape.optional else kind), embed(shape.description, _in_data(name))
    kind = _leaf_type(shape)
    usual = _literal(default)
    return (kind | None if shape.optional else kind), computed(shape.description, _leaf(name, usual))


def _leaf_type(shape: Shape) -> Any:
    if shape.kind is domain.WorldDate:
        return EdtfDate
    number = any(isinstance(mark, Meta) and mark.pattern in _NUMBERS for mark in shape.marks)
    return Decimal if number else shape.kind


def _literal(default: Any) -> str | None:
    """The SQL of what a field says where an older event leaves it out."""
    if isinstance(default, bool):
        return str(int(default))
    return text(default.value) if isinstance(default, Code) else None


def _reference(name: str, shape: Shape, kind: Any) -> tuple[Any, Any]:
    if not shape.many:
        return kind | None, one(shape.description, _leaf(name))
    table = str(shape.noun)

    def listed(source: Source, arguments: Arguments) -> str:
        other = source.row.others(table)
        stated = f"FROM json_each({source['body']}, '$.data.{name}')"
        chosen = f"{other.alias}.* FROM {other.rows} AND {other['id']} IN (SELECT value {stated})"
        return f"SELECT {chosen} ORDER BY (SELECT min(key) {stated} WHERE value = {other['id']}) LIMIT -1"

    return list[kind], rows(shape.description, listed)


def _type_of(name: str, content: type[Content]) -> type[Event]:
    """The object type of one event."""
    hints = get_type_hints(content, include_extras=True)
    made = {each.name: _field(each.name, shape_of(hints[each.name]), each.default) for each in fields(content)}
    if "target" in made:
        reading = one(
            "The event that it speaks of.", lambda s: f"{s['stream']} || '@' || ({s['body']} ->> '$.data.target')"
        )
        made["target_event"] = (Event | None, reading)
    members = {field: reading for field, (_, reading) in made.items()}
    annotations = {field: kind for field, (kind, _) in made.items()}
    body = {"__annotations__": annotations, "__module__": __name__, "__doc__": content.__doc__, **members}
    described = sentence((content.__doc__ or "").strip())
    return strawberry.type(description=described)(of_table("event")(type(name, (Event,), body)))


@of_table("event")
@strawberry.type(
    description="An event that this version cannot read. It keeps its place; the object is shown as it was before."
)
class UnreadableEvent(Event):
    """An event that this version cannot read."""


EVENT_TYPES: dict[str, type[Event]] = {
    **{name: _type_of(name, content) for name, content in CATALOGUE.items()},
    UNREADABLE: UnreadableEvent,
}
"""The object type of each event, which the schema must be told of."""
