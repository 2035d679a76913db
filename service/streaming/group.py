"""Subscribers that ask the same share a group: its filter, and the newest notes that all of them read from.

Groups are found by what a happening shows, so that a filter that cannot match costs nothing.
"""

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import Protocol

from service.streaming.filter import Filter, Kind, deal_marks, event_marks
from service.streaming.happening import Happening
from service.streaming.note import Note, Place, whole

MOST = 128
"""How many notes a group keeps; who is further behind reads pages of the record."""

_place = attrgetter("place")


class Waiting(Protocol):
    """A reader that has read everything."""

    def told(self) -> None:
        """There may be something new."""
        ...


class Group:
    """One filter, its newest notes, and who waits for the next."""

    __slots__ = ("filter", "kind", "members", "notes", "since", "waiting")

    def __init__(self, kind: Kind, filter: Filter, position: int) -> None:
        """Begin behind a position: every note from there on is kept, up to a number."""
        self.kind = kind
        self.filter = filter
        self.members = 0
        self.since = whole(position)
        """The place behind which no note is missing."""
        self.notes: list[Note] = []
        self.waiting: set[Waiting] = set()

    def add(self, notes: Sequence[Note]) -> None:
        """Keep the notes of one happening, if they were not told already."""
        kept = self.notes
        if kept and kept[-1].place >= notes[0].place:
            return
        kept += notes
        if len(kept) > 2 * MOST:
            self.since = kept[-MOST - 1].place
            del kept[:-MOST]

    def behind(self, place: Place) -> Note | None:
        """The first note behind a place, which is not before `since`."""
        notes = self.notes
        if not notes or notes[-1].place <= place:
            return None
        if len(notes) == 1 or notes[-2].place <= place:
            return notes[-1]
        return notes[bisect_right(notes, place, key=_place)]


class Index:
    """Groups by what a happening must show."""

    def __init__(self) -> None:
        """Begin without groups."""
        self._found: dict[Kind, dict[tuple[str, str], set[Group]]] = {kind: {} for kind in Kind}

    def add(self, group: Group) -> None:
        """Begin to find the group."""
        found = self._found[group.kind]
        for key in group.filter.marks():
            found.setdefault(key, set()).add(group)

    def remove(self, group: Group) -> None:
        """Find the group no more."""
        found = self._found[group.kind]
        for key in group.filter.marks():
            found[key].discard(group)
            if not found[key]:
                del found[key]

    def candidates(self, happening: Happening) -> set[Group]:
        """The groups that may take the happening."""
        taken: set[Group] = set()
        if events := self._found[Kind.EVENTS]:
            _collect(events, event_marks(happening), taken)
        if deals := self._found[Kind.DEALS]:
            _collect(deals, deal_marks(happening), taken)
        return taken


def _collect(found: dict[tuple[str, str], set[Group]], keys: set[tuple[str, str]], taken: set[Group]) -> None:
    for key in keys:
        if (groups := found.get(key)) is not None:
            taken |= groups
