"""`tamga rebuild`: the read model of this node anew from the log."""

import time

import click

from service.commands.common import opened_log, plural, progress_bar, settings
from service.replica.rebuild import rebuild as build
from service.replica.store import Replica


@click.command()
def rebuild() -> None:
    """Fold the whole log into a new replica and swap it in.

    A server that runs meanwhile serves the old one to the end and goes on with the new one by itself.
    """
    given = settings()
    with opened_log(given) as log, progress_bar("folding the log") as move:
        path = Replica(given.data_dir, log.record_id).path
        started = time.monotonic()
        position = build(log, path, move)
        seconds = time.monotonic() - started
    click.echo(f"{path}: {plural(position, 'event')} in {seconds:.1f} s")
