"""What changed of an object, field by field, in SQL: versions of its rows beside those before them.

Each field is told once, under the name by which clients ask for it: a claimed value by the field that shows it, and
what only restates another field (a value's number beside the value) not at all.
"""

from schema.plan.source import Arguments, Source
from schema.sql import text
from service.audit.rested import FLAGS
from service.replica.tables import NOUN_TABLES

_TECHNICAL = {
    *("created", "recorded_at", "changed", "version", "disputed", "anomalies", "day", "announced", "verification"),
    *("value_subject", "value_key", "value_low", "value_high", "value_number", "value_currency", "value_basis"),
}
"""Columns of nouns that are not told, or are told as what is claimed."""
_RESTATED = {"party": "country", "source": "published_on"}
"""A column of a noun that says again what a claimed value of it says."""

_OWNED: dict[str, tuple[str, tuple[str, ...]]] = {
    "party_link": ("parties", ("party", "role")),
    "sector": ("sectors", ("code", "percent")),
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

_CLAIMED = (
    *("purpose", "term", "announced", "adopted", "signed", "in_force", "convened", "established", "dissolved"),
    *("legal_act", "mandate_act", "seat", "horizon", "published", "localization_rate"),
)
"""Subjects of claims that a field of the same name shows."""
_SAID = (
    *("title", "name", "kind", "binding", "gathering", "series", "session", "place", "period", "country"),
    *("investor", "host", "publisher", "parties", "sectors", "mandate"),
)
"""Subjects whose text is a column or list of the object: of the claim itself, only how well it is supported is told."""
_ELSEWHERE = "~"
"""Behind a name: the text is told elsewhere."""


def field_steps(change: Source, arguments: Arguments) -> str:
    """SQL of the steps of a change: position, field, name, item, part, was and now."""
    path = """('$."' || field.key || '"')"""
    was, now = (f"step.{side} ->> {path}" for side in ("was", "now"))
    name = f"rtrim(coalesce(step.name, field.key), '{_ELSEWHERE}')"
    part = "iif(step.name IS NULL OR step.item IS NULL AND field.key = 'text', NULL, field.key)"
    elsewhere = f"field.key = 'text' AND substr(step.name, -1) = '{_ELSEWHERE}'"
    inner = (
        f"SELECT DISTINCT step.position AS position, {name} AS name, step.item AS item, {part} AS part,"
        f" CAST({was} AS TEXT) AS was, CAST({now} AS TEXT) AS now"
        f" FROM ({_all_steps(change)} LIMIT -1) AS step, json_each(coalesce(step.now, step.was)) AS field"
        f" WHERE {was} IS NOT {now} AND NOT coalesce({elsewhere}, 0)"
        f" AND NOT (step.was IS NULL AND {now} IN ('false', 0))"
    )
    field = "concat(name, '/' || item, '/' || part)"
    return f"SELECT *, {field} AS field FROM ({inner}) ORDER BY position, {field} LIMIT -1"


def _all_steps(change: Source) -> str:
    steps: list[str] = []
    for noun in NOUN_TABLES:
        left_out = _TECHNICAL | {_RESTATED.get(noun.name)}
        columns = tuple(name for name in noun.names if name not in left_out)
        steps += _steps(noun.name, ("id",), columns, change)
    for table, (name, columns) in _OWNED.items():
        steps += _steps(table, ("owner", "key"), columns, change, text(name))
    return " UNION ALL ".join((*steps, *_steps("claimed", ("owner", "key"), ("text", "verification"), change)))


def _steps(
    table: str, keys: tuple[str, ...], columns: tuple[str, ...], change: Source, name: str | None = None
) -> list[str]:
    """SQL of the versions that began, and of those that ended without another, within the time of a change."""
    same = " AND ".join(f"old.{key} = new.{key}" for key in keys)
    range_ = f"> {change['since']} AND {{}} <= {change['until']}"
    new, old = _json(table, "new", "new.since", columns), _json(table, "old", "old.until - 1", columns)
    return [
        f"SELECT new.since AS position, {_named(table, name, 'new', 'new.since')}, {new} AS now,"
        f" (SELECT {old} FROM main.{table} AS old WHERE {same} AND old.until = new.since) AS was"
        f" FROM main.{table} AS new WHERE new.{keys[0]} = {change['key']} AND new.since {range_.format('new.since')}",
        f"SELECT old.until, {_named(table, name, 'old', None)}, NULL, {old} FROM main.{table} AS old"
        f" WHERE old.{keys[0]} = {change['key']} AND old.until {range_.format('old.until')}"
        f" AND NOT EXISTS (SELECT 1 FROM main.{table} AS new WHERE {same} AND new.since = old.until)",
    ]


def _named(table: str, name: str | None, row: str, at: str | None) -> str:
    """SQL of the field's name and the item's key: no name for the columns of a noun, no item for a value by itself."""
    if table == "claimed":
        shown = _shown(row, at)
        return f"coalesce({shown}, 'claimed') AS name, iif({shown} IS NULL, {row}.key, NULL) AS item"
    return "NULL AS name, NULL AS item" if name is None else f"{name} AS name, {row}.key AS item"


def _shown(row: str, at: str | None) -> str:
    """SQL of the field that shows a claimed value, NULL if none does but `claimed`."""
    names = {subject: _camel(subject) for subject in _CLAIMED} | {"invested": "investedOn"}
    names |= {subject: f"{_camel(subject)}Claimed{_ELSEWHERE}" for subject in _SAID}
    known = f"CASE {row}.key {' '.join(f'WHEN {text(key)} THEN {text(name)}' for key, name in names.items())} END"
    if at is None:
        return known
    value = f"iif({row}.key IS {_value_subject(row, f'{at} - 1')}, 'value', 'value{_ELSEWHERE}')"
    return f"CASE WHEN {row}.key = {_value_subject(row, at)} THEN {value} ELSE {known} END"


def _value_subject(row: str, at: str) -> str:
    """SQL of the subject that the owner of a claimed value showed as its value at a position."""
    whens = (
        f"WHEN '{noun.name}' THEN (SELECT whole.value_subject FROM main.{noun.name} AS whole"
        f" WHERE whole.id = {row}.owner AND whole.since <= {at} AND whole.until > {at})"
        for noun in NOUN_TABLES
        if "value_subject" in noun.names
    )
    return f"CASE substr({row}.owner, 1, instr({row}.owner, ':') - 1) {' '.join(whens)} END"


def _json(table: str, row: str, at: str, columns: tuple[str, ...]) -> str:
    members = [f"{text(_camel(name))}, {_told(f'{row}.{name}', name)}" for name in columns]
    if any(noun.name == table and "value_subject" in noun.names for noun in NOUN_TABLES):
        members.append(
            f"'value', (SELECT worth.text FROM main.claimed AS worth WHERE worth.owner = {row}.id"
            f" AND worth.key = {row}.value_subject AND worth.since <= {at} AND worth.until > {at})"
        )
    return f"json_object({', '.join(members)})"


def _told(column: str, name: str) -> str:
    return f"CASE {column} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END" if name in FLAGS else column


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
