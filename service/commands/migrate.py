"""`tamga migrate`: the log's tables in PostgreSQL made or brought up to date, and the rights of the role of nodes."""

import click
from eventsourcing.persistence import OperationalError

from service.commands.common import Unusable, plural, settings
from service.log import migrate as migrate_log


@click.command()
@click.option("--role", help="A role that nodes log in as: it may then read, and append by one function, nothing else.")
def migrate(role: str | None) -> None:
    """Make or update the log's tables in PostgreSQL.

    Run it as the role that owns them (TAMGA_DATABASE_URL), before the nodes of a new version start; those of the
    version before go on working. Running it again changes nothing. A log on SQLite needs no such step.
    """
    url = settings().log_url
    if url.startswith("sqlite"):
        raise Unusable(
            "TAMGA_DATABASE_URL is not a PostgreSQL address; a log on SQLite is brought up to date when opened"
        )
    try:
        done = migrate_log(url, role=role)
    except OperationalError as error:
        raise Unusable(str(error)) from None
    for name in done:
        click.echo(f"applied {name}")
    click.echo(f"the log is up to date{f', and {role} may use it' if role else ''} ({plural(len(done), 'step')} now)")
