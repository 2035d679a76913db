"""One object in the making: its events, its claims and its rows, folded event by event or from nothing.

Folding event by event only runs the parts that the event concerns; a test holds it to folding from nothing.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from domain.stream import Held, hold
from service.replica.claims import Claims
from service.replica.folds import FOLDS
from service.replica.folds.common import COMMON_PARTS
from service.replica.folds.prose import WORDY, prose
from service.replica.part import Part
from service.replica.tables import TABLES
from service.replica.view import Kept, Placed, Rows, View
from service.replica.world import Facet, World, facet_of

Name = tuple[str, str]
"""A row's name: its table and key."""


class Object:
    """An object and every row that its events lead to."""

    def __init__(self, id: str) -> None:
        """An object without events."""
        self.id = id
        self.noun = id.partition(":")[0]
        self.placed: list[Placed] = []
        self.rows: Rows = {}
        self.text: tuple[str, str] | None = None
        """Title and body of the text by which it is found; None until it has a row."""
        self._fold = FOLDS[self.noun]
        self._parts = (*COMMON_PARTS, *self._fold.parts)
        self._kept: list[Kept] = []
        self._claims = Claims()
        self._made: dict[str, Rows] = {}
        self._results: dict[str, Any] = {}
        self._whole = False

    def append(self, placed: Placed) -> None:
        """Take an event; `fold` makes its rows."""
        self.placed.append(placed)
        if not self._whole or placed.fact.content.editorial:
            self._whole = False
        else:
            held = Held(len(self.placed), placed.fact, placed.fact)
            self._kept.append(Kept(placed, held))

    def stale(self) -> None:
        """Say that what others show of themselves has changed: the next fold begins from nothing."""
        self._whole = False

    def facet(self, world: World) -> Facet | None:
        """What it shows of itself to others."""
        if not self._whole:
            self._kept = kept_of(self.placed)
        return facet_of(View(self.id, self._kept), world)

    def fold(self, world: World) -> set[Name]:
        """Make the rows anew where they may have changed; gives the names of those made, changed or dropped."""
        if self._whole:
            view = View(self.id, self._kept)
            if self._claims.take_last(view, world):
                return self._extend(view, world)
        return self._refold(world)

    def _refold(self, world: World) -> set[Name]:
        before = self.rows
        self.fold_kept(kept_of(self.placed), world)
        self._whole = True
        return {name for name in before.keys() | self.rows.keys() if before.get(name) != self.rows.get(name)}

    def fold_kept(self, kept: list[Kept], world: World) -> Rows:
        """Make every row from nothing, of these events of the object; gives the rows."""
        self._kept, self.rows, self._made, self._results, self._claims = kept, {}, {}, {}, Claims()
        view = View(self.id, kept)
        self._claims.take_all(view, world)
        self.rows.update(view.rows)
        for part in self._parts:
            self._make(part, world)
        self._finish(world)
        return self.rows

    def _extend(self, view: View, world: World) -> set[Name]:
        """Fold the last event alone: its claims are in the view already."""
        changed = self._replace({}, view.rows)
        content = self._kept[-1].fact.content
        for part in self._parts:
            if isinstance(content, part.reads):
                changed |= self._make(part, world)
        return changed | self._finish(world, changed)

    def _make(self, part: Part, world: World) -> set[Name]:
        view = View(self.id, self._kept)
        self._results[part.name] = part.make(view, world)
        before, self._made[part.name] = self._made.get(part.name, {}), view.rows
        return self._replace(before, view.rows)

    def _replace(self, before: Rows, after: Rows) -> set[Name]:
        """Put rows in the place of others; gives the names of those that differ."""
        changed = {name for name in before if name not in after}
        for name in changed:
            self.rows.pop(name, None)
        for name, values in after.items():
            if self.rows.get(name) != values:
                self.rows[name] = values
                changed.add(name)
        return changed

    def _finish(self, world: World, changed: set[Name] | None = None) -> set[Name]:
        """Make the object's own row, and its text unless only rows changed that it is not made of."""
        view, subjects = View(self.id, self._kept), self._claims.subjects
        values = self._fold.row(view, world, subjects, self._results)
        if values is None:
            return set()
        first, last = self._kept[0], self._kept[-1]
        view.put(
            self.noun,
            "",
            created=first.position,
            recorded_at=first.placed.recorded_at,
            changed=last.position,
            version=last.held.version,
            retracted=view.retracted,
            disputed=any(subject.verification == "DISPUTED" for subject in subjects.values()),
            anomalies=sum(table == "anomaly" for rows in self._made.values() for table, _ in rows),
            **values,
        )
        if changed is None or any(table in WORDY for table, _ in changed):
            self.text = prose(view, subjects, self._made.values())
        return self._replace({}, view.rows)


def kept_of(placed: Sequence[Placed]) -> list[Kept]:
    """The events of a stream after corrections."""
    held = hold([one.fact for one in placed])
    return [Kept(one, kept) for one, kept in zip(placed, held, strict=True)]


def tables_of(noun: str) -> Iterable[str]:
    """The tables that an object of the noun can have rows in."""
    return (name for name, table in TABLES.items() if table.owned or name == noun)
