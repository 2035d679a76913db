"""The values that claims hold: money, quantities, dates of the world and texts, with their computed bounds."""

from typing import Annotated

import strawberry

from domain.codes import Modifier, MoneyBasis
from schema.scalars import Date, Decimal, EdtfDate
from schema.sql import Document, Kinds, Source, Sql, column, computed

_LOW = "The lower stated number; for one number, the same as `high`. Null for UP_TO, and where none is disclosed."
_HIGH = "The upper stated number; for one number, the same as `low`. Null for OVER and AT_LEAST, or if undisclosed."


def _bound(name: str) -> Sql:
    """SQL of a bound: the one kept with a claim, else worked out from the stated numbers."""

    def sql(source: Source) -> str:
        if not isinstance(source, Document):
            return source[name]
        kept = f"json_type({source.json}, '$.{name}') IS NOT NULL"
        return f"CASE WHEN {kept} THEN {source[name]} ELSE {name}({source.json}) END"

    return sql


@strawberry.type(
    description="An amount of money as a source states it. Nothing is converted; a missing amount is never 0."
)
class Money:
    """An amount of money."""

    currency: str = column("ISO 4217 code, such as USD.")
    basis: MoneyBasis | None = column("What the amount counts; null where nothing was said of it, which is an anomaly.")
    low: Decimal | None = column(_LOW)
    high: Decimal | None = column(_HIGH)
    modifier: Modifier = computed(
        "How the source qualifies the number.", lambda s: f"coalesce({s['modifier']}, 'EXACTLY')"
    )
    as_stated: str | None = column("The figure's own words, such as 'nearly $8 billion'.")
    at_least: Decimal | None = computed("The least that it may mean; null where nothing bounds it.", _bound("at_least"))
    at_most: Decimal | None = computed("The most that it may mean; null where nothing bounds it.", _bound("at_most"))


@strawberry.type(description="A number of things as a source states it, with its unit.")
class StatedQuantity:
    """A number of things."""

    unit: str = column("What is counted, such as aircraft, jobs, percent or years.")
    low: Decimal | None = column(_LOW)
    high: Decimal | None = column(_HIGH)
    modifier: Modifier = computed(
        "How the source qualifies the number.", lambda s: f"coalesce({s['modifier']}, 'EXACTLY')"
    )
    as_stated: str | None = column("The figure's own words, such as 'over 600'.")
    at_least: Decimal | None = computed("The least that it may mean; null where nothing bounds it.", _bound("at_least"))
    at_most: Decimal | None = computed("The most that it may mean; null where nothing bounds it.", _bound("at_most"))


@strawberry.type(description="When something held or happened in the world, often imprecise.")
class WorldDate:
    """A date of the world."""

    edtf: EdtfDate = column("The date as an EDTF text, such as 2025-09 or 2009/...")
    earliest: Date | None = column("The first day that it may mean; null if unknown or open.")
    latest: Date | None = column("The last day that it may mean; null if unknown or open.")


@strawberry.type(description="A claimed text, code or list of these in words.")
class TextValue:
    """A claimed text."""

    text: str = column("The words; several are joined by commas.")


ClaimValue = Annotated[
    Money | StatedQuantity | TextValue | WorldDate,
    strawberry.union("ClaimValue", description="What somebody claims: an amount, a number, a text or a date."),
]

VALUE_KINDS = Kinds(
    lambda source: source.row["kind"],
    {"MONEY": "Money", "QUANTITY": "StatedQuantity", "TEXT": "TextValue", "DATE": "WorldDate"},
)
"""Which member of `ClaimValue` the JSON of a row with a column `kind` is."""
