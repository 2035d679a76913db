"""Keyset connections in SQL: the keys of a page from an index, then its rows; counts and neighbours only when asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from schema.plan.arguments import chosen
from schema.plan.paging import Page, Prepared, keys_of, sorts_of
from schema.plan.pieces import Pieces, Text, kept, listed, quoted
from schema.plan.source import Row, Source, text
from schema.plan.ways import GROWING, Way, Ways
from schema.plan.ways import Page as WayPage
from schema.sql import Listing
from service.replica.tables import ALIVE, TABLES

if TYPE_CHECKING:
    from schema.plan.compile import Compiler
    from schema.plan.selection import Field

_OF_PAGE = ("nodes", "edges", "pageInfo")
"""The fields of a connection that are made of the keys of its page."""


@dataclass(frozen=True)
class _Keys:
    """What rows are sorted and found by: SQL in the table, and names in the page."""

    sorts: tuple[str, ...]
    finds: tuple[str, ...]
    descending: bool


def page_sql(compiler: Compiler, field: Field, source: Source, reading: Listing, prepared: Prepared) -> Pieces:
    """The JSON text of a connection."""
    return _Lister(compiler, field, source, reading, prepared).sql()


class _Lister:
    def __init__(self, compiler: Compiler, field: Field, source: Source, reading: Listing, prepared: Prepared) -> None:
        assert prepared.page is not None
        self.compiler = compiler
        self.reading = reading
        self.prepared = prepared
        self.page: Page = prepared.page
        self.parent = prepared.scoped(source.row)
        self.type_name, self.fields = _only(field)
        self.keys = self._keys()
        self.ways = self._ways()
        self.held = f"page{next(source.row.aliases)}"
        """What holds the keys of the page where several fields are made of them."""
        asked = [each.name for each in self.fields if each.name in _OF_PAGE]
        self.more = int("pageInfo" in asked)
        """How many behind the page are looked for."""
        self.is_held = len(asked) > 1 or self.more > 0
        self.is_filtered = reading.select is None and bool(prepared.arguments.get("filter"))

    def _keys(self) -> _Keys:
        finds = keys_of(self.reading)
        return _Keys(sorts_of(self.reading, self.prepared.order), finds, self.prepared.order.startswith("-"))

    def sql(self) -> Pieces:
        """The object of the connection."""
        whole = self.compiler.enclosed([(each.key, self._part(each)) for each in self.fields], quoted(self.type_name))
        if not self.is_held:
            return [whole]
        if self.is_filtered:
            return [f"(SELECT {whole} FROM ({self._as_text()}) AS {self.held})"]
        return [f"(WITH {self.held} AS MATERIALIZED ({self._chosen(self.more)}) SELECT {whole})"]

    def _as_text(self) -> str:
        """The keys of the page as JSON. SQLite compiles a CTE anew wherever it is read, which few filters outlast."""
        members = ", ".join(f"{text(name)}, found.{name}" for name in self._names())
        return f"SELECT json_group_array(json_object({members})) AS keys FROM ({self._chosen(self.more)}) AS found"

    def _from_held(self) -> str:
        """The keys of the page, and of what is behind it, from where they are held."""
        if not self.is_filtered:
            return f"SELECT * FROM {self.held}"
        values = ", ".join(f"value ->> '$.{name}' AS {name}" for name in self._names())
        return f"SELECT {values} FROM json_each({self.held}.keys)"

    def _part(self, field: Field) -> Pieces:
        match field.name:
            case "totalCount":
                return [self._count]
            case "nodes":
                return [self._items(field, edge=False)]
            case "edges":
                return [self._items(field, edge=True)]
            case "pageInfo":
                return [self._page_info(field)]
            case _:
                return self.compiler.value(field, self.parent)

    @cached_property
    def _count(self) -> str:
        """SQL of how many the whole list has; the same text wherever it is asked for, so that it is counted once."""
        if self.reading.counted is not None and not self.prepared.arguments.get("filter"):
            counted = self.reading.counted(self.parent, self.prepared.arguments)
        elif self.ways is not None:
            counted = self.ways.count(lambda row: self._passing(row, few=True))
        else:
            row = self._row()
            counted = f"(SELECT count(*) FROM {self._from(row)} WHERE {self._passing(row)})"
        return kept(f"SELECT {counted}", self.parent.scope.position) if self.reading.root else counted

    # rows

    def _ways(self) -> Ways | None:
        """The ways to the rows, where the list is that of a noun."""
        table = TABLES.get(self.reading.table)
        if table is None or table.owned or not self.reading.root:
            return None
        given = self.prepared.arguments.get("filter")
        return Ways(self.parent, table.name, self.keys.sorts[0], given, self.reading.filter)

    def _row(self) -> Row:
        if self.reading.select is not None:
            return replace(self.parent, table="", alias=f"li{next(self.parent.aliases)}", given=None)
        if self.reading.owned:
            return self.parent.owned(self.reading.table)
        return self.parent.others(self.reading.table)

    def _from(self, row: Row) -> str:
        if self.reading.select is not None:
            return f"({self.reading.select(self.parent, self.prepared.arguments)}) AS {row.alias}"
        return row.named

    def _passing(self, row: Row, few: bool = False) -> str:
        """The predicate of the whole list; `few` where one of the ways leads to the row."""
        tests = [] if self.reading.select is not None or few else [row.alive]
        if self.reading.where is not None:
            tests.append(self.reading.where(self.parent, row))
        given = self.prepared.arguments.get("filter")
        if self.reading.filter is not None:
            tests.append(chosen(given, self.reading.filter, row, few))
        if self.reading.usual is not None and (given or {}).get(self.reading.usual[0]) is None:
            tests.append(self.reading.usual[1](row))
        return " AND ".join(test for test in tests if test != "1") or "1"

    def _bounds(self, row: Row) -> list[str]:
        """The predicates of the cursors; at a past moment in an order of positions, also that none is beyond it."""
        keys = ", ".join(row[name] for name in self.keys.sorts)
        made = []
        for end, sign in (
            (self.page.after, "<" if self.keys.descending else ">"),
            (self.page.before, ">" if self.keys.descending else "<"),
        ):
            if end is not None:
                made.append(f"({keys}) {sign} ({', '.join(end)})")
        if self.keys.sorts[0] in GROWING and row.scope.moment is not None and row.table:
            made.append(f"{row[self.keys.sorts[0]]} <= {row.scope.moment}")
        return made

    def _chosen(self, more: int) -> str:
        """The keys of the page, and `more` behind it; a backward page from its end."""
        limit = f"{self.page.limit} + {more}" if more else self.page.limit
        if self.ways is not None:
            page = WayPage(
                passing=lambda row: self._passing(row, few=True),
                bounds=self._bounds,
                order=lambda row: self._order(row.alias, self.page.backward),
            )
            return self.ways.union(self._way, limit, page)
        if self.reading.runs is not None:
            return self._of_runs(self.reading.runs(self.parent, self.prepared.arguments), limit)
        row = self._row()
        columns = f"{row.alias}.*" if self.reading.select is not None else self._columns(row)
        where = " AND ".join((self._passing(row), *self._bounds(row)))
        order = self._order(row.alias, self.page.backward)
        return f"SELECT {columns} FROM {self._from(row)} WHERE {where} ORDER BY {order} LIMIT {limit}"

    def _way(self, way: Way) -> str:
        where = " AND ".join((way.where, self._passing(way.row, few=True), *self._bounds(way.keys)))
        order = self._order(way.keys.alias, self.page.backward)
        return f"SELECT {self._columns(way.keys)} FROM {way.rows} WHERE {where} ORDER BY {order}"

    def _of_runs(self, runs: list[str], limit: str) -> str:
        """The keys of the page, of each run no more than are wanted, and of no run where those before it suffice."""
        place = self.keys.sorts[1]
        down = " DESC" if self.page.backward else ""
        parts = []
        for index, run in enumerate(runs):
            bounds = [
                f"{end[0]} {sign}= {index} AND run.{place} {other} iif({end[0]} = {index}, {end[1]}, {open})"
                for end, sign, other, open in ((self.page.after, "<", ">", -1), (self.page.before, ">", "<", ALIVE))
                if end is not None
            ]
            made = f"SELECT * FROM ({run}) AS run WHERE {' AND '.join(bounds) or '1'}"
            parts.append(f"SELECT * FROM ({made} ORDER BY run.{place}{down} LIMIT {limit})")
        return f"{' UNION ALL '.join(reversed(parts) if self.page.backward else parts)} LIMIT {limit}"

    def _names(self) -> Iterable[str]:
        """The columns that a page is known by."""
        return dict.fromkeys((*self.keys.sorts, *self.keys.finds))

    def _columns(self, row: Row) -> str:
        return ", ".join(f"{row[name]} AS {name}" for name in self._names())

    def _order(self, alias: str, backward: bool) -> str:
        down = " DESC" if self.keys.descending != backward else ""
        return ", ".join(f"{alias}.{name}{down}" for name in self.keys.sorts)

    def _of_page(self) -> str:
        """The keys of the page in the list's order; a LIMIT, since SQLite omits the order of subqueries without."""
        inner = f"{self._from_held()} LIMIT {self.page.limit}" if self.is_held else self._chosen(0)
        if not self.page.backward:
            return f"({inner})"
        return f"(SELECT * FROM ({inner}) AS back ORDER BY {self._order('back', False)} LIMIT -1)"

    def _with_beside(self, field: Field) -> str:
        """The page, with the columns that are found for all of it at once."""
        beside, page = self.reading.beside, self._of_page()
        if beside is None or field.names_below().isdisjoint(beside.fields):
            return page
        first, more = (f"{name}{next(self.parent.aliases)}" for name in ("first", "more"))
        return (
            f"(WITH {first} AS MATERIALIZED (SELECT * FROM {page}),"
            f" {more} AS MATERIALIZED ({beside.select(first, self.prepared.arguments)})"
            f" SELECT * FROM {first} JOIN {more} USING ({beside.by}) ORDER BY {self._order(first, False)} LIMIT -1)"
        )

    # what is answered

    def _items(self, field: Field, edge: bool) -> str:
        keys = f"pa{next(self.parent.aliases)}"
        selected = self.reading.select is not None
        row = replace(self._row(), alias=keys) if selected else self._row()
        item = self._edge(field, row, keys) if edge else self.compiler.node(field, row, self.reading.kinds)
        page = f"{self._with_beside(field)} AS {keys}"
        if selected:
            return listed(item, page)
        names = dict.fromkeys((*(name for name in self.keys.sorts if name == "ord"), *self.keys.finds))
        found = " AND ".join(f"{row[name]} = {keys}.{name}" for name in names)
        return listed(item, f"{page} CROSS JOIN {row.rows} AND {found}")

    def _edge(self, field: Field, row: Row, keys: str) -> str:
        type_name, fields = _only(field)
        return self.compiler.enclosed(
            [(each.key, self._of_edge(each, row, keys)) for each in fields], quoted(type_name)
        )

    def _of_edge(self, field: Field, row: Row, keys: str) -> Pieces:
        match field.name:
            case "node":
                return [self.compiler.node(field, row, self.reading.kinds)]
            case "cursor":
                return [self._cursor(keys)]
            case _:
                return self.compiler.value(field, row)

    def _cursor(self, keys: str) -> str:
        seen = ", ".join(f"{keys}.{name}" for name in self.keys.sorts)
        return f"concat({self.page.mark}, {self.parent.scope.position}, '.', hex(json_array({seen})), '\"')"

    def _page_info(self, field: Field) -> str:
        type_name, fields = _only(field)
        return self.compiler.enclosed([(each.key, [self._of_info(each)]) for each in fields], quoted(type_name))

    def _of_info(self, field: Field) -> str:
        held, limit = self._from_held(), self.page.limit
        more = f"iif((SELECT count(*) FROM ({held})) > {limit}, 'true', 'false')"
        ends = f"(SELECT {self._cursor('ends')} FROM ({held} LIMIT {limit}) AS ends"
        first = f"{ends} LIMIT 1)"
        last = f"{ends} ORDER BY {self._order('ends', not self.page.backward)} LIMIT 1)"
        start, end = (last, first) if self.page.backward else (first, last)
        match field.name:
            case "hasNextPage":
                return str(Text("'true'" if self.page.before else "'false'")) if self.page.backward else more
            case "hasPreviousPage":
                return more if self.page.backward else ("'true'" if self.page.after else "'false'")
            case "startCursor":
                return f"coalesce({start}, 'null')"
            case "endCursor":
                return f"coalesce({end}, 'null')"
            case _:
                return Text(f'"{field.parent.name}"')


def _only(field: Field) -> tuple[str, list[Field]]:
    """The type of an object field, and what is selected of it."""
    return next(iter(field.children.items()))
