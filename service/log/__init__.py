"""The log: interface, stores and what reads them. Other rooms import from here."""

from service.log.log import (
    MAX_STATE,
    AlreadyRecorded,
    Command,
    CommandMismatch,
    Entry,
    EventTooLarge,
    Head,
    InvalidEvent,
    Log,
    LogClosed,
    LogDamaged,
    Outcome,
    StoredCommand,
    VersionConflict,
)
from service.log.stores import open_log

__all__ = [
    "MAX_STATE",
    "AlreadyRecorded",
    "Command",
    "CommandMismatch",
    "Entry",
    "EventTooLarge",
    "Head",
    "InvalidEvent",
    "Log",
    "LogClosed",
    "LogDamaged",
    "Outcome",
    "StoredCommand",
    "VersionConflict",
    "open_log",
]
