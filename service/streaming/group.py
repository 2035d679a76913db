"""Subscribers that ask the same share a group: its filter, and the newest notes that all of them read from.

Groups are found by what a happening shows, so that a filter that cannot match costs nothing.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Iterable
from operator import attrgetter

from service.streaming.filter import Filter, Kind, deal_marks, event_marks
from service.streaming.happening import Happening
from service.streaming.note import Note, Place, whole

MOST = 128
"""How many notes a group keeps; who is further behind reads pages of the record."""

_place = attrgetter("place")


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
        self.waiting: set[asyncio.Future[None]] = set()

    def add(self, notes: Iterable[Note]) -> None:
        """Keep the notes, but for those that were told already, and wake who waits."""
        newest = self.notes[-1][:3] if self.notes else self.since
        for note in notes:
            if note[:3] > newest:
                self.notes.append(note)
        if len(self.notes) > 2 * MOST:
            self.since = self.notes[-MOST - 1].place
            del self.notes[:-MOST]
        self.wake()

    def wake(self) -> None:
        """Wake everybody who waits."""
        waiting, self.waiting = self.waiting, set()
        for each in waiting:
            if not each.done():
                each.set_result(None)

    def behind(self, place: Place) -> Note | None:
        """The first note behind a place, which is not before `since`."""
        notes = self.notes
        if not notes or notes[-1].place <= place:
            return None
        if len(notes) == 1 or notes[-2].place <= place:
            return notes[-1]
        return notes[bisect_right(notes, place, key=_place)]

    async def changed(self, seconds: float | None = None) -> None:
        """Wait for the next note, or so long."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.add(future)
        try:
            if seconds is None:
                await future
            else:
                await asyncio.wait((future,), timeout=seconds)
        finally:
            self.waiting.discard(future)


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
