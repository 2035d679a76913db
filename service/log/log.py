"""The log: the only truth. What every store of it promises, the values that go in and out, and what it refuses.

No SQL lives here, and nothing here knows what the events are about.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID

from eventsourcing.persistence import (
    ApplicationRecorder,
    IntegrityError,
    Notification,
    OperationalError,
    PersistenceError,
    StoredEvent,
)

from service.log.codec import MAX_ENTRY, entry_length
from service.log.follow import LogSubscription

MAX_STATE = 60_000
"""The most bytes of one event's state."""

MAX_NAME = 200
"""The most bytes (UTF-8) of a stream id, an event's name, an actor or a command id."""


@dataclass(frozen=True)
class Entry(Notification):
    """One event as the log holds it: the library's notification, with when, by whom and by which command."""

    originator_id: str
    recorded_at: str
    """When the database recorded it: `YYYY-MM-DDTHH:MM:SS.mmmZ`; never earlier than that of the position before."""
    recorded_by: str
    """The actor of the command."""
    command_id: str
    """The command that recorded it; unique for its actor."""

    @property
    def stream(self) -> str:
        """The id of what the event is about."""
        return self.originator_id

    @property
    def version(self) -> int:
        """Its number within the stream: 1, 2, 3 … without gaps."""
        return self.originator_version

    @property
    def event(self) -> str:
        """The event's stable name."""
        return self.topic

    @property
    def position(self) -> int:
        """Its number within the log: 1, 2, 3 … without gaps, in order of commit."""
        return self.id


@dataclass(frozen=True, slots=True)
class Command:
    """Events to be recorded whole or not at all, under an id that makes repeating it harmless."""

    id: str
    request_hash: str
    """Tells a repeat (equal) from another request under the same id (different)."""
    actor: str
    events: Sequence[StoredEvent]


@dataclass(frozen=True, slots=True)
class StoredCommand:
    """What the log remembers of a command, for ever."""

    request_hash: str
    positions: range


@dataclass(frozen=True, slots=True)
class Head:
    """The newest position (0 in an empty log) and when it was recorded."""

    position: int
    recorded_at: str | None


@dataclass(frozen=True, slots=True)
class AppendStats:
    """What one opened log has written: transactions, the commands in them, and how many seconds that took."""

    transactions: int = 0
    commands: int = 0
    seconds: float = 0.0
    fault: str | None = None
    """Why the last transaction was not made, if it was not."""

    def plus(self, commands: int, seconds: float) -> AppendStats:
        """With one more transaction."""
        return AppendStats(self.transactions + 1, self.commands + commands, self.seconds + seconds)


class Log(ApplicationRecorder, ABC):
    """A log of events, safe to use from many threads; several processes may open the same one.

    Every method blocks. Trouble with the database is the library's `OperationalError`; whether a command was recorded
    is then unknown, and sending it again with the same id is safe.
    """

    record_id: str
    """Made with the log and kept in it: names this record among all others."""

    @abstractmethod
    def append(self, commands: Sequence[Command]) -> list[Outcome]:
        """Record the commands in order and say of each what became of it: its positions, or why not (not raised).

        A refused command takes no position and disturbs no other. What many threads append at once shares transactions.
        Raises InvalidEvent or EventTooLarge, recording nothing, for what no log could hold.
        """

    @abstractmethod
    def command(self, actor: str, command_id: str) -> StoredCommand | None:
        """What was recorded under this id of this actor, if anything."""

    @abstractmethod
    def head(self) -> Head:
        """The newest position and its time."""

    @abstractmethod
    def position_at(self, recorded_time: str) -> int:
        """The last position recorded at or before an ISO 8601 time (UTC where it names no offset), 0 if none.

        Raises ValueError if it is not such a time.
        """

    @abstractmethod
    def wait(self, position: int, timeout: float) -> bool:
        """Block until the head is beyond `position`, at most `timeout` seconds; say whether it is."""

    @abstractmethod
    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[Entry]:
        """The events of one stream, by version, above `gt` and up to `lte`."""

    @abstractmethod
    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> list[Entry]:
        """At most `limit` events by position, from `start` (or above it) to `stop`, of the named topics or of all."""

    @abstractmethod
    def stats(self) -> AppendStats:
        """What was appended through this object since it was opened."""

    def cut_off(self) -> None:
        """Have nobody wait for the database any longer: it is as if it were away. For the end of a process."""
        return

    @abstractmethod
    def close(self) -> None:
        """Finish what was appended, refuse the rest, wake who waits, close connections. Repeating it is harmless."""

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        command_id: str = "",
        request_hash: str = "",
        actor: str = "",
        **_: Any,
    ) -> Sequence[int]:
        """Record the events of one command whole or not at all; returns their positions.

        Raises AlreadyRecorded for a repeat, CommandMismatch for another request under the same id, VersionConflict (one
        of the library's RecordConflictError) when a stream is not at the version before, and what `append` raises.
        """
        if not stored_events:
            return []
        outcome = self.append([Command(command_id, request_hash, actor, stored_events)])[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def max_notification_id(self) -> int | None:
        """The newest position, or None for an empty log."""
        return self.head().position or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> LogSubscription:
        """Iterate over the events above `gt`, then over those to come, until stopped."""
        return LogSubscription(self, gt, topics)


def check_command(command: Command) -> None:
    """Raise InvalidEvent or EventTooLarge if no log could hold this command, whatever its state."""
    _check_name("command id", command.id)
    _check_name("actor", command.actor)
    _check_name("request hash", command.request_hash)
    if not command.events:
        raise InvalidEvent(f"command {command.id} holds no event")
    reached: dict[object, int] = {}
    for event in command.events:
        _check_event(event)
        before = reached.get(event.originator_id)
        if before is not None and event.originator_version != before + 1:
            raise InvalidEvent(
                f"{event.originator_id}: version {event.originator_version} follows {before} in a command"
            )
        reached[event.originator_id] = event.originator_version


def openings(events: Sequence[StoredEvent]) -> list[bool]:
    """Which events of a command are the first of their stream in it: those whose version is to be checked."""
    first = {event.originator_id: number for number, event in reversed(list(enumerate(events)))}
    return [first[event.originator_id] == number for number, event in enumerate(events)]


def utc_milliseconds(time: str) -> str:
    """An ISO 8601 time in the form of `recorded_at`, rounded down; raises ValueError if it is none."""
    moment = datetime.fromisoformat(time)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _check_event(event: StoredEvent) -> None:
    _check_name("stream", event.originator_id)
    _check_name("event name", event.topic)
    if type(event.originator_version) is not int or not 1 <= event.originator_version < 2**53:
        raise InvalidEvent(f"a version is a whole number from 1, not {event.originator_version!r}")
    if type(event.state) is not bytes:
        raise InvalidEvent(f"the state of {event.topic} must be bytes, not {type(event.state).__name__}")
    if len(event.state) > MAX_STATE:
        raise EventTooLarge(event, f"its state is {len(event.state):,} bytes, {MAX_STATE:,} at most")
    if len(event.state) > MAX_STATE // 2 and (length := entry_length(event.state)) > MAX_ENTRY:
        raise EventTooLarge(event, f"its entry would be {length:,} bytes, {MAX_ENTRY:,} at most")


def _check_name(what: str, value: object) -> None:
    if not isinstance(value, str) or not value or not value.isprintable() or len(value.encode()) > MAX_NAME:
        raise InvalidEvent(f"{what}: 1 to {MAX_NAME} bytes of printable text, not {str(value)[:MAX_NAME]!r}")


class InvalidEvent(PersistenceError, ValueError):
    """No log could hold this command: an empty or unprintable name, a version below 1, no events."""


class EventTooLarge(InvalidEvent):
    """One event is larger than an event may be."""

    def __init__(self, event: StoredEvent, why: str) -> None:
        super().__init__(f"{event.topic} of {event.originator_id}, version {event.originator_version}: {why}")
        self.stream = str(event.originator_id)
        self.version = event.originator_version


class AlreadyRecorded(PersistenceError):
    """The same command, with the same request, was recorded before; `positions` are what it got then."""

    def __init__(self, command_id: str, positions: range) -> None:
        super().__init__(f"command {command_id} was recorded before, at {_shown(positions)}")
        self.command_id = command_id
        self.positions = positions


class CommandMismatch(PersistenceError):
    """Another request was recorded under this command id."""

    def __init__(self, command_id: str) -> None:
        super().__init__(f"command {command_id} was recorded before with another request")
        self.command_id = command_id


class VersionConflict(IntegrityError):
    """A stream is not at the version before the one to be recorded; nothing of the command was."""

    def __init__(self, stream: str, version: int, current: int) -> None:
        super().__init__(f"{stream} is at version {current}, so version {version} cannot be recorded")
        self.stream = stream
        self.version = version
        self.current = current


class LogClosed(OperationalError):
    """The log was closed, here, before this could be done."""


class LogDamaged(OperationalError):
    """The store holds something that no log would have written; the message says how to restore it."""


class LogRewound(OperationalError):
    """The log no longer holds what this process has read from it or recorded in it: what stands on that is wrong."""

    def __init__(self, position: int) -> None:
        super().__init__(
            f"the log is not the one that this process has seen up to position {position}: an older state of the "
            "database was restored, or a standby without its newest events took over; restart this node"
        )


Outcome: TypeAlias = range | AlreadyRecorded | CommandMismatch | VersionConflict
"""What became of one command: the positions of its events, or why it was refused."""


def _shown(positions: range) -> str:
    if len(positions) == 1:
        return f"position {positions[0]}"
    return f"positions {positions[0]} to {positions[-1]}"
