"""Events without a domain, short ways to record them, and what every history must satisfy."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import uuid4

import rfc8785
from eventsourcing.persistence import StoredEvent

from service.log import Command, Entry, Log

SOURCE = {"url": "https://example.org/report"}


def state(occurred_on: str | None = None, **data: Any) -> bytes:
    """The canonical state of an event with this content."""
    members: dict[str, Any] = {"data": data, "sources": [SOURCE]}
    return rfc8785.dumps(members | ({"occurred_on": occurred_on} if occurred_on else {}))


def event(stream: str, version: int = 1, content: bytes | None = None, name: str = "DealOpened") -> StoredEvent:
    """One event, to be recorded."""
    return StoredEvent(stream, version, name, state(n=version) if content is None else content)


def command(*events: StoredEvent, id: str = "", request: str = "request", actor: str = "alice") -> Command:
    """A command with these events, under a new id unless one is named."""
    return Command(id or uuid4().hex, request, actor, events)


def record(log: Log, *events: StoredEvent, id: str = "", request: str = "request", actor: str = "alice") -> list[int]:
    """Record the events as one command; returns their positions."""
    command_id = id or uuid4().hex
    return list(log.insert_events(events, command_id=command_id, request_hash=request, actor=actor))


def everything(log: Log) -> list[Entry]:
    """All entries, by position."""
    return log.select_notifications(1, log.head().position or 1)


def assert_sound(entries: Sequence[Entry]) -> None:
    """Positions without gap or repeat, versions of each stream in order, recorded times that never go back."""
    assert [entry.position for entry in entries] == list(range(1, len(entries) + 1))
    times = [entry.recorded_at for entry in entries]
    assert times == sorted(times)
    versions: dict[str, list[int]] = defaultdict(list)
    for entry in entries:
        versions[entry.stream].append(entry.version)
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())


def assert_acknowledged(log: Log, acknowledged: Iterable[tuple[str, str, int, int]]) -> None:
    """Everything that was answered (actor, command id, first and last position) is there as it was answered."""
    entries = everything(log)
    for actor, command_id, first, last in acknowledged:
        own = entries[first - 1 : last]
        assert len(own) == last - first + 1, f"{command_id} is lost"
        assert {(entry.recorded_by, entry.command_id) for entry in own} == {(actor, command_id)}
        stored = log.command(actor, command_id)
        assert stored is not None
        assert stored.positions == range(first, last + 1)
