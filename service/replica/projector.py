"""From entries of the log to rows of the replica: folds each batch and writes rows and position in one transaction.

An event that cannot be read, or whose fold raises, sets its stream aside and disturbs no other.
"""

import contextlib
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from heapq import heappop, heappush
from typing import Any

import apsw
import msgspec

from domain.catalogue import load_fact
from domain.fact import Fact
from service.log.log import Entry
from service.replica.events import Agenda, Due, event_row, load_placed, streams_of, unreadable_row
from service.replica.folds.prose import Text
from service.replica.object import Changes, Name, Object, tables_of
from service.replica.tables import ALIVE, EVENT_COLUMNS, TABLES
from service.replica.view import Placed, Rows
from service.replica.world import KINDS, Facet, World

_MOST_STREAMS = 1000
"""Streams kept in memory between batches."""

_OWNED = frozenset(name for name, table in TABLES.items() if table.owned)

_NOTHING: set[str] = set()

_MOST_FOLDS = 1_000_000
"""How many folds one event may lead to; more is a circle of references."""


@dataclass(slots=True)
class Stream:
    """An object that the projector remembers, and what of it is not written yet."""

    object: Object
    fresh: dict[Name, int] = field(default_factory=dict)
    """Rows of this batch that are not written yet, each with the position that it is alive from."""
    asked: set[str] = field(default_factory=set)


class Projector:
    """Writes one replica. Not safe for use by two threads."""

    def __init__(self, connection: apsw.Connection) -> None:
        """Take a connection that may write."""
        self._db = connection
        self._streams: OrderedDict[str, Stream] = OrderedDict()
        self._facets: dict[str, Facet | None] = {}
        self._held = self._held_back()
        self._position = int(connection.execute("SELECT value FROM state WHERE name = 'position'").get or 0)
        self._moves: dict[str, list[tuple[Due, Facet | None]]] = {}
        self._reset()

    def _held_back(self) -> dict[str, int]:
        """Streams set aside, each with the position from which on it is not folded."""
        return {str(row[0]): int(row[1]) for row in self._db.execute("SELECT stream, position FROM held_back")}

    def _reset(self) -> None:
        self._at = 0
        self._events: list[tuple[Any, ...]] = []
        self._shown: dict[str, Stream] = {}
        self._agendas: dict[str, Agenda] = {}
        self._rows: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self._ended: dict[str, list[tuple[Any, ...]]] = {}
        self._new_facets: dict[str, str] = {}
        self._new_depends: dict[str, set[str]] = {}
        self._texts: dict[int, Text] = {}
        self._touched: set[tuple[int, str]] = set()
        self._set_aside: dict[str, tuple[int, str]] = {}

    def apply(self, entries: Sequence[Entry], given_up: Callable[[int], bool] = lambda position: False) -> None:
        """Fold the entries and commit their rows with the last position, or change nothing and raise.

        `given_up` names positions whose events are to be set aside unfolded. What is in the replica is passed over, so
        that an entry delivered twice changes nothing.
        """
        entries = [entry for entry in entries if entry.position > self._position]
        if not entries:
            return
        try:
            with self._transaction(given_up):
                self._take(entries)
                self._flush(entries[-1])
            self._position = entries[-1].position
        finally:
            self._moves.clear()

    def take_shown(
        self, entries: Sequence[Entry], given_up: Callable[[int], bool], takes: Callable[[str], bool]
    ) -> int:
        """Begin a replica with these entries, all behind those before: fold what shows something of itself to others.

        Of other streams, if they are to be taken, the events are noted for `fold_streams`; gives how many.
        """
        left = 0
        with self._transaction(given_up):
            for entry in entries:
                if entry.stream.partition(":")[0] in KINDS:
                    self._fold_shown(self._due(entry))
                elif takes(entry.stream):
                    self._read(entry)
                    left += 1
            self._write_shown()
            self._flush(entries[-1])
        return left

    def left(self) -> Iterator[tuple[str, Agenda]]:
        """The streams for `fold_streams`, by id."""
        return streams_of(self._db, KINDS, self._held)

    def fold_streams(self, streams: Iterable[tuple[str, Agenda]], given_up: Callable[[int], bool]) -> None:
        """Fold whole streams, once `take_shown` has taken every entry: each in one go, whenever its events happened."""
        with self._transaction(given_up):
            for id, agenda in streams:
                self._fold_stream(id, agenda)
                self._write(id, self._streams.pop(id))
            self._flush()

    @contextlib.contextmanager
    def _transaction(self, given_up: Callable[[int], bool]) -> Iterator[None]:
        self._given_up = given_up
        try:
            with self._db:
                yield
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
            due = self._due(entry)
            if due.stream.partition(":")[0] in KINDS:
                self._fold_shown(due)
            elif due.placed is not None:  # its stream may be of a noun that nothing here folds
                self._agendas.setdefault(due.stream, []).append(due)
        self._write_shown()
        for id in sorted(self._agendas):
            self._fold_stream(id, self._agendas[id])
            self._write(id, self._streams[id])
            if len(self._streams) > _MOST_STREAMS:
                self._streams.popitem(last=False)

    def _due(self, entry: Entry) -> Due:
        """The event, its row noted."""
        fact = self._read(entry)
        position, placed = entry.position, None
        if fact is not None:
            placed = Placed(position, entry.recorded_at, entry.recorded_by, fact)
        return Due(position, entry.stream, entry.version, entry.event, placed)

    def _read(self, entry: Entry) -> Fact | None:
        """What the event says, its row noted; one that cannot be read holds its stream back."""
        try:
            fact = load_fact(entry.event, entry.stream, entry.state)
            self._events.append(event_row(entry, fact))
        except Exception as error:
            self._events.append(unreadable_row(entry))
            self._hold_back(Due(entry.position, entry.stream, entry.version, entry.event, None), error)
            return None
        return fact

    def _hold_back(self, due: Due, error: Exception, stream: str = "") -> None:
        """Set a stream aside from here on; its rows stay as they were."""
        held = stream or due.stream
        if due.position < self._held.get(held, ALIVE):
            self._held[held] = due.position
            self._set_aside[held] = due.position, f"{due.event}: {type(error).__name__}: {error}"

    def _stands(self, due: Due) -> bool:
        """Whether an object is to be folded at an event of its own."""
        if self._given_up(due.position):
            self._hold_back(due, RuntimeError("folding it ended the process again and again"))
        return due.position < self._held.get(due.stream, ALIVE)

    def _fold_shown(self, due: Due) -> None:
        """Fold the event's own object, then every object that what it shows of itself has changed."""
        self._at = due.position
        if due.placed is None or not self._stands(due):
            return
        stream = self._stream(due.stream, due.version)
        stream.object.append(due.placed)
        due = due._replace(placed=None)
        waiting, left = self._fold_object(due.stream, stream, due), _MOST_FOLDS
        while waiting and left:
            id, left = waiting.pop(0), left - 1
            stream = self._stream(id)
            stream.object.stale()
            waiting += [one for one in self._fold_object(id, stream, due) if one not in waiting]

    def _fold_object(self, id: str, stream: Stream, due: Due) -> list[str]:
        """Fold an object; gives those to fold next. One whose fold raises is set aside."""
        try:
            if not self._shows_anew(id, stream, due):
                return []
        except Exception as error:
            self._hold_back(due, error, id)
            return []
        next = []
        for one in self._dependents(id):
            if one.partition(":")[0] in KINDS:
                next.append(one)
            else:
                self._agendas.setdefault(one, []).append(due)
        return next

    def _shows_anew(self, id: str, stream: Stream, due: Due) -> bool:
        """Fold an object that others may look at; says whether what it shows of itself changed."""
        self._shown[id] = stream
        world = World(self._facet)
        shows_itself_anew = self._take_facet(id, stream.object, world, due)
        self._fold(id, stream, world, due)
        return shows_itself_anew

    def _take_facet(self, id: str, object: Object, world: World, due: Due) -> bool:
        """Ask the object what it shows of itself; says whether that changed."""
        facet, before = object.facet(world), self._facet(id)
        if facet == before:
            return False
        object.stale()
        self._facets[id] = facet
        self._moves.setdefault(id, []).append((due, before))
        self._new_facets[id] = msgspec.json.encode(asdict(facet)).decode() if facet is not None else "null"
        return True

    def _fold_stream(self, id: str, agenda: Agenda) -> None:
        """Fold an object at each of its events of the batch, and wherever what it asked for changed."""
        stream = self._stream(id, agenda[0].version if agenda[0].stream == id else 0)
        world, self._at = World(self._facet), 0
        while agenda:
            due = heappop(agenda)
            if not self._is_due(id, stream.object, due):
                continue
            self._at = due.position
            try:
                for target in self._fold(id, stream, world, due):
                    for move, _ in self._moves.get(target, ()):
                        if due.position < move.position:
                            heappush(agenda, move)
            except Exception as error:
                self._hold_back(due, error, id)

    def _is_due(self, id: str, object: Object, due: Due) -> bool:
        """Whether the object, which takes the event if it is its own, is to be folded at it."""
        if due.stream != id:
            object.stale()
            return self._at < due.position < self._held.get(id, ALIVE)
        if due.placed is None or not self._stands(due):
            return False
        object.append(due.placed)
        return True

    def _fold(self, id: str, stream: Stream, world: World, due: Due) -> set[str]:
        """Fold one object at an event and note its changed rows; gives what it asked for and had not before."""
        changed = stream.object.fold(world)
        if self._note(id, stream, changed, due.position) and id != due.stream:
            self._touched.add((due.position, id))
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
            place = (id, key, since, position) if table in _OWNED else (id, since, position)
            self._rows[table].append(place + values)

    def _write_shown(self) -> None:
        for id, stream in self._shown.items():
            self._write(id, stream)

    def _write(self, id: str, stream: Stream) -> None:
        """Have the rows written that are alive at the end of the batch."""
        written, rows, owned = self._rows, stream.object.rows, _OWNED
        for name, since in stream.fresh.items():
            table, key = name
            place = (id, key, since, ALIVE) if table in owned else (id, since, ALIVE)
            written[table].append(place + rows[name])
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
        for due, before in self._moves.get(id, ()):
            if self._at < due.position:
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

    def _flush(self, last: Entry | None = None) -> None:
        """Write everything noted since the last flush, with the position if one is reached."""
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
        held = [(stream, *why) for stream, why in self._set_aside.items()]
        self._many("INSERT OR REPLACE INTO held_back VALUES (?, ?, ?)", held)
        # in the order of their ids, or the index would begin a new segment with nearly every text
        texts = [(document, *self._texts[document]) for document in sorted(self._texts)]
        self._many("INSERT OR IGNORE INTO search (rowid, title, body, noun) VALUES (?, ?, ?, ?)", texts)
        if last is not None:
            state = {"position": last.position, "recorded_at": last.recorded_at}
            self._many("INSERT OR REPLACE INTO state VALUES (?, ?)", state.items())

    def _many(self, statement: str, rows: Collection[Sequence[Any]]) -> None:
        if rows:
            self._db.executemany(statement, rows)


@cache
def _selects(noun: str) -> tuple[tuple[str, str], ...]:
    """For each table that an object of the noun can have rows in, the statement that reads those alive."""
    selects = []
    for name in tables_of(noun):
        table = TABLES[name]
        columns = ", ".join(("key" if table.owned else "''", *table.names))
        selects.append((name, f"SELECT {columns} FROM {name} WHERE {table.keys[0]} = ? AND until = {ALIVE}"))
    return tuple(selects)


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def _insert(table: str) -> str:
    return f"INSERT INTO {table} VALUES ({_marks(len(TABLES[table].all_columns))})"
