"""Ways to the rows that pass a filter: from an index of the filter where few pass, else along the list's own order.

Without statistics SQLite cannot know which is cheaper, and a bound value never tells it. So every way is compiled, the
record is asked which one to take, and the others cost nothing. All ways give the same rows. Where each part of a filter
passes many, but those next in the order do not pass it all, the parts are held against one another: it may be few.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from schema.filters import Value
from schema.plan.arguments import bounds_in, breadth, finders, given_columns, is_light
from schema.plan.source import NEWEST, Row, Scope
from service.replica.tables import TABLES, index_name

FEW = 2_000
"""So many are looked up and sorted within 10 ms; walking finds a page of as many, or more, among 100,000 as soon."""
_EVENTS = 500
"""In a small record fewer are few, since a walk is short: one more for so many events."""
_MOST = 4
"""The most ways beside the walk ..."""
_WIDE = 40
"""... and fewer for a filter of many values, none beyond so many: each way holds all of it and has to be compiled."""
_NEXT = 1_000
"""So many rows that are next in the order are looked at ..."""
_ENOUGH = 4
"""... and if so many of them pass, walking finds a page soon."""
GROWING = ("created", "changed")
"""Orders whose values are positions: at a past moment none is beyond it."""


class Way(NamedTuple):
    """One way: what to read from, the predicates that join it and hold at the moment, and the rows in it."""

    rows: str
    where: str
    row: Row
    """The row that passes."""
    keys: Row
    """The row, or the entry of the index for it, that has the columns of the order."""


class Page(NamedTuple):
    """What is asked for: one page of the rows, in the list's order."""

    passing: Callable[[Row], str]
    bounds: Callable[[Row], list[str]]
    """The predicates of the cursors on a row that has the columns of the order."""
    order: Callable[[Row], str]


@dataclass(frozen=True)
class Ways:
    """The ways to the rows of a noun."""

    parent: Row
    table: str
    order: str
    """The column to walk along."""
    given: Mapping[str, Any] | None
    filter: type | None

    def union(self, select: Callable[[Way], str], limit: str, page: Page | None = None) -> str:
        """SQL of the rows that `select` gives of the way that is taken, in its order, as many as `limit` says.

        They are a page, or else all.
        """
        found = self._found()
        if not found:
            return f"{select(self.walk())} LIMIT {limit}"
        name = f"way{next(self.parent.aliases)}"
        parts = [
            f"SELECT * FROM ({select(way)} LIMIT iif((SELECT taken FROM {name}) = {number}, {limit}, 0))"
            for number, way in enumerate([self.walk(), *(self._lookup(ids) for ids in found)])
        ]
        return f"WITH {name} AS MATERIALIZED (SELECT {self._taken(page)} AS taken) {' UNION ALL '.join(parts)}"

    def count(self, passing: Callable[[Row], str]) -> str:
        """SQL of how many pass, whatever the order: along an index of the filter if there is one."""
        found = self._found()
        order = next((each.column for each in bounds_in(self.given, self.filter)), "created")
        ways = [replace(self, order=order).walk(several=True), *(self._lookup(ids) for ids in found)]
        counts = [f"(SELECT count(*) FROM {way.rows} WHERE {way.where} AND {passing(way.row)})" for way in ways]
        if not found:
            return counts[0]
        return f"CASE {self._taken()} {' '.join(f'WHEN {n} THEN {sql}' for n, sql in enumerate(counts))} END"

    def walk(self, several: bool = False) -> Way:
        """Along the order, or within one value of a filter (or `several`) where an index has both."""
        row = self.parent.others(self.table)
        name, tested = self._index(row, several)
        if row.scope.moment is None:
            return Way(f"{row.named} INDEXED BY {name}", row.alive, row, row)
        bounds = [each for each in bounds_in(self.given, self.filter) if each.column == self.order]
        held = (*tested, *(each.name for each in bounds if each.alone), "retracted", "disputed", "has_anomalies")
        if all(name in held for name, value in (self.given or {}).items() if value is not None):
            indexed, joined = row, ""
        else:
            indexed = self.parent.others(self.table)
            joined = f" AND {row['id']} = {indexed['id']} AND {row['until']} = {indexed['until']}"
        rows = f"{indexed.named} INDEXED BY {name}"
        where = f"{self._within(indexed, tested if joined else {})}{joined}"
        return Way(f"{rows} CROSS JOIN {row.named}" if joined else rows, where, row, indexed)

    def _index(self, row: Row, several: bool) -> tuple[str, dict[str, Value]]:
        """The index to walk along, and what it is bound to a value of."""
        columns, orders = given_columns(self.given, self.filter), TABLES[self.table].orders
        tested = [name for name in columns if f"{name}, {self.order}" in orders and (several or columns[name].single)]
        order = f"{tested[0]}, {self.order}" if tested else self.order
        return index_name(self.table, order, row.scope.moment is not None), {name: columns[name] for name in tested[:1]}

    def _within(self, indexed: Row, tested: Mapping[str, Value]) -> str:
        """The predicate of the entries of the index that can pass."""
        tests = [value.is_in(indexed[name]) for name, value in tested.items()]
        bounds = bounds_in(self.given, self.filter)
        tests += [each.sql(indexed) for each in bounds if each.column == self.order]
        if self.order in GROWING and indexed.scope.moment is not None:
            tests.append(f"{indexed[self.order]} <= {indexed.scope.moment}")
        return " AND ".join((indexed.alive, *tests))

    def _suffices(self, page: Page) -> str:
        """SQL of whether enough of the rows that are next in the order pass."""
        indexed, row, near = self.parent.others(self.table), self.parent.others(self.table), "near"
        name, tested = self._index(indexed, several=False)
        where = " AND ".join((self._within(indexed, tested), *page.bounds(indexed)))
        entries = (
            f"SELECT {indexed['id']} AS id, {indexed['until']} AS until FROM {indexed.named} INDEXED BY {name}"
            f" WHERE {where} ORDER BY {page.order(indexed)} LIMIT {_NEXT}"
        )
        found = f"{row['id']} = {near}.id AND {row['until']} = {near}.until AND {page.passing(row)}"
        passing = f"SELECT 1 FROM ({entries}) AS {near} CROSS JOIN {row.named} WHERE {found} LIMIT {_ENOUGH}"
        return f"(SELECT count(*) FROM ({passing})) = {_ENOUGH}"

    def _lookup(self, ids: str) -> Way:
        """From the ids that an index of the filter gives."""
        row, few = self.parent.others(self.table), f"fe{next(self.parent.aliases)}"
        return Way(
            f"(SELECT DISTINCT id FROM ({ids})) AS {few} CROSS JOIN {row.named}",
            f"{row.alive} AND {row['id']} = {few}.id",
            row,
            row,
        )

    def _found(self, parent: Row | None = None) -> list[str]:
        """The ids by each index of the filter, and those that all of these have."""
        row = (parent or self.parent).others(self.table)
        most = min(_MOST, _WIDE // max(1, breadth(self.given)))
        found = finders(self.given, self.filter, row)[:most] if most else []
        if len(found) > 1 and is_light(self.given, self.filter):
            found.append(" INTERSECT ".join(f"SELECT id FROM ({ids})" for ids in found))
        return found

    def _taken(self, page: Page | None = None) -> str:
        """SQL of the number of the way to take: 0 to walk. Also for a past moment, by what there is now."""
        now = self._found(self.parent.at(Scope()))
        several = len(now) > 1 and is_light(self.given, self.filter)
        few = f"min({FEW}, 50 + {NEWEST} / {_EVENTS})"
        tests = [
            f"WHEN (SELECT 1 FROM ({ids}) LIMIT 1 OFFSET {few}) IS NULL THEN {number}"
            for number, ids in enumerate(now, 1)
        ]
        if several and page is not None:
            tests.insert(-1, f"WHEN {self._suffices(page)} THEN 0")
        return f"CASE {' '.join(tests)} ELSE 0 END"
