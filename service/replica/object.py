"""One object in the making: its events, its claims and its rows, folded event by event or from nothing.

Folding event by event only runs the parts that the event concerns; a test holds it to folding from nothing.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from domain.catalogue import CATALOGUE
from domain.codes import Verification
from domain.common import ClaimAdopted
from domain.stream import Held, hold
from service.replica.claims import Claims, Subject
from service.replica.folds import FOLDS
from service.replica.folds.common import COMMON_PARTS
from service.replica.folds.prose import Text, hold_words, prose, words_of
from service.replica.part import Part
from service.replica.tables import LABEL, TABLES
from service.replica.view import Events, Kept, Placed, Rows, View
from service.replica.world import KINDS, Facet, World, facet_of

Name = tuple[str, str]
"""A row's name: its table and key."""
Changes = dict[Name, tuple[Any, ...] | None]
"""The rows that a fold made, changed or dropped, each as it was before: None where there was none."""


class Object:
    """An object and every row that its events lead to."""

    def __init__(self, id: str) -> None:
        """An object without events."""
        self.id = id
        self.noun = id.partition(":")[0]
        self._name = (self.noun, "")
        self.placed: list[Placed] = []
        self.rows: Rows = {}
        self.text: Text | None = None
        """The text by which it is found; None until it has a row."""
        self._fold = FOLDS[self.noun]
        self._begin(Events())
        self._whole = True

    def load(self, placed: list[Placed], rows: Rows) -> None:
        """Take the events and rows that a replica has of it."""
        self.placed, self.rows, self._whole = placed, rows, False

    def append(self, placed: Placed) -> None:
        """Take an event; `fold` makes its rows."""
        self.placed.append(placed)
        content = placed.fact.content
        if not self._whole or (content.editorial and not isinstance(content, ClaimAdopted)):
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

    def fold(self, world: World) -> Changes:
        """Make the rows anew where they may have changed; gives those made, changed or dropped."""
        if self._whole:
            view = self._view
            view.rows = {}
            touched = self._claims.take_last(view, world)
            if touched is not None:
                return self._extend(view.rows, world, touched)
        return self._refold(world)

    def _refold(self, world: World) -> Changes:
        before = self.rows
        after = self.fold_kept(kept_of(self.placed), world)
        self._whole = True
        return {name: before.get(name) for name in {**before, **after} if before.get(name) != after.get(name)}

    def fold_kept(self, kept: Events, world: World) -> Rows:
        """Make every row from nothing, of these events of the object; gives the rows."""
        self._begin(kept)
        self._claims.take_all(self._view, world)
        self.rows, changed = self._view.rows, Changes()
        wanted = {part.name for event in {one.fact.event for one in kept} for part in _parts(self.noun, event)}
        for part in _all_parts(self.noun):
            if part.name in wanted:
                self._make(part, world, changed)
        self._finish(world, self._claims.subjects.values(), changed)
        return self.rows

    def _begin(self, kept: Events) -> None:
        self._kept, self._view, self.rows, self._claims = kept, View(self.id, kept), {}, Claims()
        self._made: dict[str, View] = {}
        self._results = dict(_nothing(self.noun))
        self._words: dict[str, tuple[str, ...]] = {}
        self._disputed: set[str] = set()
        self._anomalies = 0
        self._values: tuple[Any, ...] = ()
        self._row_due = self._text_due = True

    def _extend(self, made: Rows, world: World, touched: Iterable[Subject]) -> Changes:
        """Fold the last event alone, whose claims have made these rows."""
        changed: Changes = {}
        self._put(made, changed)
        kept = self._kept[-1]
        for part in _parts(self.noun, kept.fact.event):
            if part.concerns is None or part.concerns(kept):
                self._add(part, world, changed)
        self._finish(world, touched, changed)
        return changed

    def _make(self, part: Part, world: World, changed: Changes) -> None:
        """Make the rows of a part from nothing."""
        before, view = self._made.get(part.name), View(self.id, self._kept)
        self._made[part.name] = view
        self._take_result(part, part.make(view, world))
        if part.name in self._words or hold_words(view.put_names):
            self._take_words(part, view)
        self._anomalies += view.anomalies
        if before is not None:
            self._anomalies -= before.anomalies
            for name in before.rows:
                if name not in view.rows:
                    changed.setdefault(name, self.rows.pop(name, None))
        self._put(view.rows, changed)

    def _add(self, part: Part, world: World, changed: Changes) -> None:
        """Let a part make the rows of the last event alone, if it can."""
        view = self._made.get(part.name)
        if view is None or not (part.single or part.extend):
            return self._make(part, world, changed)
        view.put_names.clear()
        anomalies = view.anomalies
        if part.extend is None:
            view.kept = Events(self._kept[-1:])
            part.make(view, world)
        else:
            result = part.extend(view, world)
            if result is None:
                return self._make(part, world, changed)
            self._take_result(part, result)
        if view.put_names:
            self._anomalies += view.anomalies - anomalies
            self._put({name: view.rows[name] for name in view.put_names}, changed)
            if hold_words(view.put_names):
                self._take_words(part, view)
        return None

    def _put(self, made: Rows, changed: Changes) -> None:
        """Take rows where they differ from what there was."""
        rows = self.rows
        for name, values in made.items():
            old = rows.get(name)
            if old == values:
                continue
            rows[name] = values
            if name not in changed:
                changed[name] = old
            elif changed[name] == values:
                del changed[name]

    def _take_result(self, part: Part, result: Any) -> None:
        if result != self._results[part.name]:
            self._results[part.name] = result
            self._row_due = True

    def _take_words(self, part: Part, view: View) -> None:
        words = words_of(view.rows)
        if words != self._words.get(part.name, ()):
            self._words[part.name] = words
            self._text_due = True

    def _finish(self, world: World, touched: Iterable[Subject], changed: Changes) -> None:
        """Make the object's own row, and its text where its words may have changed."""
        self._heed(touched)
        view = self._view
        if self._row_due:
            values = self._fold.row(view, world, self._claims.subjects, self._results)
            if values is None:
                return
            self._show(tuple({**_own_columns(self.noun), **values}.values()))
        view.rows = {self._name: self._label(view) + self._values}
        if self._text_due:
            words = [self._words[part.name] for part in _all_parts(self.noun) if part.name in self._words]
            self.text, self._text_due = prose(view, self._claims.subjects, words), False
        self._put(view.rows, changed)

    def _show(self, values: tuple[Any, ...]) -> None:
        title = _title_place(self.noun)
        if not self._values or values[title] != self._values[title]:
            self._text_due = True
        self._values, self._row_due = values, False

    def _heed(self, touched: Iterable[Subject]) -> None:
        """Note what the object's own row and text must be made of anew."""
        for subject in touched:
            if subject.verification is Verification.DISPUTED:
                self._disputed.add(subject.name)
            else:
                self._disputed.discard(subject.name)
            if subject.about in self._fold.shows:
                self._row_due = True
            if subject.worded:
                self._text_due = True
        if isinstance(self._kept[-1].content, self._fold.reads):
            self._row_due = True

    def _label(self, view: View) -> tuple[Any, ...]:
        """The columns of LABEL."""
        first, last = self._kept[0], self._kept[-1]
        return (
            first.position,
            first.placed.recorded_at,
            last.position,
            last.version,
            view.retracted,
            bool(self._disputed),
            self._anomalies,
        )


@cache
def _own_columns(noun: str) -> dict[str, None]:
    """The columns behind LABEL, with nothing in them."""
    return dict.fromkeys(TABLES[noun].names[len(LABEL) :])


@cache
def _title_place(noun: str) -> int:
    """The place of what an object is called among its own columns."""
    names = [*_own_columns(noun)]
    return names.index("title" if "title" in names else "name")


@cache
def _all_parts(noun: str) -> tuple[Part, ...]:
    return (*COMMON_PARTS, *FOLDS[noun].parts)


@cache
def _nothing(noun: str) -> dict[str, Any]:
    """What the parts give back of an object without events."""
    return {part.name: part.nothing for part in _all_parts(noun)}


@cache
def _parts(noun: str, event: str) -> tuple[Part, ...]:
    """The parts that read an event."""
    return tuple(part for part in _all_parts(noun) if issubclass(CATALOGUE[event], part.reads))


def kept_of(placed: Sequence[Placed]) -> Events:
    """The events of a stream after corrections."""
    held = hold([one.fact for one in placed])
    return Events(Kept(one, kept) for one, kept in zip(placed, held, strict=True))


def tables_of(noun: str) -> Iterable[str]:
    """The tables that an object of the noun can have rows in."""
    return (name for name, table in TABLES.items() if table.owned or name == noun)
