"""How lists of any noun are chosen and sorted: the filter that all nouns share, and the orders of lists."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import strawberry

from domain.codes import AnomalyKind, Code, EffectKind, PartyRole, SectorScheme, Verification
from domain.values import broken
from schema.enums import described
from schema.filters import Value, any_of, at_most, equals, flag, found, having, owning, where
from schema.plan.source import Row
from schema.scalars import Date, DateTime, Decimal, Position
from service.replica.tables import LAST_DAY

C = TypeVar("C", bound=Code)
COUNTRY = partial(broken, "country")
"""What countries a filter knows, for its option `known`."""


def orders(kind: type[C]) -> type[C]:
    """Makes an enum from a code list whose values are orders, such as `-created`."""
    described(kind)
    return kind


@strawberry.input(description="A party and its role: one link must fit all of this.")
class PartyLinkFilter:
    """Which party, in which role."""

    party: list[strawberry.ID] | None = any_of("One of these parties.", "party")
    role: list[PartyRole] | None = any_of("In one of these roles.", lambda row: _role(row))
    country: list[str] | None = any_of(
        "With its seat in one of these countries, ISO 3166 alpha-3.", "country", known=COUNTRY
    )


def _role(row: Row) -> str:
    """SQL of the role by the link's key, `<party>/<role>`, which every index has."""
    return f"substr({row['key']}, instr({row['key']}, '/') + 1)"


@strawberry.input(description="A sector: one must fit all of this.")
class SectorFilter:
    """Which sector."""

    scheme: SectorScheme | None = equals("Of this classification.", "scheme")
    code: list[str] | None = any_of("With one of these codes.", "code")


@strawberry.input(description="An effect that is claimed: one must fit all of this.")
class EffectFilter:
    """Which effect."""

    kind: list[EffectKind] | None = any_of("Of one of these kinds.", "kind")
    place: list[str] | None = any_of("In one of these places, as it was recorded.", "place")


@strawberry.input(description="A claimed value: one must fit all of this.")
class ClaimedFilter:
    """Which claimed value."""

    subject: list[str] | None = any_of("About one of these subjects, such as `value:HEADLINE`.", "key")
    verification: list[Verification] | None = any_of("Supported so.", "verification")
    adopted: bool | None = flag("Whether the record chose what is shown by hand.", "adopted")


@strawberry.input(description="A source that a claim rests on: one must fit all of this.")
class RestsOnFilter:
    """Which source."""

    source: list[strawberry.ID] | None = any_of("One of these sources itself.", "source")
    origin: list[strawberry.ID] | None = any_of("Going back to one of these sources.", "origin")
    withdrawn: bool | None = flag("Whether the source was withdrawn.", lambda row: _withdrawn(row))


def _withdrawn(row: Row) -> str:
    source = row.others("source")
    return f"{row['source']} IN (SELECT {source['id']} FROM {source.rows} AND {source['withdrawn']} = 1)"


def _says(row: Row, value: Value) -> str:
    prose = row.owned("prose")
    docs = f"SELECT search.rowid FROM main.search WHERE search MATCH fts_all({value}, '{row.table}')"
    return f"EXISTS (SELECT 1 FROM {prose.rows} AND +{prose['doc']} IN ({docs}))"


def _saying(row: Row, value: Value) -> str:
    prose = row.others("prose")
    return (
        f"SELECT {prose['owner']} AS id FROM main.search CROSS JOIN {prose.named}"
        f" ON {prose['doc']} = search.rowid WHERE search MATCH fts_all({value}, '{row.table}') AND {prose.alive}"
    )


def _owns(row: Row, table: str) -> str:
    return f"EXISTS (SELECT 1 FROM {row.owned(table).rows})"


def _owners(table: str) -> Callable[[Row], str]:
    """Makes SQL of the ids of all objects that own a row of the table."""

    def ids(row: Row) -> str:
        other = row.others(table)
        return f"SELECT {other['owner']} AS id FROM {other.rows}"

    return ids


def _disputed(row: Row) -> str:
    claimed = row.others("claimed")
    return f"SELECT {claimed['owner']} AS id FROM {claimed.rows} AND {claimed['verification']} = 'DISPUTED'"


def _created(row: Row, value: Value) -> str:
    return f"{row['created']} > {value}"


def _changed(row: Row, value: Value) -> str:
    return f"{row['changed']} > {value}"


def recorded(sign: str, time: str) -> str:
    """SQL of the last position that was recorded before (`<`) or by (`<=`) a time; 0 for none.

    Not by max(): that walks back along the positions until one is early enough.
    """
    last = f"FROM main.event WHERE event.recorded_at {sign} {time} ORDER BY event.recorded_at DESC, event.position DESC"
    return f"coalesce((SELECT event.position {last} LIMIT 1), 0)"


@strawberry.input(description="What can be asked of any object.")
class ObjectFilter:
    """The filter that all nouns share."""

    id: list[strawberry.ID] | None = any_of("One of these ids.", "id")
    text: str | None = found(
        "Its title or the words of what is claimed of it contain all of these; the last may begin a word.",
        _says,
        _saying,
        light=False,
    )
    sector: SectorFilter | None = having("It belongs to such a sector.", lambda row: row.owned("sector"), "code")
    effect: EffectFilter | None = having("Such an effect is claimed of it.", lambda row: row.owned("effect"), "kind")
    claimed: ClaimedFilter | None = having(
        "It has such a claimed value.", lambda row: row.owned("claimed"), "verification"
    )
    rests_on: RestsOnFilter | None = having(
        "A claim of it rests on such a source.", lambda row: row.owned("claim_source"), "source", "origin", "withdrawn"
    )
    disputed: bool | None = flag("Whether sources disagree about one of its values.", "disputed", _disputed)
    has_anomalies: bool | None = flag(
        "Whether something looks wrong about it.", lambda row: f"{row['anomalies']} > 0", _owners("anomaly")
    )
    anomaly: list[AnomalyKind] | None = owning("Something of these kinds looks wrong about it.", "anomaly", "kind")
    corrected: bool | None = flag(
        "Whether it was ever put right.", lambda row: _owns(row, "correction"), _owners("correction")
    )
    retracted: bool | None = flag(
        "Whether its opening event was retracted; lists leave such objects out where this is not given.",
        "retracted",
        lambda row: f"SELECT {row['id']} AS id FROM {row.rows} AND {row['retracted']} = 1",
    )
    recorded_from: DateTime | None = where(
        "Its opening event was recorded at this time or later.",
        lambda row, value: f"{row['recorded_at']} >= {value}",
        ("created", lambda row, value: f"{row['created']} > {recorded('<', value)}"),
    )
    recorded_to: DateTime | None = where(
        "Its opening event was recorded at this time or before.",
        lambda row, value: f"{row['recorded_at']} <= {value}",
        ("created", lambda row, value: f"{row['created']} <= {recorded('<=', value)}"),
    )
    created_after: Position | None = where(
        "Its opening event was recorded after this position.", _created, ("created", _created)
    )
    changed_after: Position | None = where(
        "Its latest event was recorded after this position.", _changed, ("changed", _changed)
    )


def linked(row: Row) -> Row:
    """A party of the object."""
    return row.owned("party_link")


@strawberry.input(description="A range of days; days that are not known lie in none.")
class PeriodFilter:
    """A range of days."""

    since: Date | None = where(
        "On this day or later, by the earliest that the date may mean.",
        lambda row, value: f"{row['day']} >= {value} AND {row['day']} < '{LAST_DAY}'",
    )
    until: Date | None = at_most("On this day or before, by the earliest that the date may mean.", "day")


@strawberry.input(
    description="A range of values. Numbers are compared whatever their currency, so name one: none is converted."
)
class ValueFilter:
    """A range of values."""

    currency: str | None = equals("In this currency, ISO 4217.", "value_currency", known=partial(broken, "currency"))
    at_most: Decimal | None = where(
        "This much or less, by the stated number.",
        lambda row, value: f"{row['value_key']} > '' AND {row['value_key']} <= number_key({value})",
    )
    at_least: Decimal | None = where(
        "This much or more, by the stated number.", lambda row, value: f"{row['value_key']} >= number_key({value})"
    )
    disclosed: bool | None = flag(
        "Whether there is a number at all.",
        lambda row: f"{row['value_key']} > ''",
        denied=lambda row: f"{row['value_key']} = ''",
    )
