"""What a fold sees of one object: its events after corrections, at their places in the log. Reads nothing else."""

import datetime
from collections.abc import Iterable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, TypeVar, cast

import msgspec

from domain.codes import AnomalyKind
from domain.fact import Content, Fact
from domain.stream import Held
from domain.values import WorldDate
from service.replica.tables import LAST_DAY, TABLES

T = TypeVar("T", bound=Content)
Rows = dict[tuple[str, str], tuple[Any, ...]]
"""The rows of an object: (table, key) to the values of the table's own columns. The noun's row has the empty key."""


class Placed(msgspec.Struct, frozen=True):
    """An event at its place in the log, before corrections."""

    position: int
    recorded_at: str
    recorded_by: str
    fact: Fact


class Kept:
    """An event of the object, after corrections. Never changed once made."""

    __slots__ = ("content", "fact", "held", "id", "live", "placed", "position", "version")

    def __init__(self, placed: Placed, held: Held) -> None:
        """Take both, and keep at hand what every fold asks for."""
        self.placed = placed
        self.held = held
        self.position = placed.position
        self.version = held.version
        self.fact = held.fact
        """The fact as it stands."""
        self.content = held.fact.content
        self.live = held.retracted_by is None
        """Whether it was not retracted."""
        self.id = f"{placed.fact.id}@{held.version}"

    @property
    def day(self) -> str:
        """The day to order by: the earliest that it may have happened, else the day on which it was recorded."""
        when = self.fact.occurred_on
        return (when.earliest if when is not None else None) or self.placed.recorded_at[:10]


class Events(list[Kept]):
    """The events of an object after corrections, in order of version, and by kind. They are only ever added to."""

    __slots__ = ("_of",)

    def __init__(self, kept: Iterable[Kept] = ()) -> None:
        """Take those there are."""
        super().__init__()
        self._of: dict[type[Content], list[Kept]] = {}
        for one in kept:
            self.append(one)

    def append(self, kept: Kept) -> None:
        """Take one more."""
        super().append(kept)
        kind = type(kept.content)
        if kind in self._of:
            self._of[kind].append(kept)
        else:
            self._of[kind] = [kept]

    def of(self, kinds: Sequence[type[Content]]) -> Sequence[Kept]:
        """Those of some kinds."""
        if len(kinds) == 1:
            return self._of.get(kinds[0], ())
        found = [self._of[kind] for kind in kinds if kind in self._of]
        if len(found) > 1:
            return sorted((one for each in found for one in each), key=_version)
        return found[0] if found else ()


_version = attrgetter("version")


class View:
    """One object as its events tell it, and the rows made of it so far."""

    __slots__ = ("_orders", "anomalies", "id", "kept", "memory", "noun", "put_names", "rows")

    def __init__(self, id: str, kept: Events) -> None:
        """Take the events, retracted ones included, in order of version."""
        self.id = id
        self.noun = id.partition(":")[0]
        self.kept = kept
        self.rows: Rows = {}
        self.put_names: list[tuple[str, str]] = []
        """Names of the rows that `put` has made."""
        self.anomalies = 0
        self.memory: Any = None
        """What a part keeps for its next event."""
        self._orders: dict[str, int] = {}

    def live(self, *kinds: type[T]) -> Iterable[tuple[Kept, T]]:
        """The events of these kinds that stand, with their contents."""
        return [(one, cast("T", one.content)) for one in self.kept.of(kinds) if one.live]

    def last(self, *kinds: type[T]) -> tuple[Kept, T] | None:
        """The latest event of these kinds that stands."""
        for one in reversed(self.kept.of(kinds)):
            if one.live:
                return one, cast("T", one.content)
        return None

    @property
    def retracted(self) -> bool:
        """Whether no opening event stands."""
        for one in self.kept:  # noqa: SIM110  # asked at every event: a generator would cost more than the answer
            if one.content.opens and one.live:
                return False
        return True

    def put(self, table: str, key: str, **values: Any) -> None:
        """Make a row; values not given are null, `ord` counts the rows of the table where it is not given."""
        name, row = (table, key), {**_NULLS[table], **values}
        if row.get("ord", 0) is None:
            row["ord"] = self._orders[table] = self._orders.get(table, 0) + 1
        self.rows[name] = tuple(row.values())
        self.put_names.append(name)

    def anomaly(self, kind: AnomalyKind, *events: Kept) -> None:
        """Flag what looks wrong, with the events that show it."""
        ids = [event.id for event in events]
        key = f"{kind}:{','.join(ids)}"
        self.anomalies += ("anomaly", key) not in self.rows
        self.put("anomaly", key, kind=kind, events=json_list(ids))


_NULLS = {name: dict.fromkeys(table.names) for name, table in TABLES.items()}
"""An empty row of each table, its columns in their order."""


def json_list(texts: Sequence[str]) -> str:
    """A JSON array of plain ASCII texts."""
    return "[" + ",".join(f'"{text}"' for text in texts) + "]"


def sort_day(when: WorldDate | None) -> str:
    """The earliest day of a date as a sort key; unknown and open starts after all others."""
    return (when.earliest if when is not None else None) or LAST_DAY


def days_between(first: str, second: str) -> int:
    """Whole days from one day to another; years before 1 count from 0001."""
    start, end = (datetime.date.fromisoformat(max(day, "0001-01-01")) for day in (first, second))
    return (end - start).days


@lru_cache(maxsize=65536)
def number_key(text: str | None) -> str:
    """A decimal as a text that sorts like the number; missing before all others.

    Digits of the integer part are counted in front; negative numbers take the nines' complement.
    """
    if text is None:
        return ""
    digits = text.lstrip("-")
    whole, _, part = digits.partition(".")
    key = f"{len(whole):02d}{whole}.{part.rstrip('0')}"
    if not text.startswith("-"):
        return f"1{key}"
    return "0" + "".join(chr(ord("9") - ord(c) + ord("0")) if c.isdigit() else c for c in key) + "~"
