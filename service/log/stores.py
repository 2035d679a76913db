"""Which log a database address names."""

from __future__ import annotations

from pathlib import Path

from eventsourcing.persistence import OperationalError

from service.log.address import EXPECTED, check_address
from service.log.log import Log
from service.log.migrations import migrate
from service.log.postgres import LogNotMigrated, PostgresLog
from service.log.sqlite import SQLiteLog


def open_log(database_url: str, *, reading: bool = False) -> Log:
    """The log at `sqlite:///relative/path`, `sqlite:////absolute/path` or `postgresql://…`, made if there is none.

    For `reading` alone nothing is made, brought up to date or changed, and no right to write is needed.
    Raises ValueError for any other address.
    """
    if database_url.startswith("sqlite:///"):
        path = Path(database_url.removeprefix("sqlite:///"))
        if not reading:
            path.parent.mkdir(parents=True, exist_ok=True)
        return SQLiteLog(path, reading=reading)
    if database_url.startswith(("postgresql://", "postgres://")):
        check_address(database_url)
        return PostgresLog(database_url, reading=True) if reading else _postgres_log(database_url)
    kind = database_url.partition("://")[0]
    raise ValueError(f"not an address of a log: {kind[:20]}…; expected sqlite:///path or {EXPECTED}")


def _postgres_log(url: str) -> Log:
    try:
        return PostgresLog(url)
    except LogNotMigrated as missing:
        _migrate(url, missing)
        return PostgresLog(url)


def _migrate(url: str, missing: LogNotMigrated) -> None:
    try:
        migrate(url)
    except OperationalError as error:
        raise LogNotMigrated(f"{missing}, as the owner of the tables ({error})") from error
