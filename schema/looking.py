"""Lists over the whole record: its events, and what was put right in it."""

import strawberry

from domain.catalogue import CATALOGUE
from domain.codes import Code, CorrectionCause
from schema.choosing import PeriodFilter, orders, recorded
from schema.filters import Value, any_of, at_most, every, flag, neither, some, where, within
from schema.plan.source import Row
from schema.scalars import DateTime, Position
from schema.search import Noun


def _names_source(row: Row, value: Value) -> str:
    found = f"json_each({row['body']}, '$.sources') AS given WHERE {value.is_in('''given.value ->> '$.source' ''')}"
    named = f"instr({row['body']}, {value}) AND " if value.single else ""  # much sooner told than by reading the JSON
    return f"{named}EXISTS (SELECT 1 FROM {found})"


def _strange(event: str) -> str | None:
    """Why no event has this name."""
    return None if event in CATALOGUE else f"{event[:60]!r} is not an event of the record, such as AgreementSigned"


def _put_right(row: Row) -> str:
    other = row.others("correction")
    own = f"{other['owner']} = {row['stream']} AND {other['target']} = {row['id']}"
    return f"EXISTS (SELECT 1 FROM {other.rows} AND {own} AND {other['retracted']} = 0)"


def _recorded_from(row: Row, value: Value) -> str:
    """By position, which an index has: recorded times never go back."""
    return f"{row['position']} > {recorded('<', value)}"


def _recorded_to(row: Row, value: Value) -> str:
    return f"{row['position']} <= {recorded('<=', value)}"


@strawberry.input(description="Which events.")
class EventFilter:
    """Which events."""

    object: list[strawberry.ID] | None = any_of("Of one of these objects.", "stream")
    noun: list[Noun] | None = any_of("Of objects of these nouns.", "noun")
    type: list[str] | None = any_of("Of one of these types, such as `AgreementSigned`.", "type", known=_strange)
    after: Position | None = where("Behind this position.", lambda row, value: f"{row['position']} > {value}")
    until: Position | None = at_most("Up to this position.", "position")
    occurred: PeriodFilter | None = within("That happened in the world in this period.")
    recorded_from: DateTime | None = where("Recorded at this time or later.", _recorded_from)
    recorded_to: DateTime | None = where("Recorded at this time or before.", _recorded_to)
    recorded_by: list[str] | None = any_of("Recorded by one of these.", "recorded_by")
    command: list[str] | None = any_of("Recorded by one of these commands.", "command_id")
    source: list[strawberry.ID] | None = where("That name one of these sources.", _names_source)
    put_right: bool | None = flag("Whether a later event corrects or retracts it.", _put_right)
    all_of: list["EventFilter"] | None = every()
    any_of: list["EventFilter"] | None = some()
    none_of: "EventFilter | None" = neither()


@orders
class EventOrder(Code):
    """What events are sorted by."""

    NEWEST = "-position", "the latest recorded first"
    OLDEST = "position", "in order of recording"


@strawberry.input(description="Which acts on the record.")
class CorrectionFilter:
    """Which acts on the record."""

    object: list[strawberry.ID] | None = any_of("Of one of these objects.", "owner")
    noun: list[Noun] | None = any_of(
        "Of objects of these nouns.", lambda row: f"substr({row['owner']}, 1, instr({row['owner']}, ':') - 1)"
    )
    kind: list[str] | None = any_of("Of one of these kinds, such as `FactCorrected`.", "kind", known=_strange)
    cause: list[CorrectionCause] | None = any_of("For one of these causes.", "cause")
    field: list[str] | None = any_of("Of one of these fields, as they are named on disk.", "field")
    retracted: bool | None = flag("Whether it was itself retracted later.", lambda row: f"{row['retracted']} = 1")
    recorded_by: list[str] | None = any_of("Recorded by one of these.", "recorded_by")
    after: Position | None = where("Behind this position.", lambda row, value: f"{row['position']} > {value}")
    until: Position | None = at_most("Up to this position.", "position")
    recorded_from: DateTime | None = where("Recorded at this time or later.", _recorded_from)
    recorded_to: DateTime | None = where("Recorded at this time or before.", _recorded_to)
    all_of: list["CorrectionFilter"] | None = every()
    any_of: list["CorrectionFilter"] | None = some()
    none_of: "CorrectionFilter | None" = neither()


@orders
class CorrectionOrder(Code):
    """What acts on the record are sorted by."""

    NEWEST = "-position", "the latest recorded first"
    OLDEST = "position", "in order of recording"
