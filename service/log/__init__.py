"""The log: interface, stores and what reads them. Other rooms import from here."""

from service.log.codec import entry_json, read_state
from service.log.log import (
    MAX_STATE,
    AlreadyRecorded,
    AppendStats,
    Command,
    CommandMismatch,
    Entry,
    EventTooLarge,
    Head,
    InvalidEvent,
    Log,
    LogClosed,
    LogDamaged,
    LogRewound,
    Outcome,
    StoredCommand,
    VersionConflict,
)
from service.log.migrations import migrate
from service.log.postgres import LogNotMigrated
from service.log.stores import open_log

__all__ = [
    "MAX_STATE",
    "AlreadyRecorded",
    "AppendStats",
    "Command",
    "CommandMismatch",
    "Entry",
    "EventTooLarge",
    "Head",
    "InvalidEvent",
    "Log",
    "LogClosed",
    "LogDamaged",
    "LogNotMigrated",
    "LogRewound",
    "Outcome",
    "StoredCommand",
    "VersionConflict",
    "entry_json",
    "migrate",
    "open_log",
    "read_state",
]
