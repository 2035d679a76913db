"""The command line: `tamga`, its commands gathered and described."""

from importlib import import_module

import click

from service.settings import described

_SETTINGS = "\n".join(
    f"{name:30} {meaning}{f' (default {default})' if default else ''}" for name, default, meaning in described()
)

_COMMANDS = ("audit", "bench", "events", "migrate", "rebuild", "record", "replay", "replica", "schema", "serve")


class Commands(click.Group):
    """Imports a command when it is asked for: what all the others need takes longer than most commands do."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, each of which is also that of its module."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name; None if there is none."""
        if cmd_name not in _COMMANDS:
            return None
        found: click.Command = getattr(import_module(f"service.commands.{cmd_name}"), cmd_name)
        return found


@click.group(cls=Commands, epilog=f"\b\nSettings, as environment variables:\n{_SETTINGS}")
@click.version_option(package_name="tamga")
def main() -> None:
    """Tamga: the public, provable record of deals between nations and companies.

    \b
    tamga serve                    serve the record on http://127.0.0.1:8000/graphql
    tamga record facts.jsonl       record facts from a file
    tamga events --id deal:...     read the history of one object
    """
