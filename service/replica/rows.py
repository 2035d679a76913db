"""The rows that nearly every event makes, as named tuples in the order of their tables' columns (a test compares)."""

from typing import NamedTuple


class ClaimRow(NamedTuple):
    """A row of `claim`."""

    ord: int
    subject: str
    position: int
    event: str
    field: str
    standing: str
    denies: bool
    kind: str
    value: str | None
    text: str | None
    basis: str | None
    source_kind: str
    recorded_at: str


class ClaimSourceRow(NamedTuple):
    """A row of `claim_source`."""

    ord: int
    claim: str
    source: str
    origin: str
    stance: str
    locator: str | None
    quote: str | None


class ClaimedRow(NamedTuple):
    """A row of `claimed`."""

    ord: int
    kind: str
    shown: str | None
    text: str | None
    claim: str | None
    verification: str
    adopted: bool
    claims: int
    origins: int
