"""Addresses of PostgreSQL. What is said of one that cannot be read repeats nothing of it: it may hold a password."""

from __future__ import annotations

from psycopg import Error
from psycopg.conninfo import conninfo_to_dict, make_conninfo

EXPECTED = "postgresql://user@host/name; in a password @, /, :, %, # and the like are percent-encoded"

_LASTING = {
    "connect_timeout": "3",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}


def check_address(url: str) -> None:
    """Raise ValueError, with what it must be, if PostgreSQL's client would not read the address as it was meant."""
    try:
        parts = conninfo_to_dict(url)
    except Error:
        raise ValueError(EXPECTED) from None
    ports = str(parts.get("port") or "").split(",")
    if "@" in str(parts.get("host") or "") or not all(not port or port.isdecimal() for port in ports):
        raise ValueError(EXPECTED)


def lasting(url: str, name: str) -> str:
    """The address for a connection of this name that is given up seconds after the other side fell silent."""
    return make_conninfo("", **(_LASTING | {"application_name": name} | conninfo_to_dict(url)))
