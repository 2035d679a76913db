"""The one JSON line of an event (RFC 8785), the same wherever it is exported, shown or hashed.

The members of the stored state stand in it with exactly the bytes that are stored.
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

if TYPE_CHECKING:
    from service.log.log import Entry

MAX_ENTRY = 65_535
"""The most bytes of an entry: the format tlog-tiles gives its length 16 bits."""

_ENVELOPE = 2_000
"""More bytes than all of an entry but its state can take, names of 200 bytes with every character escaped included."""

_DEEPEST = 100
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]', re.DOTALL)


def entry_json(entry: Entry) -> bytes:
    """The entry as one line of canonical JSON, without line end; it binds every column of the event.

    A state that `read_state` cannot read is there as `state_base64` instead of its members.
    """
    line = read_state(entry.state) or {"state_base64": b64encode(entry.state).decode()}
    line["command_id"] = entry.command_id
    line["event"] = entry.topic
    line["id"] = entry.originator_id
    line["position"] = entry.id
    line["recorded_at"] = entry.recorded_at
    line["recorded_by"] = entry.recorded_by
    line["version"] = entry.originator_version
    return _encode(line)


def read_state(state: bytes) -> dict[str, Any] | None:
    """The members `data` (an object), `sources` (a list) and perhaps `occurred_on` (text) of a stored state.

    None if it has others, or is not the canonical JSON of what it says, with keys in ASCII and without floats:
    so whatever is returned has, encoded again, the stored bytes.
    """
    if _too_deep(state):
        return None
    try:
        members = _decode(state)
    except ValueError:
        return None
    return members if _well_formed(members) and _encode(members) == state else None


def entry_length(state: bytes) -> int:
    """The most bytes that an entry with this state can have."""
    return _ENVELOPE + (len(state) if read_state(state) else (len(state) + 2) // 3 * 4)


def _well_formed(members: Any) -> bool:
    return (
        isinstance(members, dict)
        and isinstance(members.get("data"), dict)
        and isinstance(members.get("sources"), list)
        and (len(members) == 2 or (len(members) == 3 and isinstance(members.get("occurred_on"), str)))
    )


def _too_deep(state: bytes) -> bool:
    """Nested beyond what every reader can take; counted without recursion, so that it never depends on the caller."""
    if state.count(b"[") + state.count(b"{") <= _DEEPEST:
        return False
    depth = 0
    for token in _BRACKETS.finditer(state):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(token[0], 0)
        if depth > _DEEPEST:
            return True
    return False


def _refuse_float(number: str) -> NoReturn:
    raise ValueError(f"{number} is a float")


_decode = msgspec.json.Decoder(float_hook=_refuse_float).decode
_encode = msgspec.json.Encoder(order="sorted").encode
