"""The command line: `tamga`, its commands gathered and described."""

import click

from service.commands.audit import audit
from service.commands.bench import bench
from service.commands.events import events
from service.commands.migrate import migrate
from service.commands.rebuild import rebuild
from service.commands.record import record
from service.commands.replay import replay
from service.commands.replica import replica
from service.commands.schema import schema
from service.commands.serve import serve
from service.settings import described

_SETTINGS = "\n".join(
    f"{name:30} {meaning}{f' (default {default})' if default else ''}" for name, default, meaning in described()
)


@click.group(epilog=f"\b\nSettings, as environment variables:\n{_SETTINGS}")
@click.version_option(package_name="tamga")
def main() -> None:
    """Tamga: the public, provable record of deals between nations and companies.

    \b
    tamga serve                    serve the record on http://127.0.0.1:8000/graphql
    tamga record facts.jsonl       record facts from a file
    tamga events --id deal:...     read the history of one object
    """


for command in (serve, record, events, rebuild, replica, audit, replay, migrate, schema, bench):
    main.add_command(command)
