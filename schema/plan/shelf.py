"""Which statements are kept: the latest of each root field, and the latest of all up to so many characters of SQL."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schema.plan.plan import Root
    from schema.plan.run import Statement

Key = tuple[Any, ...]

_MOST = 64
"""Statements of one root field."""


class Shelf:
    """Remembers in what order statements were made. One for each process, whatever documents there are."""

    def __init__(self, room: int = 50_000_000) -> None:
        """Take how many characters of SQL may be kept."""
        self._room = room
        self._order: OrderedDict[tuple[Root, Key], int] = OrderedDict()

    def keep(self, root: Root, key: Key, statement: Statement) -> None:
        """Keep a statement with its root field; the oldest go."""
        root.statements[key] = statement
        self._order[root, key] = len(statement.sql)
        self._room -= len(statement.sql)
        if len(root.statements) > _MOST:
            self._drop(root, next(iter(root.statements)))
        while self._room < 0 and len(self._order) > 1:
            self._drop(*next(iter(self._order)))

    def _drop(self, root: Root, key: Key) -> None:
        del root.statements[key]
        self._room += self._order.pop((root, key))


SHELF = Shelf()
