"""What the service says of itself on standard error: lines for people, or one JSON object a line. Never a secret.

Records may carry `command_id`, `position` and other extras; the id of the request at hand is added here.
"""

import json
import logging
import re
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import orjson

from service.settings import Settings

REQUEST_ID: ContextVar[str | None] = ContextVar("tamga_request_id", default=None)
"""The id of the request that is being answered."""

_SECRETS = re.compile(
    r"(?P<address>://[^:/@\s]*:)[^@/\s]+(?=@)|(?P<word>\b(?:ssl)?password=|\bBearer\s+)[^\s'\"]+|\btamga_[\w-]{20,}",
    re.IGNORECASE,
)
_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


def configure(settings: Settings) -> None:
    """Send all that is logged in this process to standard error, in the form that the settings name."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if settings.log_format == "json" else TextLines())
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    for noisy in ("uvicorn.error", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, and what the record carries."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        told: dict[str, Any] = {
            "time": _time(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": cleaned(record.getMessage()),
            **dict(_extras(record)),
        }
        if record.exc_info:
            told["trace"] = cleaned(self.formatException(record.exc_info))
        try:
            return orjson.dumps(told, default=str).decode()
        except TypeError:  # the name of a file that is no UTF-8, a number beyond 64 bits
            return json.dumps(told, default=str)


class TextLines(logging.Formatter):
    """A line for people: time, level, message, then what the record carries."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, with the traceback below it."""
        extras = "".join(f"  {name}={value}" for name, value in _extras(record))
        line = f"{_time(record):%H:%M:%S} {record.levelname.lower():7} {cleaned(record.getMessage())}{extras}"
        return f"{line}\n{cleaned(self.formatException(record.exc_info))}" if record.exc_info else line


def cleaned(text: str) -> str:
    """The text without passwords and keys."""
    return _SECRETS.sub(lambda found: f"{found['address'] or found['word'] or ''}***", text)


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _extras(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    request = REQUEST_ID.get()
    if request is not None:
        yield "request_id", request
    for name, value in vars(record).items():
        if name not in _USUAL:
            yield name, cleaned(value) if isinstance(value, str) else value
