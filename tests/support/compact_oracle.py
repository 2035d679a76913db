"""The compact schema in plain Python: graphql-core over lists of rows, with nothing shared with the compiler."""

import re
from collections.abc import Callable
from typing import Any

import orjson
from graphql import ExecutionResult, GraphQLError, GraphQLSchema, build_schema, execute, parse

from tests.support.compact_rows import Rows

At = tuple[dict[str, Any], int]
"""A row, and the position that it was read at."""


class Oracle:
    """Answers the same documents from the same rows."""

    def __init__(self, sdl: str, rows: Rows) -> None:
        """Take the printed schema and the rows."""
        self.rows = rows
        self.schema: GraphQLSchema = build_schema(sdl)
        for type_name, fields in self._resolvers().items():
            for name, resolve in fields.items():
                kind: Any = self.schema.type_map[type_name]
                kind.fields[name].resolve = resolve
        for name, abstract in (("Node", _noun), ("Claimed", _kind)):
            kind = self.schema.type_map[name]
            kind.resolve_type = abstract

    def answer(self, text: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The response, without the places of errors."""
        found = execute(self.schema, parse(text), variable_values=variables, field_resolver=_column)
        assert isinstance(found, ExecutionResult)
        return {"data": found.data, "failed": sorted(str(error.path) for error in found.errors or ())}

    def find(self, table: str, id: Any, at: int) -> At | None:
        """A row by id."""
        return next(((row, at) for row in self.rows.alive(table, at) if row["id"] == id), None)

    def any(self, id: str, at: int) -> At | None:
        """A row of whichever table the id says."""
        table = "event" if "@" in id else id.partition(":")[0]
        return self.find(table, id, at) if table in ("event", "deal", "party") else None

    def links(
        self, deal: At, keep: Callable[[dict[str, Any]], bool] = lambda row: True, down: bool = False
    ) -> list[At]:
        """A deal's parties."""
        row, at = deal
        found = [each for each in self.rows.alive("party_link", at) if each["owner"] == row["id"] and keep(each)]
        return [(each, at) for each in sorted(found, key=lambda each: (each["ord"], each["key"]), reverse=down)]

    def moment(self, given: dict[str, Any]) -> int:
        """The position that a root field is read at."""
        as_of = given.get("asOf")
        if not as_of:
            return self.rows.position
        if "position" not in as_of:
            return max(
                [e["position"] for e in self.rows.tables["event"] if e["recorded_at"] <= as_of["time"]], default=0
            )
        if as_of["position"] > self.rows.position:
            raise GraphQLError("beyond")
        return int(as_of["position"])

    def _resolvers(self) -> dict[str, dict[str, Any]]:
        return {
            "Query": {
                "deal": lambda _, info, **given: self.find("deal", given["id"], self.moment(given)),
                "deals": lambda _, info, **given: self._deals(self.moment(given), given, lambda row: True),
                "events": lambda _, info, **given: self._events(self.moment(given), given, lambda row: True),
                "found": lambda _, info, **given: self._found(self.moment(given), given),
                "node": lambda _, info, **given: self.any(given["id"], self.moment(given)),
                "nodes": lambda _, info, **given: self._nodes(self.moment(given), given["ids"]),
                "totals": lambda _, info, **given: self._totals(self.moment(given), given),
                "made": lambda _, info, **given: ({**given, "note": f"made for {given['id']}"}, given.get("at")),
            },
            "Made": {"deal": lambda it, info: self._made(it)},
            "Party": {"deals": lambda it, info, **given: self._deals(it[1], given, lambda row: self._is_in(row, it))},
            "Deal": self._of_deal(),
            "Link": {"party": lambda it, info: self.find("party", it[0]["party"], it[1])},
            "ClaimedMoney": {
                "shown": lambda it, info: None if it[0]["shown"] is None else (orjson.loads(it[0]["shown"]), it[1]),
                "adopted": lambda it, info: bool(it[0]["adopted"]),
            },
            "Amount": {"stated": lambda it, info: it[0].get("as_stated")},
            "Event": {
                "body": lambda it, info: orjson.loads(it[0]["body"]),
                "told": lambda it, info, twice: f"{it[0]['position']}: {it[0]['summary']}" * (2 if twice else 1),
            },
            "Hit": {"node": lambda it, info: self.any(it[0]["stream"], it[1])},
            "Total": {"first": lambda it, info: self.find("deal", it[0]["first"], it[1])},
        }

    def _of_deal(self) -> dict[str, Any]:
        return {
            "disputed": lambda it, info: bool(it[0]["disputed"]),
            "links": lambda it, info: self.links(it),
            "lead": lambda it, info: next(iter(self.links(it)), None),
            "buyers": lambda it, info: self.links(it, lambda row: row["role"] == "BUYER", down=True),
            "paged": lambda it, info, **given: self._paged(it, given),
            "value": lambda it, info: self._value(it),
            "count": lambda it, info: len(self.links(it)),
            "marked": lambda it, info, mark: it[0]["title"] + mark,
            "history": lambda it, info, **given: self._events(it[1], given, lambda e: e["stream"] == it[0]["id"]),
            "gathering": lambda it, info: self.find("party", it[0]["gathering"], it[1]),
            "must": lambda it, info: self.find("party", it[0]["value_currency"], it[1]),
        }

    def _made(self, it: tuple[dict[str, Any], int | None]) -> At | None:
        return self.find("deal", it[0]["id"], self.rows.position if it[1] is None else it[1])

    def _nodes(self, at: int, ids: list[str]) -> list[At | None]:
        return [self.any(id, at) for id in ids]

    def _is_in(self, deal: dict[str, Any], party: At) -> bool:
        return any(link["party"] == party[0]["id"] for link, _ in self.links((deal, party[1])))

    def _value(self, it: At) -> At | None:
        row, at = it
        claims = self.rows.alive("claimed", at)
        return next(
            ((each, at) for each in claims if each["owner"] == row["id"] and each["key"] == row["value_subject"]), None
        )

    def _deals(self, at: int, given: dict[str, Any], keep: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        rows = [row for row in self.rows.alive("deal", at) if keep(row) and self._passes(row, at, given.get("filter"))]
        column, down = _ORDERS[given["orderBy"]]
        ordered = sorted(rows, key=lambda row: _utf8(row[column], row["id"]), reverse=down)
        return _page([(row, at) for row in ordered], given, lambda it: [it[0][column], it[0]["id"]])

    def _passes(self, row: dict[str, Any], at: int, filter: dict[str, Any] | None) -> bool:
        tests: dict[str, Callable[[Any], bool]] = {
            "kind": lambda kinds: row["kind"] in kinds,
            "delays": lambda least: row["delays"] >= least,
            "disputed": lambda wanted: bool(row["disputed"]) == wanted,
            "words": lambda words: words in row["title"],
            "link": lambda inner: any(_link_passes(link, inner) for link, _ in self.links((row, at))),
            "allOf": lambda inner: all(self._passes(row, at, each) for each in inner),
            "anyOf": lambda inner: any(self._passes(row, at, each) for each in inner),
            "noneOf": lambda inner: not self._passes(row, at, inner),
        }
        return all(tests[name](value) for name, value in (filter or {}).items() if value is not None)

    def _paged(self, it: At, given: dict[str, Any]) -> dict[str, Any]:
        rows = self.links(it, lambda row: _link_passes(row, given.get("filter") or {}))
        ordered = sorted(rows, key=lambda each: (each[0]["ord"], each[0]["key"]))
        return _page(ordered, given, lambda each: [each[0]["ord"], each[0]["key"]])

    def _events(self, at: int, given: dict[str, Any], keep: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        rows = [(row, at) for row in self.rows.alive("event", at) if keep(row)]
        return _page(rows, given, lambda it: [it[0]["position"]])

    def _found(self, at: int, given: dict[str, Any]) -> dict[str, Any]:
        rows = [row for row in self.rows.alive("event", at) if given["word"] in row["summary"]]
        ordered = sorted(rows, key=lambda row: row["id"].encode())
        return _page([(row, at) for row in ordered], given, lambda it: [it[0]["id"]])

    def _totals(self, at: int, given: dict[str, Any]) -> list[At]:
        kinds: dict[str, list[dict[str, Any]]] = {}
        for row in self.rows.alive("deal", at):
            if given.get("kinds") is None or row["kind"] in given["kinds"]:
                kinds.setdefault(row["kind"], []).append(row)
        amounts = [({"low": "1", "exact": True}, at), ({"low": None, "as_stated": "é\x01"}, at)]
        fixed = {"tags": ["a", "b"], "amounts": amounts}
        return [
            ({**fixed, "kind": kind, "deals": len(found), "first": min(row["id"] for row in found)}, at)
            for kind, found in sorted(kinds.items(), reverse=given["down"])
        ]


_ORDERS = {
    "NEWEST": ("created", True),
    "OLDEST": ("created", False),
    "TITLE": ("title", False),
    "VALUE": ("value_key", True),
}


def _link_passes(link: dict[str, Any], filter: dict[str, Any]) -> bool:
    role, country = filter.get("role"), filter.get("country")
    return (role is None or (link["role"] in role and link["role"] is not None)) and (
        country is None or link["country"] == country
    )


def _page(rows: list[At], given: dict[str, Any], keys: Callable[[At], list[Any]]) -> dict[str, Any]:
    """The page as Relay's specification says, the slow way."""
    first, last = given.get("first"), given.get("last")
    if (first is not None and last is not None) or not 0 <= (first or 0) <= 100 or not 0 <= (last or 0) <= 100:
        raise GraphQLError("page")
    limit = last if last is not None else first if first is not None else 20
    page = rows[len(rows) - min(limit, len(rows)) :] if last is not None else rows[:limit]
    cursors = [f"{each[1]}.{orjson.dumps(keys(each)).decode()}" for each in page]
    info = {
        "hasNextPage": last is None and len(rows) > len(page),
        "hasPreviousPage": last is not None and len(rows) > len(page),
        "startCursor": cursors[0] if cursors else None,
        "endCursor": cursors[-1] if cursors else None,
    }
    edges = [{"node": each, "cursor": cursor} for each, cursor in zip(page, cursors, strict=True)]
    return {"edges": edges, "nodes": page, "pageInfo": info, "totalCount": len(rows)}


_CURSOR = re.compile(r'"[0-9a-f]{16}\.(\d+)\.([0-9A-F]+)"')


def spelt_out(body: bytes) -> bytes:
    """A response whose cursors show what they hold."""

    def shown(found: re.Match[str]) -> str:
        seen = bytes.fromhex(found[2])
        return orjson.dumps(f"{found[1]}.{orjson.dumps(orjson.loads(seen)).decode()}").decode()

    return _CURSOR.sub(shown, body.decode()).encode()


def _utf8(*keys: Any) -> tuple[Any, ...]:
    """SQLite compares the bytes of texts."""
    return tuple(key.encode() if isinstance(key, str) else key for key in keys)


def _column(source: Any, info: Any, **given: Any) -> Any:
    row = source[0] if isinstance(source, tuple) else source
    return row.get(re.sub(r"([A-Z])", lambda found: f"_{found[1].lower()}", info.field_name), row.get(info.field_name))


def _noun(value: At, info: Any, kind: Any) -> str:
    id = value[0]["id"]
    return "Event" if "@" in id else {"deal": "Deal", "party": "Party"}[id.partition(":")[0]]


def _kind(value: At, info: Any, kind: Any) -> str:
    return {"MONEY": "ClaimedMoney", "TEXT": "ClaimedText"}[value[0]["kind"]]
