"""`tamga audit report`: what happened to the record in a period, for people."""

from pathlib import Path

import click
from eventsourcing.persistence import PersistenceError

from service.audit.audit import Audit
from service.audit.keys import KeyUnusable
from service.audit.report import Report, Sealed
from service.audit.report import report as gathered
from service.audit.report_html import as_html
from service.audit.report_text import as_json, as_text, period
from service.audit.state import NotThere, replica_reading
from service.commands.common import Unusable, reason, settings, written
from service.commands.moments import first_position, last_position
from service.commands.own import own_audit
from service.replica.store import Replica
from service.settings import Settings

_MOST = 1000


@click.command("report")
@click.option("--from", "since", metavar="POSITION|TIME", help="The first moment; the beginning if left out.")
@click.option("--to", "until", metavar="POSITION|TIME", help="The last moment; the newest if left out.")
@click.option("--json", "as_data", is_flag=True, help="One JSON object on standard output.")
@click.option(
    "--html",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it as a page that needs no other file.",
)
@click.option(
    "--limit", type=click.IntRange(min=0), default=_MOST, show_default=True, help="List at most this many facts."
)
def report_command(since: str | None, until: str | None, as_data: bool, page: Path | None, limit: int) -> None:
    """Tell what was recorded and put right in a period.

    It says by whom, on which sources, and what rested on it. A day counts from its start as --from, to its end as --to
    (UTC). Acts on the record are never left out.

    \b
    tamga audit report --from 2026-01-01 --to 2026-01-31 --html january.html
    """
    given = settings()
    try:
        with own_audit(given) as own:
            made = _made(own, given, since, until, limit)
    except (NotThere, PersistenceError, KeyUnusable, OSError, ValueError) as error:
        raise Unusable(reason(error)) from None
    if page is not None:
        written(page, as_html(made).encode())
        click.echo(f"{page}: {period(made)}", err=as_data)
    if as_data or page is None:
        click.echo(as_json(made) if as_data else as_text(made), nl=as_data)


def _made(own: Audit, given: Settings, since: str | None, until: str | None, limit: int) -> Report:
    first, last = first_position(own.log, since), last_position(own.log, until)
    if last > own.log.head().position:
        raise NotThere(f"the log ends at {own.log.head().position:,}, before {last:,}")
    if first > last + 1:
        raise NotThere(f"--from is position {first:,}, behind --to, position {last:,}")
    replica, head = Replica(given.data_dir, own.log.record_id), own.head()
    sealed = Sealed(head.size, head.root.hex()) if head else None
    try:
        with replica_reading(replica, last) as connection:
            return gathered(connection, first, last, origin=own.origin, rules=replica.rules, sealed=sealed, limit=limit)
    finally:
        replica.close()
