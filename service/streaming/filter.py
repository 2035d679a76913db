"""What a stream asks for: conditions on the event, conditions on the object, and which changes of it are wanted."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from domain.catalogue import CORRECTIONS
from domain.codes import Code
from service.streaming.happening import DEALS, Happening, State


class DealChange(Code):
    """What happened to a deal, an agreement or an investment."""

    NEW = "NEW", "it matches for the first time"
    COMMITMENT = "COMMITMENT", "a deal's commitment, an agreement's status or an investment's stage changed"
    VALUE = "VALUE", "the value that is shown changed"
    CORRECTION = "CORRECTION", "something was put right or retracted that it shows"


ORDER = tuple(DealChange)
"""Changes by number."""


class Kind(Enum):
    """Which of the two streams."""

    EVENTS = "events"
    DEALS = "newDeals"


Names = frozenset[str] | None
"""One of these; None for any."""


_Conditions = tuple[tuple[int, frozenset[str]], ...]
"""Places in a state, and the names of which one is asked for there."""


def _conditions(asked: dict[str, Names]) -> _Conditions:
    return tuple((State._fields.index(name), names) for name, names in asked.items() if names is not None)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which notes a stream gives: those for which all of this holds. What follows from that is worked out once."""

    nouns: Names = None
    ids: Names = None
    types: Names = None
    parties: Names = None
    countries: Names = None
    sectors: Names = None
    kinds: Names = None
    commitments: Names = None
    recorded_by: Names = None
    changes: frozenset[DealChange] | None = None
    corrections_only: bool = False
    asks_event: bool = field(init=False, compare=False, repr=False)
    """Whether it says anything of the event."""
    asks_name: bool = field(init=False, compare=False, repr=False)
    """Whether it says anything of which object."""
    asks_object: bool = field(init=False, compare=False, repr=False)
    """Whether it says anything of what the object shows."""
    _one: _Conditions = field(init=False, compare=False, repr=False)
    """Where in the state one of which names must stand."""
    _several: _Conditions = field(init=False, compare=False, repr=False)
    """Where in the state one of which names must be among others."""

    def __post_init__(self) -> None:
        """Work out what follows."""
        one = {"kind": self.kinds, "commitment": self.commitments}
        several = {"parties": self.parties, "countries": self.countries, "sectors": self.sectors}
        told = {
            "asks_event": self.corrections_only or self.types is not None or self.recorded_by is not None,
            "asks_name": self.nouns is not None or self.ids is not None,
            "_one": _conditions(one),
            "_several": _conditions(several),
        }
        told["asks_object"] = bool(told["_one"] or told["_several"])
        for name, value in told.items():
            object.__setattr__(self, name, value)

    def takes(self, happening: Happening) -> bool:
        """Whether the event is one that is asked for."""
        return (
            (self.types is None or happening.type in self.types)
            and (self.recorded_by is None or happening.recorded_by in self.recorded_by)
            and (not self.corrections_only or happening.type in CORRECTIONS)
        )

    def names(self, noun: str, id: str) -> bool:
        """Whether an object of this id may be asked for."""
        return (self.nouns is None or noun in self.nouns) and (self.ids is None or id in self.ids)

    def fits(self, state: State | None) -> bool:
        """Whether the object, as it was, shows what is asked for."""
        if state is None:
            return False
        for place, names in self._one:
            if state[place] not in names:
                return False
        for place, names in self._several:  # noqa: SIM110  # a generator takes twice as long
            if names.isdisjoint(state[place]):  # type: ignore[arg-type]
                return False
        return True

    def matches(self, state: State | None) -> bool:
        """Whether the object, as it was, is there, stands and shows what is asked for."""
        return state is not None and not state.retracted and self.fits(state)

    def marks(self) -> Iterator[tuple[str, str]]:
        """What a happening must show one of: names from the condition that is likely the rarest."""
        for dimension, names in (
            ("id", self.ids),
            ("party", self.parties),
            ("by", self.recorded_by),
            ("sector", self.sectors),
            ("country", self.countries),
            ("type", CORRECTIONS if self.corrections_only and self.types is None else self.types),
            ("kind", self.kinds),
            ("commitment", self.commitments),
            ("noun", self.nouns),
        ):
            if names is not None:
                yield from ((dimension, name) for name in names)
                return
        yield ("", "")


def event_marks(happening: Happening) -> set[tuple[str, str]]:
    """What a filter of events can be found by."""
    marks = {("", ""), *_of_event(happening), ("id", happening.stream), ("noun", happening.noun)}
    if happening.objects and (now := happening.objects[0].now) is not None:
        marks.update(_of_state(now))
    return marks


def deal_marks(happening: Happening) -> set[tuple[str, str]]:
    """What a filter of deals can be found by; empty where none was changed."""
    marks: set[tuple[str, str]] = set()
    for touched in happening.deals:
        marks.update((("", ""), ("id", touched.id), ("noun", touched.noun)))
        for state in (touched.now, touched.before):
            if state is not None:
                marks.update(_of_state(state))
    if marks:
        marks.update(_of_event(happening))
    return marks


def _of_event(happening: Happening) -> tuple[tuple[str, str], ...]:
    return (("type", happening.type), ("by", happening.recorded_by))


def _of_state(state: State) -> Iterator[tuple[str, str]]:
    yield ("kind", state.kind or "")
    yield ("commitment", state.commitment or "")
    yield from (("party", each) for each in state.parties)
    yield from (("country", each) for each in state.countries)
    yield from (("sector", each) for each in state.sectors)


__all__ = ["DEALS", "ORDER", "DealChange", "Filter", "Kind", "deal_marks", "event_marks"]
