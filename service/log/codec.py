"""The one JSON line of an event (RFC 8785), the same wherever it is exported, shown or hashed.

The stored state is spliced in as it is: its bytes are taken apart between its members, never decoded and encoded again.
"""

from __future__ import annotations

MAX_ENTRY = 65_535
"""The most bytes of an entry: tlog-tiles gives its length 16 bits."""


def entry_length(state: bytes) -> int:
    """The most bytes that an entry with this state can have."""
    return len(state)
