"""`tamga migrate`, as the container that runs it before the nodes would."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from click.testing import CliRunner, Result

from service.commands.migrate import migrate
from tests.support import stores


@pytest.fixture
def postgres_url() -> Iterator[str]:
    with stores.postgres_database() as url:
        yield url


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(migrate, arguments, env={"TAMGA_DATABASE_URL": url})


def test_it_makes_the_tables_and_says_which_steps_it_took(postgres_url: str) -> None:
    result = run(postgres_url)
    assert (result.exit_code, result.output.splitlines()[0]) == (0, "applied 0001_log")
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT position FROM tamga.head").fetchone() == (0,)


def test_running_it_again_changes_nothing(postgres_url: str) -> None:
    run(postgres_url)
    assert run(postgres_url).output == "the log is up to date (0 steps now)\n"


def test_a_role_that_is_not_there_is_said_so(postgres_url: str) -> None:
    result = run(postgres_url, "--role", "nobody_of_that_name")
    assert result.exit_code == 2
    assert "nobody_of_that_name" in result.output


def test_only_the_owner_allows_another_role_and_nobody_else_is_told_so(postgres_url: str) -> None:
    role = f"tamga_test_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {role} LOGIN".encode())
        run(postgres_url, "--role", role)
        result = run(stores.address(postgres_url.rpartition("/")[2], user=role), "--role", "pg_monitor")
        owner.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())
    assert result.exit_code == 2
    assert "pg_monitor was allowed nothing: only postgres" in result.output


def test_a_log_on_sqlite_needs_no_migration(tmp_path: Path) -> None:
    result = run(f"sqlite:///{tmp_path}/log.db")
    assert result.exit_code == 2
    assert "SQLite" in result.output
