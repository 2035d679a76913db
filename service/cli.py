"""The command line: `tamga`, its commands gathered and described."""

import os
import sys
import textwrap
from importlib import import_module
from traceback import format_exc
from typing import Any

import click

from service.settings import described

_NAMES = 28
"""Columns for the names of settings."""


def _in_lines(name: str, default: str, meaning: str) -> str:
    told = f"{meaning} (default {default})" if default else meaning
    return textwrap.fill(told, 78, initial_indent=name.ljust(_NAMES), subsequent_indent=" " * _NAMES)


_SETTINGS = "\n".join(_in_lines(*setting) for setting in described())

_INTERRUPTED, _UNREAD = 130, 141
"""Exit codes where Ctrl+C ended a command, or nobody reads on: as shells have them. Nothing was checked."""

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

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. What nobody foresaw ends with 2 too: 1 says that what was checked does not hold."""
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            result = super().invoke(ctx)
            if sys.stdout is not None:
                sys.stdout.flush()  # what it said must be out before it ends with 0
            return result
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            raise SystemExit(_INTERRUPTED) from None
        except BrokenPipeError:
            _say_no_more()
            raise SystemExit(_UNREAD) from None
        except OSError as error:
            from service.commands.common import Unusable, reason

            _say_no_more()
            raise Unusable(reason(error)) from None
        except Exception:
            from service.commands.common import USAGE
            from service.logs import cleaned

            click.echo(cleaned(format_exc()), err=True)
            raise SystemExit(USAGE) from None


def _say_no_more() -> None:
    """What of the output cannot be written is dropped, or it would be tried again, and complained of, at the end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(cls=Commands, epilog=f"\b\nSettings, as environment variables:\n{_SETTINGS}")
@click.version_option(package_name="tamga")
def main() -> None:
    """Tamga: the public, provable record of deals between nations and companies.

    \b
    tamga serve                    serve the record on http://127.0.0.1:8000/graphql
    tamga record facts.jsonl       record facts from a file
    tamga events --id deal:...     read the history of one object
    """
