"""`tamga bench`: what this machine reaches, each figure beside a bare peer in the same run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from service.bench.figures import Figure
from service.commands.common import REFUSED, Unusable, plural, progress_bar, settings

_SMALL, _FULL = 5_000, 100_000


@click.command()
@click.option("--only", metavar="NAME,...", default="", help="Measure these alone; --list names them.")
@click.option("--list", "listed", is_flag=True, help="Name the measurements and end.")
@click.option(
    "--deals", type=click.IntRange(100), default=_SMALL, show_default=True, help="How large a record to make."
)
@click.option("--full", is_flag=True, help=f"A record of {_FULL:,} deals, about a million events.")
@click.option("--seconds", type=float, default=3.0, show_default=True, help="How long each load lasts.")
@click.option(
    "--postgres", metavar="URL", default="", help="Append to this PostgreSQL server too, in a database made for it."
)
@click.option("--json", "as_json", is_flag=True, help="The figures as JSON.")
def bench(only: str, listed: bool, deals: int, full: bool, seconds: float, postgres: str, as_json: bool) -> None:
    """Measure this machine, each thing beside a bare peer.

    The record to measure is made once, under the data folder, and used again by later runs. Figures of two runs differ
    with what else the machine does: compare the ratios within a run.

    \b
    tamga bench --only list,one
    tamga bench --full --postgres postgresql://postgres@127.0.0.1:5432/postgres
    """
    from service.bench.measurements import MEASUREMENTS

    if listed:
        for one in MEASUREMENTS.values():
            click.echo(f"{one.name:10} {one.what}")
        return
    wanted = [name.strip() for name in only.split(",") if name.strip()] or list(MEASUREMENTS)
    unknown = [name for name in wanted if name not in MEASUREMENTS]
    if unknown:
        raise Unusable(f"no such measurement: {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}")
    given = settings()
    if not postgres and given.database_url.startswith("postgres"):
        postgres = given.database_url
    size = _FULL if full else deals
    _measure(given.data_dir / "bench" / str(size), size, wanted, seconds, postgres, as_json)


def _measure(folder: Path, deals: int, wanted: list[str], seconds: float, postgres: str, as_json: bool) -> None:
    from service.bench.bench import Bench
    from service.bench.measurements import MEASUREMENTS
    from service.bench.record import prepare

    with progress_bar("Recording") as recording, progress_bar("Folding") as folding:
        events = prepare(folder, deals, recording, folding)
    if not as_json:
        click.echo(f"{plural(deals, 'deal')}, {plural(events, 'event')}, {plural(os.cpu_count() or 1, 'core')}")
        click.echo(_HEAD)
    run = Bench(folder, deals, events, seconds=seconds, postgres=postgres)
    figures: list[Figure] = []
    failed: dict[str, str] = {}
    try:
        for name in wanted:
            try:
                for figure in MEASUREMENTS[name].run(run):
                    figures.append(figure)
                    if not as_json:
                        click.echo(line(figure))
            except RuntimeError as error:
                failed[name] = str(error)
                click.echo(f"{name:32}failed: {error}", err=True)
    finally:
        run.close()
    if as_json:
        told = {"deals": deals, "events": events, "figures": [one.json() for one in figures], "failed": failed}
        click.echo(json.dumps(told))
    if failed:
        raise SystemExit(REFUSED)


_HEAD = f"{'':32}{'':>22}{'p50 ms':>9}{'p99 ms':>9}{'MB':>7}  beside"


def line(figure: Figure) -> str:
    """One figure as a line of the table."""
    value = f"{_short(figure.value)} {figure.unit}"
    other = "" if figure.other is None else f"{_short(figure.other)}, {figure.beside}: {figure.ratio or 0:.2f} times"
    times = "".join(f"{'' if one is None else f'{one:.2f}':>9}" for one in (figure.p50, figure.p99))
    memory = "" if figure.memory is None else f"{figure.memory:.0f}"
    return f"{figure.name:32}{value:>22}{times}{memory:>7}  {other}".rstrip()


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
