"""The tables of the log in PostgreSQL, brought up to date step by step, and what a node's role may do with them.

Each step is a numbered file under `sql/postgres/`, never changed once released. Steps only add, so that nodes of the
version before go on working while the next one is rolled out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any, TypeAlias

import psycopg
from eventsourcing.persistence import OperationalError
from psycopg import sql

_LOCK = 7_738_145_265_098_129_313
"""The advisory lock that lets one process migrate at a time."""

_GRANTS = """
GRANT USAGE ON SCHEMA tamga TO {role};
GRANT SELECT ON tamga.head, tamga.event, tamga.command_log, tamga.migration TO {role};
GRANT SELECT, INSERT, UPDATE ON tamga.audit_checkpoint TO {role};
GRANT EXECUTE ON FUNCTION tamga.append TO {role};
"""

_OWNER = """
SELECT pg_get_userbyid(nspowner), pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = 'tamga'"""

_Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]


def migrate(url: str, *, role: str | None = None) -> list[str]:
    """Apply the steps that the database at `url` lacks, all or none, one process at a time; returns their names.

    `role`, if named, is then allowed what a node needs and nothing more: to read, and to execute the append function.
    Raises OperationalError if the database cannot be reached or refuses.
    """
    with _administering(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED  # what is done while it waits counts
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        steps = pending(connection)
        for name in steps:
            _apply(connection, name)
        if role is not None:
            _allow(connection, role)
    return steps


def _allow(connection: _Connection, role: str) -> None:
    """Only the owner can; from others PostgreSQL takes a GRANT too, with a warning, and grants nothing."""
    [(owner, owned)] = connection.execute(_OWNER)
    if not owned:
        raise OperationalError(f"{role} was allowed nothing: only {owner}, who owns the log's tables, can do that")
    connection.execute(sql.SQL(_GRANTS).format(role=sql.Identifier(role)))


def pending(connection: _Connection) -> list[str]:
    """The names of the steps that this database lacks, in order."""
    row = connection.execute("SELECT to_regclass('tamga.migration') IS NULL").fetchone()
    if row and row[0]:
        return _steps()
    done = {name for (name,) in connection.execute("SELECT name FROM tamga.migration")}
    return [name for name in _steps() if name not in done]


def _apply(connection: _Connection, name: str) -> None:
    if name == _steps()[0]:
        connection.execute("CREATE SCHEMA tamga")
        connection.execute(
            "CREATE TABLE tamga.migration (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
    connection.execute(_folder().joinpath(f"{name}.sql").read_bytes())
    connection.execute("INSERT INTO tamga.migration (name) VALUES (%s)", (name,))


def _steps() -> list[str]:
    return sorted(file.name.removesuffix(".sql") for file in _folder().iterdir() if file.name.endswith(".sql"))


def _folder() -> Any:
    return files("service.log").joinpath("sql/postgres")


@contextmanager
def _administering(url: str) -> Iterator[_Connection]:
    try:
        with psycopg.connect(url, connect_timeout=10, application_name="tamga migrate") as connection:
            yield connection
    except psycopg.Error as error:
        raise OperationalError(f"the log's tables could not be brought up to date: {error}") from error
