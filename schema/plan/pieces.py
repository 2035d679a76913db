"""JSON text built in SQL: constant pieces and expressions, joined by concat()."""

import re
from collections.abc import Iterable

MISSING = "\x01"
"""Stands where a value is missing that may not be; it cannot occur in JSON text, so its presence tells."""

MISSING_SQL = "char(1)"
_MOST_MEMBERS = 40  # of one json_object(), two arguments each
_MOST = 400  # arguments of one concat(); SQLite takes 1000 at most, older builds 100 to 500


class Text(str):
    """A constant piece of JSON."""

    __slots__ = ()


_PLACEHOLDER = re.compile(r"\?[0-9]+")

Pieces = list[str]
"""Texts and SQL expressions, in order."""


class Leaf(str):
    """SQL of the JSON text of a text or whole number, or of null; or of an object, which SQLite knows to be JSON."""

    __slots__ = ("value",)
    value: str
    """SQL of the value itself, as an argument of a function that makes JSON."""


def leaf_of(value: str) -> Leaf:
    """SQL of the JSON text of a value that SQL gives."""
    return _leaf(f"json_quote({value})", value)


def _leaf(sql: str, value: str) -> Leaf:
    made = Leaf(sql)
    made.value = value
    return made


def value_of(pieces: Pieces) -> str | None:
    """SQL of the value whose JSON text the pieces are, if they are that of a leaf."""
    match pieces:
        case [Leaf() as leaf]:
            return leaf.value
        case [Text() as constant] if constant[0] == constant[-1] == '"':
            return literal(constant[1:-1])
        case [Text('"'), str(sql), Text('"')]:
            return sql
    return None


def object_of(members: list[tuple[str, Pieces]]) -> str:
    """SQL of the JSON text of an object."""
    values = [value_of(pieces) for _, pieces in members]
    if len(values) <= _MOST_MEMBERS and None not in values:
        pairs = (f"{literal(key)}, {value}" for (key, _), value in zip(members, values, strict=True))
        made = f"json_object({', '.join(pairs)})"
        return _leaf(made, made)
    inside: Pieces = []
    for key, pieces in members:
        inside += [Text(f'{"," if inside else ""}"{key}":'), *pieces]
    return joined([Text("{"), *inside, Text("}")])


def joined(pieces: Iterable[str]) -> str:
    """SQL of the whole text; an expression that is NULL adds nothing."""
    merged = _merged(pieces)
    parts = [literal(piece) if isinstance(piece, Text) else piece for piece in merged]
    if len(parts) == 1:
        return parts[0] if isinstance(merged[0], Text) else f"concat({parts[0]})"
    while len(parts) > _MOST:
        parts = [f"concat({', '.join(parts[start : start + _MOST])})" for start in range(0, len(parts), _MOST)]
    return f"concat({', '.join(parts)})"


def quoted(name: str) -> Text:
    """A name as a JSON text."""
    return Text(f'"{name}"')


def literal(text: str) -> str:
    """A constant as SQL."""
    return "'" + text.replace("'", "''") + "'"


def _merged(pieces: Iterable[str]) -> list[str]:
    made: list[str] = []
    for piece in pieces:
        if isinstance(piece, Text) and made and isinstance(made[-1], Text):
            made[-1] = Text(made[-1] + piece)
        else:
            made.append(piece)
    return made or [Text("")]


def listed(item: str, rows: str) -> str:
    """SQL of a JSON array: `item` for each of `rows`, in their order."""
    return f"(SELECT concat('[', group_concat({item}, ','), ']') FROM {rows})"


def array(item: str, rows: str) -> str:
    """SQL of a JSON array like that of `listed`, made faster where the items are leaves."""
    return f"(SELECT json_group_array({item}) FROM {rows})" if isinstance(item, Leaf) else listed(item, rows)


def sorted_list(item: str, alias: str, rows: str, order: str) -> str:
    """SQL of a JSON array: `item` for each of `rows`, which lie in a table under an alias, in an order."""
    if not isinstance(item, Leaf):
        return listed("j", f"(SELECT {item} AS j FROM {rows} ORDER BY {order})")
    used = dict.fromkeys(re.findall(rf"\b{alias}\.(\w+)", item))
    columns = ", ".join(f"{alias}.{name} AS {name}" for name in used) or "1"
    return f"(SELECT json_group_array({item}) FROM (SELECT {columns} FROM {rows} ORDER BY {order}) AS {alias})"


def otherwise(sql: str, nullable: bool) -> str:
    """SQL that is never NULL: null where that is allowed, else the mark that a value is missing."""
    return f"coalesce({sql}, {literal('null') if nullable else MISSING_SQL})"


def kept(select: str, position: str) -> str:
    """SQL of the value of a SELECT, which may depend on bound values and the position (SQL) alone: worked out once."""
    values = list(dict.fromkeys(_PLACEHOLDER.findall(select)))
    inner = _PLACEHOLDER.sub(lambda found: f"?{values.index(found[0]) + 1}", select)
    return f"kept({', '.join((literal(inner), position, *values))})"
