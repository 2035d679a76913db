"""An event with what it changed: the objects it touched, as they were before and after it."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from service.streaming.note import Note, Place

DEALS = frozenset(("deal", "agreement", "investment"))
"""The nouns of which new ones are told."""


class State(NamedTuple):
    """What an object showed at a position, as far as filters ask."""

    created: int
    retracted: bool
    kind: str | None
    far: str | None
    """A deal's commitment, an agreement's or institution's status, an investment's stage."""
    commitment: str | None
    """A deal's commitment."""
    value: str | None
    """The shown value with all that says what it counts."""
    parties: frozenset[str]
    countries: frozenset[str]
    sectors: frozenset[str]


class Touched(NamedTuple):
    """An object that an event changed."""

    id: str
    noun: str
    now: State | None
    before: State | None


@dataclass
class Happening:
    """An event, and the objects that it changed: its own first, then others."""

    position: int
    id: str
    stream: str
    noun: str
    type: str
    recorded_by: str
    objects: list[Touched] = field(default_factory=list)
    _notes: dict[Place, tuple[Note]] = field(default_factory=dict, compare=False)

    @cached_property
    def deals(self) -> list[Touched]:
        """The deals, agreements and investments among the objects, by id."""
        return sorted((each for each in self.objects if each.noun in DEALS), key=lambda each: each.id)

    def note(self, place: Place, object: str) -> tuple[Note]:
        """The note of an object at a place of this event: one for all whose filters take it."""
        found = self._notes.get(place)
        if found is None:
            found = self._notes[place] = (Note(place, object),)
        return found
