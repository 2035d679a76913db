"""A piece of a fold: the events that its rows are made of, so that only what an event concerns is folded again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.fact import Content
from service.replica.claims import Subject
from service.replica.view import View
from service.replica.world import World

Subjects = Mapping[str, Subject]
Results = Mapping[str, Any]


@dataclass(frozen=True)
class Part:
    """Rows that are made of some kinds of events alone. What `make` gives back is kept for the object's own row."""

    name: str
    reads: tuple[type[Content], ...]
    make: Callable[[View, World], Any]


@dataclass(frozen=True)
class Fold:
    """How a noun is folded: its parts, then the values of its own row from its claims and what the parts gave back."""

    parts: tuple[Part, ...]
    row: Callable[[View, World, Subjects, Results], Mapping[str, Any] | None]
