"""Fresh databases for tests, on SQLite and on PostgreSQL: each made for one test and removed after it.

PostgreSQL is the server that TAMGA_TEST_POSTGRES_URL names, else one that runs on 127.0.0.1:5432 for the user postgres.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

SERVER: Final = os.environ.get("TAMGA_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
STORES: Final = ("sqlite", "postgresql")

_numbers = count(1)
_prefix = f"tamga_test_{os.getpid()}"


@contextmanager
def fresh_database(store: str, folder: Path) -> Iterator[str]:
    """The address of an empty database of this kind, ready for `open_log`; skips the test if there is no server."""
    if store == "sqlite":
        yield f"sqlite:///{folder}/log.db"
        return
    with postgres_database(_template()) as url:
        _renew_record_id(url)
        yield url


@contextmanager
def postgres_database(template: str = "template1") -> Iterator[str]:
    """The address of a PostgreSQL database made from a template; skips the test if there is no server."""
    require_postgres()
    name = f"{_prefix}_{next(_numbers)}"
    create_database(name, template)
    try:
        yield address(name)
    finally:
        drop_database(name)


def require_postgres() -> None:
    """Skip the test, with the reason, if no PostgreSQL server answers."""
    if why := _trouble():
        pytest.skip(f"no PostgreSQL server at TAMGA_TEST_POSTGRES_URL or 127.0.0.1:5432: {why}")


def address(database: str, **changes: str) -> str:
    """The URL of a database of the test server, as its own user or with other parameters."""
    parts = {**{k: str(v) for k, v in conninfo_to_dict(SERVER).items()}, **changes}
    login = parts["user"] + (f":{parts['password']}" if "password" in parts else "")
    return f"postgresql://{login}@{parts.get('host', '127.0.0.1')}:{parts.get('port', '5432')}/{database}"


def create_database(name: str, template: str = "template1") -> None:
    """Make a database on the test server."""
    _administer("CREATE DATABASE {} TEMPLATE {}", name, template)


def drop_database(name: str) -> None:
    """Remove a database of the test server, whoever is connected to it."""
    _administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def drop_template() -> None:
    """Remove what the tests of this process shared."""
    if _template.cache_info().currsize:
        drop_database(_template())
        _template.cache_clear()


@cache
def _trouble() -> str:
    try:
        psycopg.connect(make_conninfo(SERVER, connect_timeout="3")).close()
    except psycopg.OperationalError as error:
        return str(error).strip().splitlines()[0]
    _remove_leftovers()
    return ""


@cache
def _template() -> str:
    """A database with the log's tables: copying it is quicker than migrating anew."""
    from service.log.migrations import migrate

    require_postgres()
    name = f"{_prefix}_template"
    drop_database(name)
    create_database(name)
    migrate(address(name))
    return name


def _renew_record_id(url: str) -> None:
    """Two logs never share an id; copies of the template would."""
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE tamga.head DISABLE TRIGGER USER")
        connection.execute("UPDATE tamga.head SET record_id = replace(gen_random_uuid()::text, '-', '')")
        connection.execute("ALTER TABLE tamga.head ENABLE TRIGGER USER")


def _remove_leftovers() -> None:
    """Databases of test processes of this machine that were killed."""
    if conninfo_to_dict(SERVER).get("host") not in ("127.0.0.1", "localhost"):
        return
    with psycopg.connect(SERVER) as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^tamga_test_[0-9]+_'").fetchall()
    for (name,) in rows:
        if not Path(f"/proc/{name.split('_')[2]}").exists() and Path("/proc/self").exists():
            drop_database(name)


def _administer(statement: str, *names: str) -> None:
    with psycopg.connect(SERVER, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
