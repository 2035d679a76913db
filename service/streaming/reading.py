"""One subscriber's place in a stream: what comes next for it, by pages while it is behind, then from its group.

It holds its place and at most one page of notes, never a queue.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from service.streaming.filter import Filter, Kind
from service.streaming.group import Group
from service.streaming.hub import Hub
from service.streaming.note import CaughtUp, Note, Place, whole

_LOGGER = logging.getLogger("tamga.streams")
_AT_ONCE = 32
"""Messages handed out before others get a turn."""
_AHEAD = 16
"""Notes to come that are told of, so that they can be read together."""
_GRACE = 0.5
"""Seconds after a time until it is sure that nothing is recorded before it any more."""


@dataclass(slots=True)
class Until:
    """Where a stream ends: behind a position, or behind all that is recorded up to a time."""

    position: int | None = None
    time: str | None = None
    """`YYYY-MM-DDTHH:MM:SS.mmmZ`; gives way to the position once that is known."""
    before: int = 0
    """A position up to which everything was recorded by that time."""


class Reading:
    """What one subscriber reads. Cancelling `next` loses nothing; what was handed out counts after `took` alone."""

    __slots__ = (
        *("_closed", "_end", "_group", "_hub", "_in_a_row", "_next", "_notes", "_take", "_told", "_until", "_woken"),
        "place",
    )

    def __init__(self, hub: Hub, kind: Kind, filter: Filter, place: Place | None, until: Until | None = None) -> None:
        """Begin behind a place, or (None) with what is recorded from now on."""
        self._hub = hub
        self._group: Group = hub.join(kind, filter)
        self.place: Place = whole(hub.replica.position) if place is None else place
        """Behind what was taken, or further where nothing matched."""
        self._until = until
        self._notes: list[Note] | None = None
        self._next = 0
        self._end: Place = self.place
        self._told = False
        self._closed = False
        self._in_a_row = 0
        self._take: Callable[[Note, bool], bool] | None = None
        self._woken: asyncio.Future[None] | None = None
        if until is not None:
            hub.bound(self._group)

    def hand_to(self, take: Callable[[Note, bool], bool]) -> None:
        """Hand over what comes next, `next` being awaited; it gives that for which `take` says False.

        `take` is also told whether the note is live: read by all at once, and not page by page.
        """
        self._take = take

    async def next(self) -> Note | CaughtUp | None:
        """What comes next; None at the end."""
        self._in_a_row += 1
        if self._in_a_row >= _AT_ONCE:
            self._in_a_row = 0
            await asyncio.sleep(0)
        while True:
            if self._until is not None and await self._ended():
                return None
            self._hand_over()
            if (found := self._at_hand()) is not None:
                return found if self._until is None else await self._within(found)
            await self._go_on()

    def took(self, item: Note | CaughtUp) -> None:
        """Go behind an item that `next` gave."""
        self.place = max(self.place, item.place)
        if isinstance(item, CaughtUp):
            self._told = True
        elif self._notes is not None:
            self._next += 1

    @property
    def ahead(self) -> list[Note]:
        """The note that `next` gave and some that follow in its page."""
        return [] if self._notes is None else self._notes[self._next : self._next + _AHEAD]

    @property
    def resume(self) -> Place:
        """Where another reader goes on without loss or repeats."""
        if self._notes is None and self._live and self._group.behind(self.place) is None:
            return max(self.place, whole(self._hub.head))
        return self.place

    def close(self) -> None:
        """Leave the group. Repeating it is harmless."""
        if not self._closed:
            self._closed = True
            self._notes = self._take = None
            self._hub.leave(self._group)

    @property
    def _live(self) -> bool:
        return self.place >= self._group.since

    def _hand_over(self) -> None:
        """Hand over what is left of a page, as far as it is taken."""
        if self._take is None or self._notes is None:
            return
        sure = None if self._until is None or self._until.position is not None else self._until.before
        for note in self._notes[self._next : self._next + _AT_ONCE]:
            if (sure is not None and note.position > sure) or not self._take(note, False):
                return
            self.took(note)
            self._in_a_row += 1

    def _at_hand(self) -> Note | CaughtUp | None:
        if self._notes is not None:
            return self._notes[self._next] if self._next < len(self._notes) else None
        if not self._live:
            return None
        note = self._group.behind(self.place)
        return CaughtUp(self._newest) if note is None and not self._told else note

    @property
    def _newest(self) -> int:
        return max(self._hub.head, self.place[0])

    async def _go_on(self) -> None:
        """Leave the page that was read, read the next, or wait for the group."""
        self._in_a_row = 0
        if self._notes is not None:
            self.place, self._notes = max(self.place, self._end), None
        elif self._live:
            self.place = max(self.place, whole(self._hub.head))
            await self._wait(self._seconds())
        else:
            limit = self._hub.head if self._limit is None else min(self._hub.head, self._limit)
            page = await self._hub.page(self._group.kind, self._group.filter, self.place, limit)
            self._notes, self._next, self._end = page.notes, 0, page.end

    async def _wait(self, seconds: float | None) -> None:
        """Wait for what nobody takes, or so long."""
        self._woken = asyncio.get_running_loop().create_future()
        self._group.waiting.add(self)
        try:
            if seconds is None:
                await self._woken
            else:
                await asyncio.wait((self._woken,), timeout=seconds)
        finally:
            self._group.waiting.discard(self)

    def told(self) -> None:
        """Hand over what came; wake whoever waits for `next` if that is not taken, or if this is the end."""
        woken, take = self._woken, self._take
        if woken is None or woken.done():
            return
        if self._until is not None:
            if not self._concerned:
                return
        elif take is not None and self._live:
            try:
                note = self._group.behind(self.place)
                while note is not None and take(note, True):
                    self.place = note.place
                    if note is self._group.notes[-1]:
                        return
                    note = self._group.behind(note.place)
            except Exception as error:
                _LOGGER.debug("a reader could not be handed what came, and reads it itself: %s", error)
        woken.set_result(None)

    # the end

    @property
    def _concerned(self) -> bool:
        """Whether there is something to read, or the end has come; time passes by itself."""
        ended = self._limit is not None and self._hub.head >= self._limit
        return ended or not self._live or self._group.behind(self.place) is not None

    @property
    def _limit(self) -> int | None:
        return None if self._until is None else self._until.position

    async def _within(self, found: Note | CaughtUp) -> Note | CaughtUp | None:
        """The item, or None if it lies beyond the end."""
        assert self._until is not None
        if self._until.position is None:
            await self._settle(found.position)
        if self._limit is not None and found.position > self._limit:
            self.place = whole(self._limit)
            return None
        return found

    async def _ended(self) -> bool:
        assert self._until is not None
        if self._until.position is None:
            await self._settle(self._hub.head)
        limit = self._limit
        if limit is None or self._has_notes:
            return False
        if self.place >= whole(limit):
            return True
        if self._live and self._hub.head >= limit and self._group.behind(self.place) is None:
            self.place = whole(limit)
            return True
        return False

    @property
    def _has_notes(self) -> bool:
        return self._notes is not None and self._next < len(self._notes)

    async def _settle(self, position: int) -> None:
        """Turn the time into a position once something later is recorded, or the time has passed."""
        until = self._until
        assert until is not None
        assert until.time is not None
        if position <= until.before and self._seconds():
            return
        until.before = await self._hub.in_thread(partial(self._hub.replica.position_at, until.time))
        if until.before < position or self._seconds() == 0:
            until.position = until.before

    def _seconds(self) -> float | None:
        """How long until the time at which the stream ends, if it ends by time."""
        if self._until is None or self._until.time is None or self._until.position is not None:
            return None
        end = datetime.fromisoformat(self._until.time).astimezone(UTC).timestamp()
        return max(0.0, end + _GRACE - time.time())
