"""`tamga events`: the history as text or JSON Lines."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

import click
import msgspec
from eventsourcing.persistence import PersistenceError

from domain.catalogue import CATALOGUE, CORRECTIONS, load_fact
from domain.values import NOUNS
from service.audit.state import NotThere
from service.commands.common import Unusable, opened_log, settings
from service.commands.moments import first_position, last_position
from service.cursor import BadCursor
from service.log import Entry, Log
from service.log.codec import entry_json
from service.streaming import whole
from service.streaming.place import place_of

_PAGE = 2000
_PATIENCE = 1.0
"""Seconds between two looks at a log that says nothing."""


@click.command()
@click.option(
    "--id", "ids", multiple=True, help="Only events of this object, such as deal:uz-boeing-787. May be repeated."
)
@click.option(
    "--type", "types", multiple=True, help="Only events of this name, such as DealValueReported. May be repeated."
)
@click.option("--after", default="0", help="Only events beyond this position, or behind this cursor of a stream.")
@click.option("--since", metavar="POSITION|TIME", help="Only events from this moment on; a day (UTC) from its start.")
@click.option("--until", metavar="POSITION|TIME", help="Only events up to this moment; a day (UTC) to its end.")
@click.option("--limit", type=click.IntRange(min=1), help="At most this many events.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, as the log exports it.")
@click.option("--follow", is_flag=True, help="Go on with what is recorded from then on, until Ctrl+C.")
def events(
    ids: tuple[str, ...],
    types: tuple[str, ...],
    after: str,
    since: str | None,
    until: str | None,
    limit: int | None,
    as_json: bool,
    follow: bool,
) -> None:
    """Print the history, in the order in which it was recorded.

    \b
    tamga events --id deal:uz-boeing-787
    tamga events --type FactCorrected --type EventRetracted --since 2026-01-01
    tamga events --json --after 1000 > history.jsonl
    tamga events --follow --json --after 1000 | while read -r event; do ...; done
    """
    unknown = [name for name in types if name not in CATALOGUE]
    if unknown:
        raise Unusable(f"{unknown[0]} is not an event; the names are those of the mutations, such as DealValueReported")
    strange = next((id for id in ids if id.partition(":")[0] not in NOUNS), None)
    if strange is not None:
        raise Unusable(f"{strange} is not the id of an object; an id looks like deal:uz-boeing-787")
    with opened_log(settings()) as log:
        first = max(_position_of(log, after), _moment(first_position, log, since) - 1)
        if follow:
            if until:
                raise Unusable("--follow does not end, so it goes with no --until; use one of them")
            found = _follow(log, ids, types, first)
        else:
            found = _read(log, ids, types, first, _moment(last_position, log, until) if until else None)
        count = 0
        with contextlib.suppress(KeyboardInterrupt):
            for count, entry in enumerate(found, 1):
                _print(entry, as_json)
                if count == limit:
                    break
        if not (count or follow or as_json):
            click.echo("No event matches.", err=True)


def _position_of(log: Log, after: str) -> int:
    """The position that a position or cursor names; a cursor between the changes of one event is before that event."""
    try:
        place = place_of(log.record_id, after)
    except BadCursor as error:
        raise Unusable(f"--after: {error}") from None
    position, head = place[0], log.head().position
    if position > head:
        raise Unusable(f"--after: {position} is in the future; the newest event is at {head}")
    return position if place >= whole(position) else position - 1


def _follow(log: Log, ids: tuple[str, ...], types: tuple[str, ...], after: int) -> Iterator[Entry]:
    """The events that match, page by page, then as they are recorded; nothing is left in a buffer meanwhile."""
    while True:
        try:
            page = log.select_notifications(after + 1, _PAGE)
        except PersistenceError as error:
            click.echo(f"the log does not answer, trying again: {error}", err=True)
            time.sleep(_PATIENCE)
            continue
        yield from (each for each in page if _matches(each, ids, types))
        if page:
            after = page[-1].position
        if len(page) < _PAGE:
            sys.stdout.flush()
            log.wait(after, _PATIENCE)


def _matches(entry: Entry, ids: tuple[str, ...], types: tuple[str, ...]) -> bool:
    return (not ids or entry.stream in ids) and (not types or entry.event in types)


def _moment(position: Callable[[Log, str | None], int], log: Log, moment: str | None) -> int:
    try:
        return min(position(log, moment), log.head().position + 1)
    except NotThere as error:
        raise Unusable(str(error)) from None


def _read(log: Log, ids: tuple[str, ...], types: tuple[str, ...], after: int, last: int | None) -> Iterator[Entry]:
    """The events that match, page by page; those of one object come from its own stream."""
    if len(ids) == 1:
        for entry in log.select_events(ids[0]):
            if (
                entry.position > after
                and (last is None or entry.position <= last)
                and (not types or entry.event in types)
            ):
                yield entry
        return
    while entries := log.select_notifications(after + 1, _PAGE, last, types):
        yield from (entry for entry in entries if not ids or entry.stream in ids)
        after = entries[-1].position


def _print(entry: Entry, as_json: bool) -> None:
    if as_json:
        sys.stdout.buffer.write(entry_json(entry) + b"\n")
        return
    name = click.style(entry.event, fg="magenta" if entry.event in CORRECTIONS else "cyan")
    place = click.style(f"{entry.position:>7}  {entry.recorded_at}", dim=True)
    click.echo(f"{place}  {entry.stream}@{entry.version}  {name}  {_summary(entry)}")


def _summary(entry: Entry) -> str:
    try:
        fact = load_fact(entry.event, entry.stream, entry.state)
    except (ValueError, msgspec.MsgspecError):
        return "(this version of tamga cannot read it)"
    when = f"{fact.occurred_on}: " if fact.occurred_on else ""
    sources = ", ".join(source.source.removeprefix("source:") for source in fact.sources)
    return f"{when}{fact.content.summary()}{click.style(f'  [{sources}]', dim=True) if sources else ''}"
