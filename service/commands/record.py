"""`tamga record`: facts from a file or standard input into the record, all or none."""

import contextlib
import hashlib
import json
from typing import IO, Any, NamedTuple

import click
import msgspec

from domain.catalogue import read_fact
from domain.fact import Fact, Refused
from service.commands.common import REFUSED, Unusable, opened_log, plural, settings
from service.registry import Receipt, Registry, refused


@click.command()
@click.argument("file", type=click.File("rb"), default="-")
@click.option(
    "--command-id", help="Id of the command; by default made from the content, so that a repeat adds nothing."
)
@click.option("--dry-run", is_flag=True, help="Only check: say what would be refused and record nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the receipt as JSON; of a dry run, how many facts.")
def record(file: IO[bytes], command_id: str | None, dry_run: bool, as_json: bool) -> None:
    """Record the facts of a file, all or none.

    FILE, standard input by default, is JSON Lines (one fact a line), a JSON array of facts, or one fact. A fact is

    \b
    {"event": "DealValueReported", "id": "deal:uz-boeing-787", "occurred_on": "2025-09-22",
     "sources": [{"source": "source:asb-media-2025-09", "locator": "para 5"}],
     "data": {"money": {"low": "8500000000", "high": "8500000000", "currency": "USD"}}}

    The same file recorded again adds nothing. Exits with 1 if a fact is refused, with 2 if FILE cannot be read.
    """
    content = file.read()
    given = read_values(content)
    name = command_id or f"file-{hashlib.sha256(content).hexdigest()[:32]}"
    try:
        facts = [_fact(one.value, index) for index, one in enumerate(given)]
        with opened_log(settings(), make=True) as log:
            registry = Registry(log)
            if dry_run:
                registry.check(facts)
                would = f"{plural(len(facts), 'fact')} would be recorded"
                click.echo(json.dumps({"facts": len(facts)}) if as_json else would)
            else:
                _say(registry.record(facts, actor="cli", command_id=name), as_json)
    except Refused as no:
        click.secho(f"{given[no.index].place}: {no.field}: {no.reason} [{no.code}]", fg="red", err=True)
        click.echo("Nothing was recorded. Correct the fact and record the file again.", err=True)
        raise SystemExit(REFUSED) from None


class Given(NamedTuple):
    """One fact of a file, and where it stands."""

    place: str
    value: Any


def read_values(content: bytes) -> list[Given]:
    """The facts of a JSON array, a single JSON object or JSON Lines. Exits with the line that is not JSON."""
    if content.lstrip().startswith(b"["):
        values = _json(content, "the array")
        return [Given(f"fact {number}", value) for number, value in enumerate(values, 1)]
    with contextlib.suppress(msgspec.DecodeError, RecursionError):
        return [Given("the fact", msgspec.json.decode(content))]
    lines = [(f"line {number}", line) for number, line in enumerate(content.splitlines(), 1) if line.strip()]
    if not lines:
        raise Unusable("there is no fact in it; 'tamga record --help' shows what one looks like")
    return [Given(place, _json(line, place)) for place, line in lines]


def _json(text: bytes, place: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unusable(f"{place} is not JSON: {error}") from None


def _fact(value: Any, index: int) -> Fact:
    try:
        return read_fact(value)
    except Refused as no:
        raise refused(no.code, no.field, no.reason, index) from None


def _say(receipt: Receipt, as_json: bool) -> None:
    if as_json:
        positions = list(receipt.positions)
        answer = {"command_id": receipt.command_id, "positions": positions, "events": list(receipt.event_ids)}
        click.echo(json.dumps({**answer, "repeated": receipt.repeated}))
        return
    what = plural(len(receipt.positions), "event")
    where = f"at position {receipt.positions[0]}"
    if len(receipt.positions) > 1:
        where = f"at positions {receipt.positions[0]} to {receipt.positions[-1]}"
    click.echo(f"{what} {'already recorded' if receipt.repeated else 'recorded'} {where}")
