"""From entries of the log to rows of the replica: folds each batch and writes rows and position in one transaction.

An event that cannot be read, or whose fold raises, sets its stream aside and disturbs no other.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from heapq import heappop, heappush
from typing import Any

import apsw
import msgspec

from domain.catalogue import load_fact
from service.log.log import Entry
from service.replica.object import Changes, Name, Object, tables_of
from service.replica.tables import ALIVE, EVENT_COLUMNS, TABLES
from service.replica.view import Placed, Rows, sort_day
from service.replica.world import KINDS, Facet, World

_MOST_STREAMS = 1000
"""Streams kept in memory between batches."""

_OWNED = frozenset(name for name, table in TABLES.items() if table.owned)

_NOTHING: set[str] = set()

_MOST_FOLDS = 1_000_000
"""How many folds one event may lead to; more is a circle of references."""


Agenda = list[tuple[int, Entry]]
"""What a stream is folded at, in order of position: its own events, and others' that changed what it asked for."""


@dataclass(slots=True)
class Stream:
    """An object that the projector remembers, and what of it is not written yet."""

    object: Object
    fresh: dict[Name, int] = field(default_factory=dict)
    """Rows of this batch that are not written yet, each with the position that it is alive from."""
    asked: set[str] = field(default_factory=set)


class Projector:
    """Writes one replica. Not safe for use by two threads."""

    def __init__(self, connection: apsw.Connection, takes: Callable[[str], bool] = lambda stream: True) -> None:
        """Take a connection that may write, and which streams to fold beside those that others depend on."""
        self._db = connection
        self._takes = takes
        self._streams: OrderedDict[str, Stream] = OrderedDict()
        self._facets: dict[str, Facet | None] = {}
        self._held = self._held_back()
        self._position = int(connection.execute("SELECT value FROM state WHERE name = 'position'").get or 0)
        self._reset()

    def _held_back(self) -> set[str]:
        return {str(row[0]) for row in self._db.execute("SELECT stream FROM held_back")}

    def _reset(self) -> None:
        self._at = 0
        self._events: list[tuple[Any, ...]] = []
        self._shown: dict[str, Stream] = {}
        self._agendas: dict[str, Agenda] = {}
        self._moves: dict[str, list[tuple[int, Entry, Facet | None]]] = {}
        self._rows: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self._ended: dict[str, list[tuple[Any, ...]]] = {}
        self._new_facets: dict[str, str] = {}
        self._new_depends: dict[str, set[str]] = {}
        self._texts: dict[int, tuple[str, str]] = {}
        self._touched: set[tuple[int, str]] = set()
        self._set_aside: list[tuple[str, int, str]] = []

    def apply(self, entries: Sequence[Entry], given_up: Callable[[int], bool] = lambda position: False) -> None:
        """Fold the entries and commit their rows with the last position, or change nothing and raise.

        `given_up` names positions whose events are to be set aside unfolded. What is in the replica is passed over, so
        that an entry delivered twice changes nothing.
        """
        entries = [entry for entry in entries if entry.position > self._position]
        if not entries:
            return
        try:
            with self._db:
                self._given_up = given_up
                self._take(entries)
                self._flush(entries[-1])
            self._position = entries[-1].position
        except BaseException:
            self._streams.clear()
            self._facets.clear()
            self._held = self._held_back()
            raise
        finally:
            self._reset()

    def _take(self, entries: Sequence[Entry]) -> None:
        """Fold what shows something of itself to others in the order of the log; then the rest, stream by stream."""
        for entry in entries:
            if entry.stream.partition(":")[0] in KINDS:
                self._fold_shown(entry)
            elif self._takes(entry.stream):
                self._agendas.setdefault(entry.stream, []).append((entry.position, entry))
        for id, stream in self._shown.items():
            self._write(id, stream)
        for id in sorted(self._agendas):
            self._fold_stream(id, self._agendas[id])
            self._write(id, self._streams[id])
            if len(self._streams) > _MOST_STREAMS:
                self._streams.popitem(last=False)

    def _read(self, entry: Entry) -> Placed | None:
        """Note the event's row; gives the event if it is to be folded."""
        try:
            placed = Placed(
                entry.position, entry.recorded_at, entry.recorded_by, load_fact(entry.event, entry.stream, entry.state)
            )
            self._events.append(_event_row(entry, placed))
        except Exception as error:
            self._events.append(_unreadable_row(entry))
            self._hold_back(entry, error)
            return None
        if self._given_up(entry.position):
            self._hold_back(entry, RuntimeError("folding it ended the process again and again"))
        return None if entry.stream in self._held else placed

    def _hold_back(self, entry: Entry, error: Exception, stream: str = "") -> None:
        """Set a stream aside from here on; its rows stay as they were."""
        held = stream or entry.stream
        if held not in self._held:
            self._held.add(held)
            self._set_aside.append((held, entry.position, f"{entry.event}: {type(error).__name__}: {error}"))

    def _fold_shown(self, entry: Entry) -> None:
        """Fold the event's own object, then every object that what it shows of itself has changed."""
        self._at, placed = entry.position, self._read(entry)
        if placed is None:
            return
        stream = self._stream(entry.stream, entry.version)
        stream.object.append(placed)
        waiting, left = self._fold_object(entry.stream, stream, entry), _MOST_FOLDS
        while waiting and left:
            id, left = waiting.pop(0), left - 1
            stream = self._stream(id)
            stream.object.stale()
            waiting += [one for one in self._fold_object(id, stream, entry) if one not in waiting]

    def _fold_object(self, id: str, stream: Stream, entry: Entry) -> list[str]:
        """Fold an object; gives those to fold next. One whose fold raises is set aside."""
        try:
            if not self._shows_anew(id, stream, entry):
                return []
        except Exception as error:
            self._hold_back(entry, error, id)
            return []
        next = []
        for one in self._dependents(id):
            if one.partition(":")[0] in KINDS:
                next.append(one)
            else:
                self._agendas.setdefault(one, []).append((entry.position, entry))
        return next

    def _shows_anew(self, id: str, stream: Stream, entry: Entry) -> bool:
        """Fold an object that others may look at; says whether what it shows of itself changed."""
        self._shown[id] = stream
        world = World(self._facet)
        shows_itself_anew = self._take_facet(id, stream.object, world, entry)
        self._fold(id, stream, world, entry)
        return shows_itself_anew

    def _take_facet(self, id: str, object: Object, world: World, entry: Entry) -> bool:
        """Ask the object what it shows of itself; says whether that changed."""
        facet, before = object.facet(world), self._facet(id)
        if facet == before:
            return False
        object.stale()
        self._facets[id] = facet
        self._moves.setdefault(id, []).append((entry.position, entry, before))
        self._new_facets[id] = msgspec.json.encode(asdict(facet)).decode() if facet is not None else "null"
        return True

    def _fold_stream(self, id: str, agenda: Agenda) -> None:
        """Fold an object at each of its events of the batch, and wherever what it asked for changed."""
        stream = self._stream(id, agenda[0][1].version if agenda[0][1].stream == id else 0)
        self._at = 0
        while agenda:
            position, entry = heappop(agenda)
            if not self._is_due(id, stream.object, entry):
                continue
            self._at = position
            try:
                for target in self._fold(id, stream, World(self._facet), entry):
                    for move in self._moves.get(target, ()):
                        if position < move[0]:
                            heappush(agenda, move[:2])
            except Exception as error:
                self._hold_back(entry, error, id)

    def _is_due(self, id: str, object: Object, entry: Entry) -> bool:
        """Whether the object, which takes the entry if it is its own, is to be folded at it."""
        if entry.stream != id:
            object.stale()
            return entry.position > self._at and id not in self._held
        placed = self._read(entry)
        if placed is not None:
            object.append(placed)
        return placed is not None

    def _fold(self, id: str, stream: Stream, world: World, entry: Entry) -> set[str]:
        """Fold one object at an entry and note its changed rows; gives what it asked for and had not before."""
        changed = stream.object.fold(world)
        if self._note(id, stream, changed, entry.position) and id != entry.stream:
            self._touched.add((entry.position, id))
        return self._depend(id, stream, world.asked)

    def _note(self, id: str, stream: Stream, changed: Changes, position: int) -> bool:
        """Close the rows that changed and open the new ones; says whether there are any."""
        rows, fresh = stream.object.rows, stream.fresh
        for name, old in changed.items():
            if old is not None:
                self._close(id, fresh, name, old, position)
            if name in rows:
                fresh[name] = position
        if ("prose", "") in changed and stream.object.text is not None:
            self._texts[rows["prose", ""][2]] = stream.object.text
        return bool(changed)

    def _close(self, id: str, fresh: dict[Name, int], name: Name, values: tuple[Any, ...], position: int) -> None:
        table, key = name
        since = fresh.pop(name, None)
        if since is None:
            self._ended.setdefault(table, []).append((position, id, key) if table in _OWNED else (position, id))
        elif since < position:
            owned = table in _OWNED
            self._rows[table].append((id, key, since, position, *values) if owned else (id, since, position, *values))

    def _write(self, id: str, stream: Stream) -> None:
        """Have the rows written that are alive at the end of the batch."""
        written, rows, owned = self._rows, stream.object.rows, _OWNED
        for name, since in stream.fresh.items():
            table, key = name
            keys = (id, key) if table in owned else (id,)
            written[table].append((*keys, since, ALIVE, *rows[name]))
        stream.fresh.clear()

    def _depend(self, id: str, stream: Stream, asked: set[str]) -> set[str]:
        """Note what the object asked for; gives what it had not asked for before."""
        if asked <= stream.asked:
            return _NOTHING
        new = asked - stream.asked
        for target in new:
            if target != id:
                self._new_depends.setdefault(target, set()).add(id)
        stream.asked |= new
        return new

    def _dependents(self, id: str) -> list[str]:
        known = [row[0] for row in self._db.execute("SELECT dependent FROM depends WHERE target = ?", (id,))]
        all = sorted({*known, *self._new_depends.get(id, ())})
        return [one for one in all if one not in self._held]

    def _facet(self, id: str) -> Facet | None:
        """What the object shows of itself at the position that is being folded."""
        for position, _, before in self._moves.get(id, ()):
            if self._at < position:
                return before
        if id not in self._facets:
            row = self._db.execute("SELECT data FROM facet WHERE id = ?", (id,)).fetchone()
            kind = KINDS.get(id.partition(":")[0])
            self._facets[id] = kind(**msgspec.json.decode(row[0])) if row and kind and row[0] != "null" else None
        return self._facets[id]

    def _stream(self, id: str, next_version: int = 0) -> Stream:
        """What is remembered of the object, else what the replica holds of it."""
        stream = self._streams.get(id)
        if stream is None:
            stream = self._streams[id] = Stream(Object(id)) if next_version == 1 else self._load(id)
        self._streams.move_to_end(id)
        return stream

    def _load(self, id: str) -> Stream:
        """What the replica holds of the object: its events, and its rows as they were written."""
        object, rows = Object(id), Rows()
        for name, select in _selects(object.noun):
            for row in self._db.execute(select, (id,)):
                rows[name, row[0]] = row[1:]
        object.load(load_placed(self._db, id), rows)
        return Stream(object)

    def _flush(self, last: Entry) -> None:
        """Write everything noted since the last flush, with the position."""
        self._events.sort()
        self._many(f"INSERT INTO event VALUES ({_marks(len(EVENT_COLUMNS))})", self._events)
        for table, ended in self._ended.items():
            where = " AND ".join(f"{key} = ?" for key in TABLES[table].keys)
            self._many(f"UPDATE {table} SET until = ? WHERE {where} AND until = {ALIVE}", ended)
        for table, rows in self._rows.items():
            self._many(_insert(table), rows)
        self._many("INSERT OR REPLACE INTO facet VALUES (?, ?)", self._new_facets.items())
        depends = [(target, one) for target, dependents in self._new_depends.items() for one in dependents]
        self._many("INSERT OR IGNORE INTO depends VALUES (?, ?)", depends)
        self._many("INSERT INTO touched VALUES (?, ?)", self._touched)
        self._many("INSERT OR IGNORE INTO held_back VALUES (?, ?, ?)", self._set_aside)
        # in the order of their ids, or the index would begin a new segment with nearly every text
        texts = [(document, *self._texts[document]) for document in sorted(self._texts)]
        self._many("INSERT OR IGNORE INTO search (rowid, title, body) VALUES (?, ?, ?)", texts)
        state = {"position": last.position, "recorded_at": last.recorded_at}
        self._many("INSERT OR REPLACE INTO state VALUES (?, ?)", state.items())

    def _many(self, statement: str, rows: Collection[Sequence[Any]]) -> None:
        if rows:
            self._db.executemany(statement, rows)


def load_placed(connection: apsw.Connection, id: str, upto: int = ALIVE) -> list[Placed]:
    """The events of a stream that the replica holds, in order of version, up to a position."""
    rows = connection.execute(
        "SELECT position, recorded_at, recorded_by, type, body FROM event"
        " WHERE stream = ? AND position <= ? ORDER BY version",
        (id, upto),
    )
    return [Placed(row[0], row[1], row[2], load_fact(row[3], id, row[4].encode())) for row in rows]


@cache
def _selects(noun: str) -> tuple[tuple[str, str], ...]:
    """For each table that an object of the noun can have rows in, the statement that reads those alive."""
    selects = []
    for name in tables_of(noun):
        table = TABLES[name]
        columns = ", ".join(("key" if table.owned else "''", *table.names))
        selects.append((name, f"SELECT {columns} FROM {name} WHERE {table.keys[0]} = ? AND until = {ALIVE}"))
    return tuple(selects)


def _event_row(entry: Entry, placed: Placed) -> tuple[Any, ...]:
    fact = placed.fact
    when = fact.occurred_on
    return (
        *(entry.position, f"{entry.stream}@{entry.version}", entry.stream, fact.noun, entry.version, entry.event),
        *(str(when) if when else None, sort_day(when), entry.recorded_at, entry.recorded_by, entry.command_id),
        *(fact.content.summary(), entry.state.decode()),
    )


def _unreadable_row(entry: Entry) -> tuple[Any, ...]:
    """The row of an event that this version cannot read: it keeps its place in the history."""
    noun = entry.stream.partition(":")[0]
    return (
        *(entry.position, f"{entry.stream}@{entry.version}", entry.stream, noun, entry.version, entry.event),
        *(None, sort_day(None), entry.recorded_at, entry.recorded_by, entry.command_id),
        *("an event that this version cannot read", "{}"),
    )


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def _insert(table: str) -> str:
    return f"INSERT INTO {table} VALUES ({_marks(len(TABLES[table].all_columns))})"
