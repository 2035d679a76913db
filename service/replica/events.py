"""Events as rows of the replica: how they are written there, and read back to be folded."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, NamedTuple

import apsw

from domain.catalogue import load_fact
from domain.fact import Fact
from service.log.log import Entry
from service.replica.tables import ALIVE
from service.replica.view import Placed, sort_day

_PLACED = "position, recorded_at, recorded_by, stream, type, body"


class Due(NamedTuple):
    """Why an object is folded: an event of its own, or one of another that changed what the object asked for."""

    position: int
    stream: str
    version: int
    event: str
    placed: Placed | None
    """What it says, if it is the object's own and can be read."""


Agenda = list[Due]
"""What a stream is folded at, in order of position."""


def load_placed(connection: apsw.Connection, id: str, upto: int = ALIVE) -> list[Placed]:
    """The events of a stream that the replica holds, in order of version, up to a position."""
    rows = connection.execute(
        f"SELECT {_PLACED} FROM event WHERE stream = ? AND position <= ? ORDER BY version", (id, upto)
    )
    return [_placed(*row) for row in rows]


def streams_of(
    connection: apsw.Connection, nouns: Iterable[str], held: Mapping[str, int]
) -> Iterator[tuple[str, Agenda]]:
    """Whole streams by id, but those of the nouns; each up to the position from which on it is held back."""
    others = ", ".join(f"'{noun}'" for noun in nouns)
    rows = connection.execute(
        f"SELECT version, {_PLACED} FROM event WHERE noun NOT IN ({others}) ORDER BY stream, version"
    )
    for id, found in groupby(rows, key=lambda row: str(row[4])):
        end = held.get(id, ALIVE)
        agenda = [Due(row[1], id, row[0], row[5], _placed(*row[1:])) for row in found if row[1] < end]
        if agenda:
            yield id, agenda


def _placed(position: int, recorded_at: str, recorded_by: str, stream: str, event: str, body: str) -> Placed:
    return Placed(position, recorded_at, recorded_by, load_fact(event, stream, body))


def event_row(entry: Entry, fact: Fact) -> tuple[Any, ...]:
    """The row of an event, in the order of its columns."""
    when, stream, version = fact.occurred_on, entry.stream, entry.version
    return (
        entry.position,
        f"{stream}@{version}",
        stream,
        fact.noun,
        version,
        entry.event,
        when,
        sort_day(when),
        entry.recorded_at,
        entry.recorded_by,
        entry.command_id,
        fact.content.summary(),
        entry.state.decode(),
    )


def unreadable_row(entry: Entry) -> tuple[Any, ...]:
    """The row of an event that this version cannot read: it keeps its place in the history."""
    noun = entry.stream.partition(":")[0]
    return (
        *(entry.position, f"{entry.stream}@{entry.version}", entry.stream, noun, entry.version, entry.event),
        *(None, sort_day(None), entry.recorded_at, entry.recorded_by, entry.command_id),
        *("an event that this version cannot read", "{}"),
    )
