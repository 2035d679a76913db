"""One hub for each process: it reads what is new once, for all live subscribers, and tells the groups that it concerns.

Whoever is behind it reads pages of the record on their own, by the same matching, until they meet it.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple, TypeVar

from service.replica.store import Replica
from service.streaming.filter import Filter, Kind
from service.streaming.group import Group, Index
from service.streaming.happening import Happening
from service.streaming.match import notes_of
from service.streaming.note import Note, Place, whole
from service.streaming.read import Past, chosen, happenings, reach

_LOGGER = logging.getLogger("tamga.streams")
_FEW = 8
"""Events that are read on the event loop; more are read in a thread."""
_MANY = 64
"""Objects that an event may touch to be read and matched on the event loop."""
_BATCH = 256  # events that are read in one go
_PAGE = 256
_SLICE = 500
"""Filters tried between two looks at what else is to do."""
_READER = 10
"""A reader that is told counts as so many filters."""
_POLL = 0.005
_THREADS = 4

T = TypeVar("T")


class Page(NamedTuple):
    """A stretch of a stream: its notes, and behind what they end."""

    notes: list[Note]
    end: Place


class Hub:
    """Follows one replica for everybody who subscribes in this process. To be used on one event loop."""

    def __init__(self, replica: Replica) -> None:
        """Take the replica; the first subscriber starts the work."""
        self.replica = replica
        self.head = 0
        """The position up to which the groups were told."""
        self._index = Index()
        self._groups: dict[tuple[Kind, Filter], Group] = {}
        self._bounded: set[Group] = set()
        self._woken = asyncio.Event()
        self._tried = 0
        self._task: asyncio.Task[None] | None = None
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="streams")

    def join(self, kind: Kind, filter: Filter) -> Group:
        """The group of everybody who asks the same; `leave` it in the end."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="streams")
        if not self._groups:
            self.head = max(self.head, self.replica.position)
            self._woken.set()
        group = self._groups.get((kind, filter))
        if group is None:
            group = self._groups[kind, filter] = Group(kind, filter, self.head)
            self._index.add(group)
        group.members += 1
        return group

    def leave(self, group: Group) -> None:
        """Say that one of its members is gone."""
        group.members -= 1
        if group.members == 0:
            del self._groups[group.kind, group.filter]
            self._bounded.discard(group)
            self._index.remove(group)

    def bound(self, group: Group) -> None:
        """Wake the group also where nothing matches: a member waits for a position to pass."""
        self._bounded.add(group)

    def close(self) -> None:
        """Stop following, from any thread. Repeating it is harmless."""
        task, self._task = self._task, None
        if task is not None and not task.get_loop().is_closed():
            task.get_loop().call_soon_threadsafe(task.cancel)
        self._threads.shutdown(wait=True, cancel_futures=True)

    @property
    def members(self) -> int:
        """How many subscribers there are."""
        return sum(group.members for group in self._groups.values())

    async def page(self, kind: Kind, filter: Filter, place: Place, upto: int) -> Page:
        """What a filter takes of the next stretch behind a place, at most up to a position; read in a thread."""
        return await self.in_thread(partial(self._page, kind, filter, place, upto))

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do blocking work in one of the threads for reading."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _page(self, kind: Kind, filter: Filter, place: Place, upto: int) -> Page:
        after = place[0] if place >= whole(place[0]) else place[0] - 1
        with self.replica.read() as connection:
            found = chosen(connection, kind, filter, after, upto, _PAGE)
            past = Past(connection, upto)
            notes = [note for each in found for note in notes_of(kind, filter, each, past) if note.place > place]
        return Page(notes, whole(found[-1].position if len(found) == _PAGE else upto))

    async def _run(self) -> None:
        told = None
        with self.replica.listening(self._heard()):
            while True:
                try:
                    await self._news()
                    await self._advance()
                    told = None
                except Exception as error:
                    if repr(error) != told:
                        told = repr(error)
                        _LOGGER.exception("streams do not advance beyond position %s", self.head)
                    await asyncio.sleep(0.2)

    def _heard(self) -> Callable[[int], None]:
        loop, woken = asyncio.get_running_loop(), self._woken

        def heard(position: int) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(woken.set)

        return heard

    async def _news(self) -> None:
        """Wait until the replica may have advanced; another process that writes it tells nobody, so look often."""
        if self._groups and self.replica.position > self.head:
            return
        self._woken.clear()
        if self.replica.follows or not self._groups:
            await self._woken.wait()
        else:
            await asyncio.sleep(_POLL)

    async def _advance(self) -> None:
        newest = self.replica.position
        while self.head < newest:
            if not self._groups:
                self.head = newest
                return
            after, upto = self.head, min(newest, self.head + _BATCH)
            read = partial(self._read, after, upto)
            for each in read() if self._is_little(after, upto) else await self.in_thread(read):
                await self._tell(each)
            await self._wake(tuple(self._bounded))

    def _is_little(self, after: int, upto: int) -> bool:
        """Whether a stretch can be read on the event loop."""
        if upto - after > _FEW:
            return False
        with self.replica.read() as connection:
            return reach(connection, after, upto, _MANY) < _MANY

    def _read(self, after: int, upto: int) -> list[Happening]:
        with self.replica.read() as connection:
            return happenings(connection, after, upto)

    async def _tell(self, happening: Happening) -> None:
        """Tell every group that the happening concerns, before anything else runs; then all who wait."""
        found: dict[Group, tuple[Note, ...]] = {}
        while self.head < happening.position:
            concerned = self._index.candidates(happening)
            asking = [group for group in concerned if group not in found]
            if later := self._matched(asking, happening, found):
                found.update(await self.in_thread(partial(self._looked_back, later, happening)))
                continue  # others may have come meanwhile
            told = [group for group in concerned if found[group]]
            for group in told:
                group.add(found[group])
            if happening.position % 2:
                told.reverse()  # who was last is first now
            self.head = happening.position
            self._tried += len(concerned)
            await self._wake(told)
            if self._tried > _SLICE:
                self._tried = 0
                await asyncio.sleep(0)

    def _matched(self, groups: list[Group], happening: Happening, found: dict[Group, tuple[Note, ...]]) -> list[Group]:
        """Find what each group is told, but for those that ask for what was earlier, which takes a thread."""
        if len(happening.objects) > _MANY:
            return groups
        later = []
        for group in groups:
            try:
                found[group] = notes_of(group.kind, group.filter, happening, _not_now)
            except _LookBack:
                later.append(group)
        return later

    def _looked_back(self, groups: list[Group], happening: Happening) -> dict[Group, tuple[Note, ...]]:
        with self.replica.read() as connection:
            past = Past(connection, happening.position)
            return {group: notes_of(group.kind, group.filter, happening, past) for group in groups}

    async def _wake(self, groups: Sequence[Group]) -> None:
        """Tell everybody who waits, some at a time."""
        for group in groups:
            for each in tuple(group.waiting):
                each.told()
                self._tried += _READER
                if self._tried > _SLICE:
                    self._tried = 0
                    await asyncio.sleep(0)


class _LookBack(Exception):
    """What an object showed earlier has to be read."""


def _not_now(filter: Filter, id: str, position: int) -> bool:
    raise _LookBack
