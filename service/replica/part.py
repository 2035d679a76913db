"""A piece of a fold: the events that its rows are made of, so that only what an event concerns is folded again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.fact import Content
from service.replica.claims import Subject
from service.replica.view import Kept, View
from service.replica.world import World

Subjects = Mapping[str, Subject]
Results = Mapping[str, Any]


@dataclass(frozen=True)
class Part:
    """Rows that are made of some kinds of events alone. What `make` gives back is kept for the object's own row."""

    name: str
    reads: tuple[type[Content], ...]
    make: Callable[[View, World], Any]
    nothing: Any = None
    """What `make` would give back where none of these events happened; there it makes no rows."""
    extend: Callable[[View, World], Any] | None = None
    """Adds to the rows what the last event changes and gives what `make` would; None if only `make` can tell."""
    single: bool = False
    """Whether each event makes its rows by itself, looking at no other but at the rows before it, and gives nothing."""
    concerns: Callable[[Kept], bool] | None = None
    """Which of the events that it reads it makes rows of; None for all. Only for a part that is `single`."""


@dataclass(frozen=True)
class Fold:
    """How a noun is folded: its parts, then the values of its own row from its claims and what the parts gave back."""

    parts: tuple[Part, ...]
    row: Callable[[View, World, Subjects, Results], Mapping[str, Any] | None]
    reads: tuple[type[Content], ...] = (Content,)
    """The events that the row looks at itself."""
    shows: frozenset[str] = frozenset()
    """The subjects whose values it shows, each up to its first colon."""
