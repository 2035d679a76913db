"""What happened to the record in a period, gathered for people: facts, acts on the record, by whom, on which sources.

Here it is only gathered; how it is shown lies beside.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Any

import apsw

from domain.catalogue import CATALOGUE, CORRECTIONS
from service.audit.rested import Step, rested_on
from service.audit.state import state_at
from service.replica.tables import NOUN_TABLES


@dataclass(frozen=True)
class Citation:
    """A source that an event names."""

    source: str
    title: str
    locator: str | None


@dataclass(frozen=True)
class Recorded:
    """One event of the period that is no act on the record."""

    position: int
    id: str
    event: str
    object: str
    title: str
    summary: str
    occurred_on: str | None
    recorded_at: str
    recorded_by: str
    opens: bool
    sources: list[Citation]


@dataclass(frozen=True)
class Act:
    """One act on the record, with what rested on it."""

    position: int
    id: str
    kind: str
    object: str
    title: str
    target: str
    field: str | None
    was: Any
    now: Any
    cause: str | None
    reason: str
    recorded_at: str
    recorded_by: str
    undone: bool
    """Whether it was itself retracted, by the end of the period."""
    rested: list[Step]


@dataclass(frozen=True)
class Source:
    """A source that events of the period rest on."""

    id: str
    kind: str
    title: str
    publisher: str | None
    url: str | None
    withdrawn: bool
    events: int


@dataclass(frozen=True)
class Sealed:
    """The checkpoint that covers the period."""

    size: int
    root: str


@dataclass(frozen=True)
class Report:
    """A period of the record; the positions from `first` to `last`, both included."""

    origin: str
    first: int
    last: int
    since: str | None
    until: str | None
    rules: str
    state_root: str
    sealed: Sealed | None
    by_event: dict[str, int]
    by_recorder: dict[str, int]
    acts: list[Act]
    recorded: list[Recorded]
    left_out: int
    """Facts that were recorded but are not listed, because there are so many."""
    sources: list[Source]
    """Those that most events name first."""
    sources_left_out: int
    """Sources that are not listed, because there are so many."""
    titles: dict[str, str] = field(default_factory=dict)
    """What the objects that are named are called."""

    @property
    def events(self) -> int:
        """How many events the period has."""
        return sum(self.by_event.values())

    def of_kind(self, kind: str) -> list[Act]:
        """The acts of one kind."""
        return [act for act in self.acts if act.kind == kind]


def report(
    connection: apsw.Connection, first: int, last: int, *, origin: str, rules: str, sealed: Sealed | None, limit: int
) -> Report:
    """The report of the positions from `first` to `last`, which the replica must have reached."""
    gathering = _Gathering(connection, first, last)
    acts = gathering.acts()
    recorded = gathering.recorded(limit)
    sources, cited = gathering.sources(limit)
    by_event = gathering.counted("type")
    facts = sum(count for name, count in by_event.items() if name not in CORRECTIONS)
    return Report(
        origin=origin,
        first=first,
        last=last,
        since=gathering.recorded_at(first),
        until=gathering.recorded_at(last) if last >= first else None,
        rules=rules,
        state_root=state_at(connection, max(last, 0)).root,
        sealed=sealed if sealed is not None and sealed.size >= last else None,
        by_event=by_event,
        by_recorder=gathering.counted("recorded_by"),
        acts=acts,
        recorded=recorded,
        left_out=facts - len(recorded),
        sources=sources,
        sources_left_out=cited - len(sources),
        titles=gathering.titles,
    )


class _Gathering:
    """The readings of one period, all as of its end."""

    def __init__(self, connection: apsw.Connection, first: int, last: int) -> None:
        self._connection = connection
        self._period = {"first": first, "last": last}
        self.titles: dict[str, str] = {}

    def _rows(self, select: str, **values: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(select, {**self._period, **values}).fetchall()

    def recorded_at(self, position: int) -> str | None:
        found = self._rows("SELECT recorded_at FROM event WHERE position = :at", at=position)
        return found[0][0] if found else None

    def counted(self, column: str) -> dict[str, int]:
        return dict(
            self._rows(
                f"SELECT {column}, count(*) FROM event WHERE position BETWEEN :first AND :last"
                f" GROUP BY {column} ORDER BY count(*) DESC, {column}"
            )
        )

    def title(self, id: str) -> str:
        """What an object is called at the end of the period; its id where there is none."""
        if id not in self.titles:
            noun = id.partition(":")[0]
            name = _NAMES.get(noun)
            alive = "since <= :last AND until > :last"
            found = self._rows(f"SELECT {name} FROM {noun} WHERE id = :id AND {alive}", id=id) if name else []
            self.titles[id] = str(found[0][0]) if found else id
        return self.titles[id]

    def acts(self) -> list[Act]:
        found = self._rows(
            "SELECT owner, event, kind, target, field, was, now, cause, reason, recorded_at, recorded_by, retracted,"
            " position FROM correction WHERE position BETWEEN :first AND :last AND since <= :last AND until > :last"
            " ORDER BY position"
        )
        return [self._act(*row) for row in found]

    def _act(self, owner: str, id: str, kind: str, target: str, name: str | None, *rest: Any) -> Act:
        was, now, cause, reason, recorded_at, recorded_by, undone, position = rest
        steps = rested_on(self._connection, owner, position)
        for step in steps:
            self.title(step.object)
        return Act(
            position=position,
            id=id,
            kind=kind,
            object=owner,
            title=self.title(owner),
            target=target,
            field=name,
            was=_parsed(was),
            now=_parsed(now),
            cause=cause,
            reason=reason,
            recorded_at=recorded_at,
            recorded_by=recorded_by,
            undone=bool(undone),
            rested=steps,
        )

    def recorded(self, limit: int) -> list[Recorded]:
        acts = ", ".join(f"'{name}'" for name in CORRECTIONS)
        found = self._rows(
            "SELECT position, id, type, stream, summary, occurred_on, recorded_at, recorded_by, body ->> '$.sources'"
            f" FROM event WHERE position BETWEEN :first AND :last AND type NOT IN ({acts})"
            " ORDER BY position LIMIT :limit",
            limit=limit,
        )
        return [self._recorded(*row) for row in found]

    def _recorded(self, position: int, id: str, event: str, stream: str, *rest: Any) -> Recorded:
        summary, occurred_on, recorded_at, recorded_by, sources = rest
        return Recorded(
            position=position,
            id=id,
            event=event,
            object=stream,
            title=self.title(stream),
            summary=summary,
            occurred_on=occurred_on,
            recorded_at=recorded_at,
            recorded_by=recorded_by,
            opens=event in CATALOGUE and CATALOGUE[event].opens and id.endswith("@1"),
            sources=[self._citation(one) for one in _parsed(sources) or ()],
        )

    def _citation(self, given: dict[str, Any]) -> Citation:
        return Citation(given["source"], self.title(given["source"]), given.get("locator"))

    def sources(self, limit: int) -> tuple[list[Source], int]:
        """The sources that most events of the period name, and how many there are in all."""
        named: Counter[str] = Counter()
        lists = "SELECT body ->> '$.sources' FROM event WHERE position BETWEEN :first AND :last"
        for (listed,) in self._connection.execute(lists, self._period):
            named.update({one["source"] for one in _parsed(listed) or ()})
        most = nsmallest(limit, named.items(), key=lambda one: (-one[1], one[0]))
        return [self._source(id, count) for id, count in most], len(named)

    def _source(self, id: str, events: int) -> Source:
        found = self._rows(
            "SELECT kind, title, publisher, url, withdrawn FROM source"
            " WHERE id = :id AND since <= :last AND until > :last",
            id=id,
        )
        kind, title, publisher, url, withdrawn = found[0] if found else ("", id, None, None, 0)
        return Source(id, kind, title, publisher, url, bool(withdrawn), events)


_NAMES = {table.name: "title" if "title" in table.names else "name" for table in NOUN_TABLES}


def _parsed(text: str | None) -> Any:
    return None if text is None else json.loads(text)
