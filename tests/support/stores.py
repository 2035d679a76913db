"""Fresh databases for tests, on SQLite and on PostgreSQL. One is emptied for the next test: quicker than making one.

PostgreSQL is the server that TAMGA_TEST_POSTGRES_URL names, else one that runs on 127.0.0.1:5432 for the user postgres,
else one started for these tests if the machine has its programs.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from secrets import token_hex
from typing import Final

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from service.log import migrate
from tests.support.postgres_server import find_programs, own_server

LOCAL: Final = "postgresql://postgres@127.0.0.1:5432/postgres"
STORES: Final = ("sqlite", "postgresql")

_CUT_OFF: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"""

_EMPTY: Final = """
DO $$ BEGIN
    EXECUTE (SELECT 'TRUNCATE ' || string_agg(format('%I.%I', schemaname, tablename), ', ') FROM pg_tables
        WHERE schemaname IN ('tamga', 'public') AND NOT (schemaname = 'tamga' AND tablename IN ('head', 'migration')));
    UPDATE tamga.head SET position = 0, recorded_at = '', record_id = replace(gen_random_uuid()::text, '-', '');
END $$"""

_own = ExitStack()
_spare: list[str] = []
_numbers = count(1)
_prefix = f"tamga_test_{os.getpid()}_{token_hex(4)}"  # a process that was killed may have had the same number


@contextmanager
def fresh_database(store: str, folder: Path) -> Iterator[str]:
    """The address of an empty database of this kind, ready for `open_log`; skips the test if there is no server."""
    if store == "sqlite":
        yield f"sqlite:///{folder}/log.db"
        return
    name = _spare.pop() if _spare else _migrated()
    try:
        yield address(name)
    finally:
        _empty(name)
        _spare.append(name)


@contextmanager
def postgres_database() -> Iterator[str]:
    """The address of a PostgreSQL database of its own, without our tables; skips the test if there is no server."""
    name = f"{_prefix}_{next(_numbers)}"
    create_database(name)
    try:
        yield address(name)
    finally:
        drop_database(name)


@cache
def server() -> str:
    """The address of the PostgreSQL server that the tests use; skips the test, with the reason, if there is none."""
    named = os.environ.get("TAMGA_TEST_POSTGRES_URL")
    why = _trouble(named or LOCAL)
    if not why:
        _remove_leftovers(named or LOCAL)
        return named or LOCAL
    if named or find_programs() is None:
        pytest.skip(f"no PostgreSQL server at {named or LOCAL} (TAMGA_TEST_POSTGRES_URL names another): {why}")
    return _own.enter_context(own_server()).url


def address(database: str, **changes: str) -> str:
    """The URL of a database of the test server, as its own user or with other parameters."""
    parts = {**{k: str(v) for k, v in conninfo_to_dict(server()).items()}, **changes}
    login = parts["user"] + (f":{parts['password']}" if "password" in parts else "")
    return f"postgresql://{login}@{parts.get('host', '127.0.0.1')}:{parts.get('port', '5432')}/{database}"


def create_database(name: str) -> None:
    """Make a database on the test server."""
    _administer("CREATE DATABASE {}", name)


def drop_database(name: str) -> None:
    """Remove a database of the test server, whoever is connected to it."""
    _administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def tidy() -> None:
    """Remove what the tests of this process shared."""
    while _spare:
        drop_database(_spare.pop())
    _own.close()
    server.cache_clear()


def _trouble(url: str) -> str:
    try:
        psycopg.connect(make_conninfo(url, connect_timeout="10")).close()
    except psycopg.OperationalError as error:
        return str(error).strip().splitlines()[0]
    return ""


def _migrated() -> str:
    name = f"{_prefix}_{next(_numbers)}"
    create_database(name)
    migrate(address(name))
    return name


def _empty(name: str) -> None:
    """As if just migrated, with a record id of its own; whoever is still connected is cut off."""
    with psycopg.connect(address(name), autocommit=True) as connection:
        connection.execute(_CUT_OFF)
        connection.execute("SET session_replication_role = replica")
        connection.execute(_EMPTY)


def _remove_leftovers(url: str) -> None:
    """Databases of test processes of this machine that were killed."""
    if conninfo_to_dict(url).get("host") not in ("127.0.0.1", "localhost") or not Path("/proc/self").exists():
        return
    with psycopg.connect(url, autocommit=True) as connection:
        for (name,) in connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^tamga_test_[0-9]+_'"):
            if not Path(f"/proc/{name.split('_')[2]}").exists():
                drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
                connection.execute(drop)


def _administer(statement: str, *names: str) -> None:
    with psycopg.connect(server(), autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
