"""What the service says of itself: one JSON object a line or text, with what happened and never a secret."""

import json
import logging
from typing import Any

import pytest

from service.logs import REQUEST_ID, JsonLines, TextLines, cleaned

KEY = "tamga_x1tHc0nT4Rs2fQ9wL8mZ7pK6jB5vD3g_-Aa"


def record(message: str, *arguments: Any, **extra: Any) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": "tamga.record", "levelname": "INFO", "msg": message, "args": arguments})
    made.__dict__.update(extra)
    return made


def test_a_line_is_one_object_with_the_command_and_its_position() -> None:
    line = JsonLines().format(record("recorded %d", 2, command_id="c-1", position=7))
    told = json.loads(line)
    assert "\n" not in line
    assert told.pop("time").endswith("Z")
    expected = {"level": "info", "logger": "tamga.record", "message": "recorded 2", "command_id": "c-1", "position": 7}
    assert told == expected


def test_a_line_names_the_request_at_hand() -> None:
    token = REQUEST_ID.set("r-9")
    assert json.loads(JsonLines().format(record("x")))["request_id"] == "r-9"
    assert "request_id=r-9" in TextLines().format(record("x"))
    REQUEST_ID.reset(token)


def test_an_error_brings_its_trace_on_the_same_line() -> None:
    try:
        raise RuntimeError(f"with {KEY}")
    except RuntimeError as error:
        line = JsonLines().format(record("failed", exc_info=(type(error), error, error.__traceback__)))
    assert "RuntimeError" in json.loads(line)["trace"]
    assert KEY not in line


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("postgresql://tamga:secret@db/x", "postgresql://tamga:***@db/x"),
        ("postgresql://:secret@db", "postgresql://:***@db"),
        ("password=secret host=db", "password=*** host=db"),
        ("Authorization: Bearer secret-token", "Authorization: Bearer ***"),
        (f"the key {KEY}.", "the key ***."),
        ("http://127.0.0.1:8000/graphql", "http://127.0.0.1:8000/graphql"),
        ("tamga_node may not", "tamga_node may not"),
    ],
)
def test_secrets_are_blotted_out(text: str, left: str) -> None:
    assert cleaned(text) == left
    assert "secret" not in JsonLines().format(record("%s", text, told=text))


def test_the_password_of_a_client_key_is_a_secret_too() -> None:
    assert cleaned("postgresql://node@db/log?sslpassword=hush") == "postgresql://node@db/log?sslpassword=***"


def test_a_line_is_never_lost_for_what_json_cannot_hold() -> None:
    told = json.loads(JsonLines().format(record("cannot open \udcff", number=2**70)))
    assert (told["message"], told["number"]) == ("cannot open \udcff", 2**70)
