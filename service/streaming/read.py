"""Reads happenings from the replica: a stretch of events, what they touched, and the earlier states of an object."""

from collections.abc import Iterable, Sequence
from typing import Any

import apsw
import orjson

from service.streaming.filter import Filter, Kind
from service.streaming.happening import DEALS, Happening, State, Touched

Moment = tuple[str, int]
"""An object's id and a position."""

_COLUMNS = {  # kind, how far, value, country
    "deal": (
        *("x.kind", "x.commitment"),
        "json_array(x.value_subject, x.value_basis, x.value_covers, (SELECT c.shown FROM claimed AS c"
        " WHERE c.owner = x.id AND c.key = x.value_subject AND c.since <= p.at AND c.until > p.at))",
        "NULL",
    ),
    "agreement": ("x.kind", "x.status", "NULL", "NULL"),
    "investment": (
        *("NULL", "x.stage"),
        "json_array(x.value_subject, (SELECT c.shown FROM claimed AS c"
        " WHERE c.owner = x.id AND c.key = x.value_subject AND c.since <= p.at AND c.until > p.at))",
        "NULL",
    ),
    "party": ("x.kind", "NULL", "NULL", "x.country"),
    "institution": ("NULL", "x.status", "NULL", "x.country"),
    "source": ("x.kind", "NULL", "NULL", "NULL"),
    "gathering": ("NULL", "NULL", "NULL", "NULL"),
    "relation": ("NULL", "NULL", "NULL", "NULL"),
    "programme": ("NULL", "NULL", "NULL", "NULL"),
}

_STATES = """
WITH p AS MATERIALIZED (SELECT value ->> 0 AS id, value ->> 1 AS at FROM json_each(?))
SELECT p.id, p.at, x.created, x.retracted, {}, {}, {}, {},
  (SELECT json_group_array(json_array(l.party, l.stated_party, l.country)) FROM party_link AS l
    WHERE l.owner = x.id AND l.since <= p.at AND l.until > p.at),
  (SELECT json_group_array(s.code) FROM sector AS s WHERE s.owner = x.id AND s.since <= p.at AND s.until > p.at)
FROM p CROSS JOIN {} AS x ON x.id = p.id AND x.since <= p.at
  AND x.until = (SELECT min(v.until) FROM {} AS v WHERE v.id = p.id AND v.until > p.at)"""

_EVENT = "SELECT position, id, stream, noun, type, recorded_by FROM event"

_CHANGING = f"""
{_EVENT} WHERE stream = ?1 AND position <= ?2
UNION ALL {_EVENT} WHERE position IN (SELECT position FROM touched WHERE id = ?1 AND position <= ?2)"""

_AT_ONCE = 32
"""Earlier states that are read together; most often the latest tells."""


def happenings(connection: apsw.Connection, after: int, upto: int) -> list[Happening]:
    """All events in a stretch, with what they touched."""
    rows = connection.execute(f"{_EVENT} WHERE position > ? AND position <= ? ORDER BY position", (after, upto))
    found = [Happening(*row) for row in rows]
    load_objects(connection, found)
    return found


def reach(connection: apsw.Connection, after: int, upto: int, most: int) -> int:
    """How many objects the events in a stretch touched beside their own, counted no further than to so many."""
    rows = "SELECT 1 FROM touched WHERE position > ? AND position <= ? LIMIT ?"
    return int(connection.execute(f"SELECT count(*) FROM ({rows})", (after, upto, most)).get)


def chosen(
    connection: apsw.Connection, kind: Kind, filter: Filter, after: int, upto: int, most: int
) -> list[Happening]:
    """At most so many events in a stretch, leaving out some that the filter cannot take; with objects if it asks."""
    where, values = _narrowed(kind, filter)
    sql = f"{_EVENT} WHERE position > ? AND position <= ?{where} ORDER BY position LIMIT ?"
    found = [Happening(*row) for row in connection.execute(sql, (after, upto, *values, most))]
    if kind is Kind.DEALS or filter.asks_object or filter.changes is not None:
        load_objects(connection, found)
    return found


def _narrowed(kind: Kind, filter: Filter) -> tuple[str, list[str]]:
    """Conditions on the columns of `event` alone."""
    named = [("type", filter.types), ("recorded_by", filter.recorded_by)]
    where = ""
    if kind is Kind.EVENTS:
        named += [("stream", filter.ids), ("noun", filter.nouns)]
    else:
        where = (
            " AND (noun IN ('deal', 'agreement', 'investment')"
            " OR EXISTS (SELECT 1 FROM touched AS t WHERE t.position = event.position))"
        )
    values = []
    for column, names in named:
        if names is not None:
            where += f" AND {column} IN (SELECT value FROM json_each(?))"
            values.append(orjson.dumps(sorted(names)).decode())
    return where, values


def load_objects(connection: apsw.Connection, found: Sequence[Happening]) -> None:
    """Fill in the objects that the events touched."""
    if not found:
        return
    others: dict[int, list[str]] = {}
    stretch = (found[0].position, found[-1].position)
    for position, id in connection.execute("SELECT position, id FROM touched WHERE position BETWEEN ? AND ?", stretch):
        others.setdefault(position, []).append(id)
    touched = [(each, [each.stream, *_deals(others.get(each.position, ()))]) for each in found]
    known = states(connection, {moment for each, ids in touched for id in ids for moment in _moments(each, id)})
    for each, ids in touched:
        at = each.position
        each.objects = [Touched(id, noun_of(id), known.get((id, at)), known.get((id, at - 1))) for id in ids]


def noun_of(id: str) -> str:
    """The noun of an object's id."""
    return id.partition(":")[0]


def _deals(ids: Iterable[str]) -> list[str]:
    return [id for id in ids if noun_of(id) in DEALS]


def _moments(happening: Happening, id: str) -> list[Moment]:
    """When the object's state is wanted: after the event; before it, of deals alone that it does not open."""
    at = happening.position
    opened = id == happening.stream and happening.id.endswith("@1")
    return [(id, at)] if opened or noun_of(id) not in DEALS else [(id, at), (id, at - 1)]


def states(connection: apsw.Connection, moments: Iterable[Moment]) -> dict[Moment, State]:
    """What each object showed at its position; those that were not there are left out."""
    by_noun: dict[str, list[Moment]] = {}
    for moment in moments:
        by_noun.setdefault(noun_of(moment[0]), []).append(moment)
    found: dict[Moment, State] = {}
    for noun, wanted in by_noun.items():
        if noun in _COLUMNS:
            sql = _STATES.format(*_COLUMNS[noun], noun, noun)
            for row in connection.execute(sql, (orjson.dumps(wanted).decode(),)):
                found[row[0], row[1]] = _state(noun, row)
    return found


def _state(noun: str, row: Sequence[Any]) -> State:
    links = orjson.loads(row[8])
    parties = {each for party, stated, _ in links for each in (party, stated)}
    countries = {country for _, _, country in links if country}
    if noun == "party":
        parties.add(row[0])
    if row[7]:
        countries.add(row[7])
    shows = (frozenset(parties), frozenset(countries), frozenset(orjson.loads(row[9])))
    commitment = row[5] if noun == "deal" else None
    return State(row[2], bool(row[3]), row[4], row[5], commitment, row[6], *shows)


class Past:
    """The earlier states of objects, up to a position: read as far as they are asked for, and once for all who ask."""

    def __init__(self, connection: apsw.Connection, upto: int) -> None:
        """Take the connection, which is read from only while this is asked, and the last position."""
        self._connection = connection
        self._upto = upto
        self._events: dict[str, list[Happening]] = {}
        self._states: dict[Moment, State | None] = {}

    def __call__(self, filter: Filter, id: str, position: int) -> bool:
        """Whether an event before a position, one that the filter takes, left the object as it asks."""
        taken = [each for each in self._changing(id) if each.position < position and filter.takes(each)]
        for start in range(0, len(taken), _AT_ONCE):
            moments = [(id, each.position) for each in taken[start : start + _AT_ONCE]]
            if unread := [moment for moment in moments if moment not in self._states]:
                self._states.update(dict.fromkeys(unread) | states(self._connection, unread))
            if any(filter.matches(self._states[moment]) for moment in moments):
                return True
        return False

    def _changing(self, id: str) -> list[Happening]:
        """Every event that changed the object, the latest first."""
        if id not in self._events:
            found = [Happening(*row) for row in self._connection.execute(_CHANGING, (id, self._upto))]
            self._events[id] = sorted(found, key=lambda each: each.position, reverse=True)
        return self._events[id]
