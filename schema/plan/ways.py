"""Ways to the rows that pass a filter: from an index of the filter where few pass, else along the list's own order.

Without statistics SQLite cannot know which is cheaper, and a bound value never tells it. So every way is compiled, the
record is asked which one to take, and the others cost nothing. All ways give the same rows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from schema.plan.arguments import bounds_in, finders, given_columns
from schema.plan.source import NEWEST, Row, Scope
from service.replica.tables import TABLES, index_name

FEW = 2_000
"""So many are looked up and sorted within 10 ms; walking finds a page of as many, or more, among 100,000 as soon."""
_EVENTS = 500
"""In a small record fewer are few, since a walk is short: one more for so many events."""
_MOST = 3
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


@dataclass(frozen=True)
class Ways:
    """The ways to the rows of a noun."""

    parent: Row
    table: str
    order: str
    """The column to walk along."""
    given: Mapping[str, Any] | None
    filter: type | None

    def union(self, select: Callable[[Way], str], limit: str) -> str:
        """SQL of the rows that `select` gives of the way that is taken, in its order, as many as `limit` says."""
        found = self._found()
        if not found:
            return f"{select(self.walk())} LIMIT {limit}"
        name = f"way{next(self.parent.aliases)}"
        parts = [
            f"SELECT * FROM ({select(way)} LIMIT iif((SELECT taken FROM {name}) = {number}, {limit}, 0))"
            for number, way in enumerate([self.walk(), *(self._lookup(ids) for ids in found)])
        ]
        return f"WITH {name} AS MATERIALIZED (SELECT {self._taken()} AS taken) {' UNION ALL '.join(parts)}"

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
        columns = given_columns(self.given, self.filter)
        orders = TABLES[self.table].orders
        tested = [name for name in columns if f"{name}, {self.order}" in orders and (several or columns[name].single)]
        order = f"{tested[0]}, {self.order}" if tested else self.order
        row = self.parent.others(self.table)
        name = index_name(self.table, order, row.scope.moment is not None)
        if row.scope.moment is None:
            return Way(f"{row.named} INDEXED BY {name}", row.alive, row, row)
        bounds = [each for each in bounds_in(self.given, self.filter) if each.column == self.order]
        held = (*tested[:1], *(each.name for each in bounds if each.alone), "retracted", "disputed", "has_anomalies")
        if all(name in held for name, value in (self.given or {}).items() if value is not None):
            indexed, joined = row, ""
        else:
            indexed = self.parent.others(self.table)
            joined = f" AND {row['id']} = {indexed['id']} AND {row['until']} = {indexed['until']}"
        tests = [columns[name].is_in(indexed[name]) for name in tested[:1] if joined]
        tests += [each.sql(indexed) for each in bounds]
        if self.order in GROWING:
            tests.append(f"{indexed[self.order]} <= {row.scope.moment}")
        rows = f"{indexed.named} INDEXED BY {name}"
        where = f"{' AND '.join((indexed.alive, *tests))}{joined}"
        return Way(f"{rows} CROSS JOIN {row.named}" if joined else rows, where, row, indexed)

    def _lookup(self, ids: str) -> Way:
        """From the ids that an index of the filter gives."""
        row, few = self.parent.others(self.table), f"fe{next(self.parent.aliases)}"
        return Way(
            f"(SELECT DISTINCT id FROM ({ids})) AS {few} CROSS JOIN {row.named}",
            f"{row.alive} AND {row['id']} = {few}.id",
            row,
            row,
        )

    def _found(self) -> list[str]:
        return finders(self.given, self.filter, self.parent.others(self.table))[:_MOST]

    def _taken(self) -> str:
        """SQL of the number of the way to take: 0 to walk. Also for a past moment, by what there is now."""
        now = finders(self.given, self.filter, self.parent.at(Scope()).others(self.table))[:_MOST]
        few = f"min({FEW}, 50 + {NEWEST} / {_EVENTS})"
        tests = (
            f"WHEN (SELECT 1 FROM ({ids}) LIMIT 1 OFFSET {few}) IS NULL THEN {number}"
            for number, ids in enumerate(now, 1)
        )
        return f"CASE {' '.join(tests)} ELSE 0 END"
