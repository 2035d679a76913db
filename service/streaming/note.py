"""What a stream is made of: notes of what happened, each at a place, and the one that says that the rest is live."""

from typing import NamedTuple

Place = tuple[int, str, int]
"""Behind what a reader is: a position, and within it the object and the number of its change, in that order."""

WHOLE = "~"
"""Stands behind every object's id: the whole position has been read."""


def whole(position: int) -> Place:
    """Behind everything that happened up to a position."""
    return (position, WHOLE, 0)


class Note(NamedTuple):
    """One thing that happened: an event, or what an event changed in a deal, agreement or investment."""

    place: Place
    """Behind this note: its position; the changed object's id, or WHOLE for the event alone; the change's number."""
    object: str
    """The id of the object that it is about."""

    @property
    def position(self) -> int:
        """The position of the event."""
        return self.place[0]


class CaughtUp(NamedTuple):
    """Everything up to this position was read; what follows is live."""

    position: int

    @property
    def place(self) -> Place:
        """Behind the position."""
        return whole(self.position)
