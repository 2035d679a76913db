"""`tamga replay`: the log folded from nothing, held against what the replica answers as of the same position."""

import json
from typing import Any

import click
from eventsourcing.persistence import PersistenceError

from service.audit.replay import Difference, Verdict
from service.audit.replay import replay as replayed
from service.audit.state import NotThere
from service.commands.common import REFUSED, Unusable, opened_log, plural, progress_bar, reason, settings
from service.commands.moments import last_position
from service.replica.store import Replica


@click.command()
@click.option("--to", "moment", metavar="POSITION|TIME", help="The newest position if left out.")
@click.option("--json", "as_json", is_flag=True, help="The verdict as one JSON object.")
def replay(moment: str | None, as_json: bool) -> None:
    """Fold the log from nothing and compare the replica with it.

    Every row is compared with what the replica answers as of that moment. Prints the state root, which is the same on
    all nodes of the same rules that say the same. Ends with 0 if nothing differs, 1 if something does (it is named), 2
    if it could not be checked.

    \b
    tamga replay --to 150
    tamga replay --to 2026-01-31T12:00:00Z
    """
    given = settings()
    try:
        with opened_log(given) as log:
            replica, position = Replica(given.data_dir, log.record_id), last_position(log, moment)
            with progress_bar("Folding") as folding:
                verdict = replayed(log, replica, position, given.data_dir, progress=folding)
            told = log.select_notifications(position, 1, position)[0].recorded_at
            replica.close()
    except (NotThere, PersistenceError, OSError) as error:
        raise Unusable(reason(error)) from None
    _tell(verdict, told, replica.rules, as_json)
    if not verdict.same:
        raise SystemExit(REFUSED)


def _tell(verdict: Verdict, recorded_at: str, rules: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_json(verdict, recorded_at, rules), ensure_ascii=False))
        return
    state = verdict.replayed
    click.echo(f"position {state.position:,}, recorded {recorded_at}; {plural(state.rows, 'row')}, rules {rules}")
    click.echo(f"state root {state.root}")
    for name, (count, _) in verdict.differences.items():
        click.echo(f"{name}: {plural(count, 'row')} of {max(state.tables[name].rows, count):,} differ")
    if verdict.set_aside:
        click.echo(f"{plural(verdict.set_aside, 'stream')} set aside: this version cannot read them")
    if verdict.first is None:
        click.echo("The replica says the same, row by row.")
    else:
        click.echo(f"The replica differs. First, {verdict.first}")


def _json(verdict: Verdict, recorded_at: str, rules: str) -> dict[str, Any]:
    return {
        "position": verdict.replayed.position,
        "recorded_at": recorded_at,
        "rules": rules,
        "rows": verdict.replayed.rows,
        "state_root": verdict.replayed.root,
        "replica_root": verdict.answered.root,
        "same": verdict.same,
        "set_aside": verdict.set_aside,
        "differences": {name: count for name, (count, _) in verdict.differences.items()},
        "first": _difference(verdict.first),
    }


def _difference(first: Difference | None) -> dict[str, Any] | None:
    return vars(first) if first is not None else None
