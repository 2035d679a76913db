"""`tamga rebuild`: the read model of this node anew from the log."""

import time

import apsw
import click

from service.commands.common import Unusable, opened_log, plural, progress_bar, reason, settings
from service.replica.helpers import Helpers
from service.replica.rebuild import rebuild as build
from service.replica.store import Replica


@click.command()
@click.option("--processes", type=click.IntRange(0, 64), help="As TAMGA_REBUILD_PROCESSES; 1 spares other cores.")
def rebuild(processes: int | None) -> None:
    """Fold the whole log into a new replica and swap it in.

    A server that runs meanwhile serves the old one to the end and goes on with the new one by itself.
    """
    given = settings()
    with opened_log(given) as log, progress_bar("Folding") as move:
        given.data_dir.mkdir(parents=True, exist_ok=True)
        path = Replica(given.data_dir, log.record_id).path
        started = time.monotonic()
        helpers = Helpers(given.log_url, given.rebuild_processes if processes is None else processes)
        try:
            position = build(log, path, move, helpers)
        except (apsw.Error, OSError) as error:
            raise Unusable(f"nothing was made at {path}: {reason(error)}") from None
        seconds = time.monotonic() - started
    click.echo(f"{path}: {plural(position, 'event')} in {seconds:.1f} s")
