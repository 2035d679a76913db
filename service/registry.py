"""The one way to write: load the streams, ask them, save what they take. A command is recorded whole or not at all."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.persistence import ApplicationRecorder, Mapper, RecordConflictError, StoredEvent
from uuid6 import uuid7

from domain.catalogue import load_fact, new_aggregate
from domain.fact import Fact, Refused, canonical
from domain.stream import Aggregate, Recorded, apply
from service.log.log import AlreadyRecorded, Command, CommandMismatch, EventTooLarge, InvalidEvent, Log, check_command

_MOST_KNOWN = 200_000
"""Streams that are remembered to have begun, some 25 MB; then all are forgotten and looked for anew."""

_ATTEMPTS = 20
"""How often a command is asked again when other commands change its streams meanwhile."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was recorded by a command, now or when it was first sent."""

    command_id: str
    positions: Sequence[int]
    event_ids: Sequence[str]
    repeated: bool = False

    @property
    def position(self) -> int:
        """The last position; a read at or beyond it sees everything recorded."""
        return self.positions[-1]


class FactMapper(Mapper[str]):
    """Between facts and what the log keeps: stable names and canonical JSON, no class paths."""

    def __init__(self) -> None:
        """Nothing is configured: the codec is the catalogue's."""

    def to_stored_event(self, domain_event: Any) -> StoredEvent:
        """The event as the log keeps it."""
        recorded: Recorded = domain_event
        fact = recorded.fact
        return StoredEvent(recorded.originator_id, recorded.originator_version, fact.event, fact.state)

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        """The event from what the log keeps. Raises Refused if this version cannot read it."""
        stream, version = str(stored_event.originator_id), stored_event.originator_version
        try:
            fact = load_fact(stored_event.topic, stream, stored_event.state)
        except (ValueError, msgspec.MsgspecError) as error:
            reason = f"{stream}@{version} ({stored_event.topic}) cannot be read by this version: {error}"
            raise Refused("HELD_BACK", "id", reason) from error
        return Recorded(stream, version, fact)


class Registry(Application[str]):
    """The record, as those who write it see it."""

    def __init__(self, log: Log) -> None:
        """Take the log to write to."""
        self._log = log
        self._known: set[str] = set()
        super().__init__()

    def construct_mapper(self) -> Mapper[str]:
        """Our own codec in place of the library's."""
        return FactMapper()

    def construct_recorder(self) -> ApplicationRecorder:
        """Our own log in place of the library's."""
        return self._log

    def record(
        self,
        facts: Sequence[Fact],
        *,
        actor: str,
        command_id: str | None = None,
        expected: Sequence[int | None] | None = None,
    ) -> Receipt:
        """Record the facts in order, all or none, and say where.

        `expected` names for each fact the version that its stream must have before it (0: it must not exist).
        The same command id with the same request gives the first answer again. Raises Refused, with `index` naming
        the fact; blocks while the log writes.
        """
        if not facts:
            raise refused("INVALID_VALUE", "facts", "a command needs at least one fact")
        wanted = list(expected or ()) + [None] * (len(facts) - len(expected or ()))
        command_id = command_id or str(uuid7())
        request = hashlib.sha256(
            canonical([[fact.event, fact.id, msgspec.Raw(fact.state)] for fact in facts] + [wanted])
        ).hexdigest()
        try:
            return self._attempt(facts, wanted, command_id, request, actor)
        except Refused:
            known = self._stored(actor, command_id, request)
            if known is None:
                raise
            return known

    def _stored(self, actor: str, command_id: str, request: str) -> Receipt | None:
        """The answer of a command that was recorded before, perhaps by another node just now."""
        stored = self._log.command(actor, command_id)
        if stored is None:
            return None
        return self._again(command_id, list(stored.positions), stored.request_hash == request)

    def check(self, facts: Sequence[Fact]) -> None:
        """Refuse the facts as `record` would, and record nothing. Raises Refused with `index`."""
        events = self._ask(facts, [None] * len(facts), _Streams(self))
        try:
            check_command(Command("check", "check", "check", [self.mapper.to_stored_event(event) for event in events]))
        except EventTooLarge as error:
            raise _too_large(error, events) from None

    def _attempt(
        self, facts: Sequence[Fact], wanted: list[int | None], command_id: str, request: str, actor: str
    ) -> Receipt:
        for attempt in range(_ATTEMPTS):
            streams = _Streams(self, hoping=attempt == 0)
            events: list[Recorded] = []
            try:
                events = self._ask(facts, wanted, streams)
                recordings = self.events.put(events, command_id=command_id, request_hash=request, actor=actor)
            except Refused:
                if not streams.hoped:
                    raise
                continue
            except AlreadyRecorded as already:
                return self._again(command_id, list(already.positions), True)
            except CommandMismatch:
                return self._again(command_id, [], False)
            except EventTooLarge as error:
                raise _too_large(error, events) from None
            except InvalidEvent as error:
                raise refused("INVALID_VALUE", "command_id", str(error)) from None
            except RecordConflictError:
                if attempt == _ATTEMPTS - 1:
                    raise
                continue
            self._know(*(fact.id for fact in facts))
            positions = [recording.notification.id for recording in recordings]
            return Receipt(command_id, positions, [f"{e.originator_id}@{e.originator_version}" for e in events])
        raise AssertionError("unreachable")

    def _ask(self, facts: Sequence[Fact], wanted: list[int | None], streams: "_Streams") -> list[Recorded]:
        """Load each stream once and ask it for each fact in order; gives the events that they make."""
        events: list[Recorded] = []
        for index, (fact, version) in enumerate(zip(facts, wanted, strict=True)):
            try:
                aggregate = streams.of(fact)
                if version is not None and version != aggregate.version:
                    reason = f"{fact.id} is at version {aggregate.version}, not {version}"
                    raise Refused("VERSION_CONFLICT", "expected_version", reason)
                aggregate.record(fact, streams)
            except Refused as no:
                raise refused(no.code, no.field, no.reason, index) from None
            events += _collected(aggregate)
        return events

    def _again(self, command_id: str, positions: list[int], same: bool) -> Receipt:
        """The stored answer of a command that was sent before."""
        if not same:
            raise refused("COMMAND_MISMATCH", "command_id", f"{command_id} was used for another request")
        entries = self._log.select_notifications(positions[0], len(positions), positions[-1])
        return Receipt(command_id, positions, [f"{e.stream}@{e.version}" for e in entries], repeated=True)

    def load(self, id: str) -> Aggregate:
        """The stream with all its events; empty if the record does not have it. Raises Refused for a malformed id."""
        empty = new_aggregate(id)
        try:
            return self.repository.get(id, projector_func=lambda _, events: _project(empty, events))
        except AggregateNotFoundError:
            return empty

    def knows(self, id: str) -> bool:
        """Whether the stream was seen to have begun, so that nobody needs to look."""
        return id in self._known

    def exists(self, id: str) -> bool:
        """Whether the stream has begun."""
        if self.knows(id):
            return True
        if self._log.select_events(id, limit=1):
            self._know(id)
            return True
        return False

    def _know(self, *ids: str) -> None:
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()
        self._known.update(ids)


def _project(aggregate: Aggregate, events: Any) -> Aggregate | None:
    for event in events:
        apply(aggregate, event)
    return aggregate if aggregate.version else None


def _collected(aggregate: Aggregate) -> Iterator[Recorded]:
    for event in aggregate.collect_events():
        assert isinstance(event, Recorded)
        yield event


def _too_large(error: EventTooLarge, events: Sequence[Recorded]) -> Refused:
    """The refusal that names the fact whose event is too large; each fact makes one event."""
    made = [(event.originator_id, event.originator_version) for event in events]
    return refused("TOO_LARGE", "data", str(error), made.index((error.stream, error.version)))


class _Streams:
    """The streams of one command: what was opened earlier in it exists for what comes later.

    `hoping`: take a stream that a fact opens for new without a look, since the log refuses the command if it is not.
    """

    def __init__(self, registry: Registry, *, hoping: bool = False) -> None:
        self._registry = registry
        self._streams: dict[str, Aggregate] = {}
        self._hoping = hoping
        self.hoped = False
        """Whether a stream was taken for new."""

    def of(self, fact: Fact) -> Aggregate:
        """The stream of the fact."""
        if self._hoping and fact.content.opens and fact.id not in self._streams and not self._registry.knows(fact.id):
            self._streams[fact.id] = new_aggregate(fact.id)
            self.hoped = True
        return self.get(fact.id)

    def get(self, id: str) -> Aggregate:
        if id not in self._streams:
            self._streams[id] = self._registry.load(id)
        return self._streams[id]

    def exists(self, id: str) -> bool:
        return (id in self._streams and self._streams[id].version > 0) or self._registry.exists(id)


def refused(code: str, field: str, reason: str, index: int = 0) -> Refused:
    """A refusal that names which fact of the command it concerns."""
    no = Refused(code, field, reason)
    no.index = index
    return no
