"""One object in the making: its events, its claims and its rows, folded event by event or from nothing.

Folding event by event only runs the parts that the event concerns; a test holds it to folding from nothing.
"""

from collections.abc import Iterable, Sequence, Set
from functools import cache
from typing import Any

from domain.catalogue import CATALOGUE
from domain.stream import Held, hold
from service.replica.claims import Claims, Subject
from service.replica.folds import FOLDS
from service.replica.folds.common import COMMON_PARTS
from service.replica.folds.prose import prose, words_of
from service.replica.part import Part
from service.replica.tables import LABEL, TABLES
from service.replica.view import Kept, Placed, Rows, View
from service.replica.world import KINDS, Facet, World, facet_of

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
        self._begin([])
        self._whole = True

    def load(self, placed: list[Placed], rows: Rows) -> None:
        """Take the events and rows that a replica has of it."""
        self.placed, self.rows, self._whole = placed, rows, False

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
        if self.noun not in KINDS:
            return None
        if not self._whole:
            self._kept = kept_of(self.placed)
        return facet_of(View(self.id, self._kept), world)

    def fold(self, world: World) -> set[Name]:
        """Make the rows anew where they may have changed; gives the names of those made, changed or dropped."""
        if self._whole:
            view = View(self.id, self._kept)
            touched = self._claims.take_last(view, world)
            if touched is not None:
                return self._extend(view, world, touched)
        return self._refold(world)

    def _refold(self, world: World) -> set[Name]:
        before = self.rows
        self.fold_kept(kept_of(self.placed), world)
        self._whole = True
        return {name for name in before.keys() | self.rows.keys() if before.get(name) != self.rows.get(name)}

    def fold_kept(self, kept: list[Kept], world: World) -> Rows:
        """Make every row from nothing, of these events of the object; gives the rows."""
        self._begin(kept)
        view = View(self.id, kept)
        self._claims.take_all(view, world)
        self.rows = view.rows
        wanted = {part.name for event in {one.fact.event for one in kept} for part in _parts(self.noun, event)}
        for part in _all_parts(self.noun):
            if part.name in wanted:
                self._make(part, world)
        self._finish(world, self._claims.subjects.values(), set(self.rows))
        return self.rows

    def _begin(self, kept: list[Kept]) -> None:
        parts = _all_parts(self.noun)
        self._kept, self.rows, self._claims = kept, {}, Claims()
        self._made: dict[str, View] = {}
        self._results: dict[str, Any] = {part.name: part.nothing for part in parts}
        self._words: dict[str, tuple[str, ...]] = {}
        self._disputed: set[str] = set()
        self._anomalies = 0
        self._values: tuple[Any, ...] = ()
        self._row_due = self._text_due = True

    def _extend(self, view: View, world: World, touched: Iterable[Subject]) -> set[Name]:
        """Fold the last event alone: its claims are in the view already."""
        changed = self._replace(_NO_ROWS, view.rows)
        for part in _parts(self.noun, self._kept[-1].fact.event):
            changed.update(self._add(part, world))
        return self._finish(world, touched, changed)

    def _make(self, part: Part, world: World) -> set[Name]:
        """Make the rows of a part from nothing."""
        before, view = self._made.get(part.name), View(self.id, self._kept)
        self._made[part.name] = view
        self._take_result(part, part.make(view, world))
        self._take_words(part, view)
        return self._replace(_NO_ROWS if before is None else before.rows, view.rows)

    def _add(self, part: Part, world: World) -> Set[Name]:
        """Let a part make the rows of the last event alone, if it can."""
        view = self._made.get(part.name)
        if view is None:
            return self._make(part, world)
        view.put_names = []
        if part.single:
            view.kept = self._kept[-1:]
            part.make(view, world)
            if not view.put_names:
                return _NO_NAMES
        elif part.extend is not None:
            view.kept = self._kept
            result = part.extend(view, world)
            if result is None:
                return self._make(part, world)
            self._take_result(part, result)
        else:
            return self._make(part, world)
        return self._added(part, view)

    def _added(self, part: Part, view: View) -> set[Name]:
        made, rows = view.rows, self.rows
        changed = {name for name in view.put_names if rows.get(name) != made[name]}
        if changed:
            self._take_words(part, view)
            for name in changed:
                rows[name] = made[name]
        return changed

    def _take_result(self, part: Part, result: Any) -> None:
        if result != self._results[part.name]:
            self._results[part.name] = result
            self._row_due = True

    def _take_words(self, part: Part, view: View) -> None:
        words = words_of(view.rows)
        if words != self._words.get(part.name, ()):
            self._words[part.name] = words
            self._text_due = True

    def _replace(self, before: Rows, after: Rows) -> set[Name]:
        """Put rows in the place of others; gives the names of those that differ."""
        rows = self.rows
        changed = {name for name in before if name not in after}
        for name in changed:
            rows.pop(name, None)
        for name, values in after.items():
            if rows.get(name) != values:
                rows[name] = values
                changed.add(name)
        return changed

    def _finish(self, world: World, touched: Iterable[Subject], changed: set[Name]) -> set[Name]:
        """Make the object's own row, and its text where its words may have changed; adds to the names."""
        self._heed(touched, changed)
        view = View(self.id, self._kept)
        if self._row_due:
            values = self._fold.row(view, world, self._claims.subjects, self._results)
            if values is None:
                return changed
            self._show(tuple([values.get(name) for name in TABLES[self.noun].names[len(LABEL) :]]))
        name = self.noun, ""
        self.rows[name] = view.rows[name] = (*self._label(view), *self._values)
        changed.add(name)
        if self._text_due:
            words = [self._words[part.name] for part in _all_parts(self.noun) if part.name in self._words]
            self.text, self._text_due = prose(view, self._claims.subjects, words), False
            changed |= self._replace(_NO_ROWS, view.rows)
        return changed

    def _show(self, values: tuple[Any, ...]) -> None:
        title = _title_place(self.noun)
        if not self._values or values[title] != self._values[title]:
            self._text_due = True
        self._values, self._row_due = values, False

    def _heed(self, touched: Iterable[Subject], changed: set[Name]) -> None:
        """Note what the object's own row and text must be made of anew."""
        for subject in touched:
            (self._disputed.add if subject.verification == "DISPUTED" else self._disputed.discard)(subject.name)
            if subject.name.partition(":")[0] in self._fold.shows:
                self._row_due = True
            if "TEXT" in [claim.said.kind for claim in subject.claims]:
                self._text_due = True
        if "anomaly" in [table for table, _ in changed]:
            self._anomalies = sum([table == "anomaly" for view in self._made.values() for table, _ in view.rows])
        if isinstance(self._kept[-1].content, self._fold.reads):
            self._row_due = True

    def _label(self, view: View) -> tuple[Any, ...]:
        """The columns of LABEL."""
        first, last = self._kept[0], self._kept[-1]
        opened = (first.position, first.placed.recorded_at, last.position, last.version)
        return *opened, view.retracted, bool(self._disputed), self._anomalies


_NO_ROWS: Rows = {}
_NO_NAMES: frozenset[Name] = frozenset()


@cache
def _title_place(noun: str) -> int:
    """The place of what an object is called among the columns behind LABEL."""
    names = TABLES[noun].names[len(LABEL) :]
    return names.index("title" if "title" in names else "name")


@cache
def _all_parts(noun: str) -> tuple[Part, ...]:
    return (*COMMON_PARTS, *FOLDS[noun].parts)


@cache
def _parts(noun: str, event: str) -> tuple[Part, ...]:
    """The parts that read an event."""
    return tuple(part for part in _all_parts(noun) if issubclass(CATALOGUE[event], part.reads))


def kept_of(placed: Sequence[Placed]) -> list[Kept]:
    """The events of a stream after corrections."""
    held = hold([one.fact for one in placed])
    return [Kept(one, kept) for one, kept in zip(placed, held, strict=True)]


def tables_of(noun: str) -> Iterable[str]:
    """The tables that an object of the noun can have rows in."""
    return (name for name, table in TABLES.items() if table.owned or name == noun)
