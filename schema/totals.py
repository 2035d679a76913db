"""Totals of deals by the counting rule: each deal once, firm and of real money, with what is left out and why."""

from typing import Any

import strawberry

from domain.codes import Code, DealCommitment, DealKind, MoneyBasis, SectorScheme
from schema.deal import Deal, DealFilter
from schema.enums import described
from schema.node import DealRef
from schema.plan.arguments import chosen
from schema.plan.pieces import kept
from schema.plan.source import SELECTED, Arguments, Row, Source
from schema.plan.ways import Way, Ways
from schema.scalars import Decimal
from schema.sql import argument, choice, column, computed, embed, one, rows


class DealTotalsBy(Code):
    """What totals are grouped by, beside the currency."""

    COUNTRY = "COUNTRY", "the country of a party; a deal counts once in each of its countries"
    PAIR = "PAIR", "two countries of its parties; a deal counts once in each of its pairs"
    SECTOR = "SECTOR", "a sector; a deal counts once in each of its sectors"
    KIND = "KIND", "what sort of business it is"
    YEAR = "YEAR", "the year in which it was announced"
    COMMITMENT = "COMMITMENT", "how far it has come"


class ExclusionReason(Code):
    """Why a deal is left out of totals."""

    NOT_FIRM = "NOT_FIRM", "its commitment is not FIRM, IN_DELIVERY or COMPLETED"
    NO_VALUE = "NO_VALUE", "no value of the whole deal was reported"
    UNDISCLOSED = "UNDISCLOSED", "its value was not disclosed"
    NO_REAL_MONEY_BASIS = (
        "NO_REAL_MONEY_BASIS",
        "its value names no real money: a list price, a financing ceiling, an export content, or nothing said",
    )
    COVERS_MORE_THAN_FIRM = "COVERS_MORE_THAN_FIRM", "its value covers more than what is firm"
    NO_CLAIM_STANDS = "NO_CLAIM_STANDS", "no claim of its value stands any more"


described(DealTotalsBy)
described(ExclusionReason)


@strawberry.type(description="A sector that totals are grouped by.")
class TotalSector:
    """A sector."""

    scheme: SectorScheme = column("The classification of the code.")
    code: str = column("The code, or the words of the source for AS_STATED.")


_FIRST = argument("first", int | None, "How many at most: 100 if not said, and no more than 1000.")


_MOST = 1000


def _limit(arguments: Arguments) -> str:
    asked = arguments.get("first")
    return "100" if asked is None else f"max(min({asked}, {_MOST}), 0)"


def _members(source: Source, arguments: Arguments) -> str:
    deal = source.row.others("deal")
    return (
        f"SELECT {deal.alias}.* FROM json_each({source['members']}) AS listed CROSS JOIN {deal.named}"
        f" WHERE {deal.alive} AND {deal.has_id('listed.value')} ORDER BY listed.key LIMIT {_limit(arguments)}"
    )


@strawberry.type(description="The sum of one group of deals in one currency.")
class DealTotal:
    """One total."""

    currency: str = column("ISO 4217 code. Currencies are never added to one another.")
    total: Decimal = column("The exact sum of the stated numbers.")
    count: int = column("How many deals it counts.")
    country: str | None = column("The country, where totals are by COUNTRY; null for deals without any.")
    pair: list[str] | None = embed("The two countries, where totals are by PAIR; null for deals without two.", "pair")
    sector: TotalSector | None = embed("The sector, where totals are by SECTOR; null for deals without any.", "sector")
    kind: DealKind | None = column("What sort of business, where totals are by KIND.")
    year: int | None = column("The year of announcement, where totals are by YEAR; null where it is not known.")
    commitment: DealCommitment | None = column("How far they have come, where totals are by COMMITMENT.")
    deals: list[Deal] = rows("The deals that it counts, the latest recorded first.", _members, _FIRST)


@strawberry.type(description="A deal that totals leave out.")
class ExcludedDeal:
    """A deal that is left out."""

    deal: DealRef | None = one("The deal.", "deal")
    reasons: list[ExclusionReason] = embed("Why it is left out.", "reasons")
    currency: str | None = column("The currency of its value.")
    number: Decimal | None = column("The stated number of its value.")
    basis: MoneyBasis | None = column("What its value counts.")
    covers: str | None = column("What its value covers.")


@strawberry.type(description="How many deals are left out for one reason. A deal can have several.")
class ExclusionCount:
    """A count."""

    reason: ExclusionReason = column("The reason.")
    count: int = column("How many deals have it.")


def _excluded(source: Source, arguments: Arguments) -> str:
    values = ", ".join(f"value ->> '{name}' AS {name}" for name in ("deal", "currency", "number", "basis", "covers"))
    return (
        f"SELECT {values}, value -> 'reasons' AS reasons FROM json_each({source['excluded']}) LIMIT {_limit(arguments)}"
    )


def _count(source: Source, test: str) -> str:
    """SQL of how many deals are left out for reasons whose bits pass a test."""
    return f"(SELECT coalesce(sum(left_out.value), 0) FROM json_each({source['counts']}) AS left_out WHERE {test})"


def _reasons(source: Source, arguments: Arguments) -> str:
    counts = (
        f"SELECT '{reason.value}' AS reason, {_count(source, f'left_out.key & {bit}')} AS count"
        for reason, bit in _BITS.items()
    )
    return f"SELECT * FROM ({' UNION ALL '.join(counts)}) WHERE count > 0 ORDER BY reason LIMIT -1"


@strawberry.type(
    description="Totals by the counting rule: a deal counts once whatever programmes include it, when its commitment "
    "is FIRM, IN_DELIVERY or COMPLETED and its value names real money and covers no more than what is firm."
)
class DealTotals:
    """Totals of deals."""

    counted: int = computed("How many deals are counted.", lambda s: f"coalesce({s['counts']} ->> '$.0', 0)")
    left_out: int = computed("How many of the chosen deals are left out.", lambda s: _count(s, "left_out.key <> '0'"))
    totals: list[DealTotal] = embed("The sums, by currency and group.", "totals")
    reasons: list[ExclusionCount] = rows("How many are left out for which reason.", _reasons)
    excluded: list[ExcludedDeal] = rows(
        "The deals that are left out, each with its reasons, the latest recorded first.", _excluded, _FIRST
    )


_REAL = "('ACTUALLY_PAID', 'CONTRACT', 'OFFICIAL_ESTIMATE', 'HEADLINE')"
_FIRM = "('FIRM', 'IN_DELIVERY', 'COMPLETED')"
_BITS = {reason: 1 << number for number, reason in enumerate(ExclusionReason)}


def _covers_more(deal: Row) -> str:
    """Whether a value that says what it covers may cover more than firm lines: some are not firm, or none is known."""
    line, open_ = deal.owned("line"), deal.owned("line")
    parts = ("open_options", "purchase_rights", "intended")
    beyond = " + ".join(f"coalesce({open_[part]}, 0)" for part in parts)
    unclear = f"coalesce({open_['not_stated']}, 0) > coalesce({open_['firm']}, 0) + 0"
    return (
        f"{deal['value_covers']} IS NOT NULL AND (NOT EXISTS (SELECT 1 FROM {line.rows}) OR"
        f" EXISTS (SELECT 1 FROM {open_.rows} AND ({beyond} > 0 OR {unclear})))"
    )


def _tests(deal: Row) -> dict[ExclusionReason, str]:
    """The predicates of the reasons to leave a deal out; none is NULL."""
    return {
        ExclusionReason.NOT_FIRM: f"{deal['commitment']} NOT IN {_FIRM}",
        ExclusionReason.NO_VALUE: f"{deal['value_subject']} IS NULL",
        ExclusionReason.UNDISCLOSED: f"{deal['value_subject']} IS NOT NULL AND {deal['value_number']} IS NULL",
        ExclusionReason.NO_REAL_MONEY_BASIS: f"{deal['value_number']} IS NOT NULL"
        f" AND coalesce({deal['value_basis']}, '') NOT IN {_REAL}",
        ExclusionReason.COVERS_MORE_THAN_FIRM: _covers_more(deal),
        ExclusionReason.NO_CLAIM_STANDS: f"coalesce({deal['verification']} = 'RETRACTED', 0)",
    }


def _chosen(source: Source, arguments: Arguments) -> str:
    """SQL of the chosen deals; `left_out` has a bit for each reason to leave it out, 0 for a deal that is counted."""

    def select(way: Way) -> str:
        return f"SELECT {_columns(way.row)} FROM {way.rows} WHERE {way.where} AND {_passing(way.row, arguments)}"

    return Ways(source.row, "deal", "created", arguments["filter"], DealFilter).union(select, "-1")


def _passing(deal: Row, arguments: Arguments) -> str:
    return f"{deal['retracted']} = 0 AND {chosen(arguments['filter'], DealFilter, deal, few=True)}"


def _columns(deal: Row) -> str:
    year = f"iif({deal['day']} < '9999', CAST(substr({deal['day']}, 1, 4) AS INTEGER), NULL)"
    bits = " + ".join(f"({test}) * {_BITS[reason]}" for reason, test in _tests(deal).items())
    return (
        f"{deal['id']} AS deal, {deal['created']} AS created, {deal['kind']} AS kind,"
        f" {deal['commitment']} AS commitment, {year} AS year,"
        f" {deal['value_currency']} AS currency, {deal['value_number']} AS number, {deal['value_basis']} AS basis,"
        f" {deal['value_covers']} AS covers, {bits} AS left_out"
    )


def _groups(row: Row, by: list[DealTotalsBy]) -> tuple[dict[str, str], str]:
    """The keys of the groups, name to SQL, and the joins that they need."""
    plain = (DealTotalsBy.KIND, DealTotalsBy.YEAR, DealTotalsBy.COMMITMENT)
    keys = {each.lower(): each.lower() for each in plain if each in by}
    joins = ""
    if DealTotalsBy.COUNTRY in by:
        link = row.others("party_link")
        keys["country"] = "country.code"
        select = f"SELECT DISTINCT {link['owner']} AS deal, {link['country']} AS code FROM {link.rows}"
        joins += f" LEFT JOIN ({select} AND {link['country']} IS NOT NULL) AS country USING (deal)"
    if DealTotalsBy.PAIR in by:
        keys["pair"] = "pair.code"
        joins += f" LEFT JOIN ({_pairs(row)}) AS pair USING (deal)"
    if DealTotalsBy.SECTOR in by:
        sector = row.others("sector")
        keys["sector"] = "sector.code"
        code = f"json_object('scheme', {sector['scheme']}, 'code', {sector['code']})"
        select = f"SELECT DISTINCT {sector['owner']} AS deal, {code} AS code FROM {sector.rows}"
        joins += f" LEFT JOIN ({select}) AS sector USING (deal)"
    return keys, joins


def _pairs(row: Row) -> str:
    one_, other = row.others("party_link"), row.others("party_link")
    return (
        f"SELECT DISTINCT {one_['owner']} AS deal, json_array({one_['country']}, {other['country']}) AS code"
        f" FROM {one_.schema}.party_link AS {one_.alias} JOIN {other.schema}.party_link AS {other.alias}"
        f" ON {other['owner']} = {one_['owner']} AND {other['country']} > {one_['country']}"
        f" WHERE {one_.alive} AND {other.alive}"
    )


_POINT = "instr(number, '.')"
_SMALL = f"length(number) - {_POINT} < 13 AND ({_POINT} = 0 OR {_POINT} < 13 AND length(number) - {_POINT} <= 6)"
"""Numbers whose whole part and millionths both fit a 64-bit sum of millions of them; `-0.5` has no whole part."""


def _sum() -> str:
    """SQL of the exact sum of the column `number`: by whole numbers where they are small, else by decimals."""
    small = f"({_SMALL}) AND instr(number, '-') = 0"
    millionths = f"CAST(substr(substr(number, {_POINT} + 1) || '000000', 1, 6) AS INTEGER)"
    parts = f"sum({millionths}) FILTER (WHERE {small} AND {_POINT} > 0)"
    return (
        f"decimal_add(sum(CAST(number AS INTEGER)) FILTER (WHERE {small}),"
        f" iif({parts} IS NULL, 0, printf('%d.%06d', {parts} / 1000000, {parts} % 1000000)),"
        f" decimal_sum(number) FILTER (WHERE NOT ({small})))"
    )


def _totals(row: Row, by: list[DealTotalsBy], members: bool) -> str:
    """SQL of the JSON array of the totals, each with the ids of its deals if they are asked for."""
    keys, joins = _groups(row, by)
    columns = "".join(f", {sql} AS {name}_" for name, sql in keys.items())
    group = "".join(f", {name}_" for name in keys)
    as_json = {name: f"json({name}_)" if name in ("pair", "sector") else f"{name}_" for name in keys}
    said = "".join(f", '{name}', {sql}" for name, sql in as_json.items())
    listed = "json_group_array(deal ORDER BY created DESC)" if members else "NULL"
    first = f"SELECT json_group_array(value) FROM (SELECT value FROM json_each(members) ORDER BY key LIMIT {_MOST})"
    sums = (
        f"SELECT currency{columns}, {_sum()} AS total, count(*) AS count, {listed} AS members"
        f" FROM counted{joins} GROUP BY currency{group} ORDER BY currency{group} LIMIT -1"
    )
    whole = f"'currency', currency, 'total', total, 'count', count, 'members', ({first}){said}"
    return f"SELECT json_group_array(json_object({whole})) FROM ({sums})"


def _excluded_list() -> str:
    """SQL of the JSON array of the deals that are left out, as many as can be asked for."""
    given = ", ".join(f"""iif(left_out & {bit}, ',"{reason.value}"', '')""" for reason, bit in _BITS.items())
    reasons = f"json(concat('[', substr(concat({given}), 2), ']'))"
    columns = "'deal', deal, 'currency', currency, 'number', number, 'basis', basis, 'covers', covers"
    listed = f"SELECT * FROM chosen WHERE left_out ORDER BY created DESC LIMIT {_MOST}"
    return f"SELECT json_group_array(json_object({columns}, 'reasons', {reasons})) FROM ({listed})"


def _select(source: Source, arguments: Arguments) -> str:
    """What is asked for, each part by itself, kept for the position."""
    made = (
        f"WITH chosen AS NOT MATERIALIZED ({_chosen(source, arguments)}),"
        " counted AS NOT MATERIALIZED (SELECT * FROM chosen WHERE left_out = 0) "
    )
    asked = arguments[SELECTED]
    by_bits = "SELECT left_out, count(*) AS n FROM chosen GROUP BY left_out"
    parts = {
        "counts": f"SELECT json_group_object(left_out, n) FROM ({by_bits})",
        "totals": _totals(source.row, arguments["by"] or [], "deals" in asked),
        "excluded": _excluded_list(),
    }
    position = source.row.scope.position
    columns = [
        f"{kept(made + sql, position)} AS {name}" for name, sql in parts.items() if name == "counts" or name in asked
    ]
    return f"SELECT {', '.join(columns)} LIMIT 1"


def deal_totals() -> Any:
    """The root field."""
    return rows(
        "Totals of the chosen deals by the counting rule, with what is left out and why.",
        _select,
        choice("by", list[DealTotalsBy] | None, "What to group by, beside the currency; all in one group if not said."),
        argument("filter", DealFilter | None, "Only deals for which all of this holds."),
        root=True,
    )
