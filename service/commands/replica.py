"""`tamga replica`: snapshots of the read model, so that a new node need not fold the whole log."""

from pathlib import Path

import apsw
import click

from service.commands.common import REFUSED, Unusable, opened_log, plural, progress_bar, reason, settings
from service.replica.snapshot import SnapshotRefused
from service.replica.snapshot import load as load_snapshot
from service.replica.snapshot import save as save_snapshot
from service.replica.store import Replica


@click.group()
def replica() -> None:
    """Save this node's replica, or start a new node from one.

    \b
    tamga replica save tamga.replica    on any node, running or not
    tamga replica load tamga.replica    on a new node of the same log, before 'tamga serve'
    """


@replica.command("save")
@click.argument("file", type=click.Path(dir_okay=False, writable=True, path_type=Path))
def save_command(file: Path) -> None:
    """Copy the replica into FILE.

    The copy is of this moment; a server that uses the replica goes on.
    """
    given = settings()
    if file.exists() and not file.is_file():
        raise Unusable(f"{file} is not a file, and a snapshot would take its place")
    with opened_log(given) as log, progress_bar("Copying") as move:
        try:
            about = save_snapshot(Replica(given.data_dir, log.record_id), file, move)
        except OSError as error:
            raise Unusable(reason(error)) from None
        except apsw.Error as error:
            raise Unusable(f"{file}: {error}") from None
    click.echo(f"{file}: {plural(about.position, 'event')} of the record {about.record_id}")


@replica.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def load_command(file: Path) -> None:
    """Make FILE the replica of this node.

    It must be of the same record and the same rules; what was recorded since is folded at start. Ends with 1 if FILE is
    refused; then nothing has changed.
    """
    given = settings()
    given.data_dir.mkdir(parents=True, exist_ok=True)
    with opened_log(given) as log, progress_bar("Copying") as move:
        try:
            about = load_snapshot(log, Replica(given.data_dir, log.record_id), file, move)
        except SnapshotRefused as no:
            click.secho(f"{file} is refused: {no}", fg="red", err=True)
            raise SystemExit(REFUSED) from None
        except OSError as error:
            raise Unusable(reason(error)) from None
        except apsw.Error as error:
            raise Unusable(f"{file}: {error}") from None
        left = log.head().position - about.position
    click.echo(f"{file}: this node starts at {plural(about.position, 'event')}, {left:,} behind the log")
