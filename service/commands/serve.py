"""`tamga serve`: the service, until a signal ends it."""

from __future__ import annotations

import gc
import json
import logging
from typing import TYPE_CHECKING

import click
from eventsourcing.persistence import PersistenceError

from service.commands.common import Unusable, plural, reason, settings

if TYPE_CHECKING:
    from service.server import Serving

_QUERY = """{
  deal(id: "deal:uz-boeing-787") {
    title
    commitment
    value {
      shown { asStated low currency basis }
      verification
      claims { text sources { source { title } locator } }
    }
  }
}"""
_BANNER = """Tamga serves {events} at {url}/graphql (a browser gets GraphiQL)
  log   {log}
  data  {data}
  key   {key}{made}
        recording needs it, as 'Authorization: Bearer <key>'; reading {reading}

Ask it, for example:

  curl -s {url}/graphql -H 'Content-Type: application/json' --data '{body}'

The same query, to paste into GraphiQL:

{query}

Ctrl+C ends it.
"""


@click.command()
def serve() -> None:
    """Serve the record over GraphQL until Ctrl+C or SIGTERM.

    The first start makes the log, loads the first record and makes the key that allows recording; later starts go on
    with what is there. Settings are environment variables: see 'tamga --help'.
    """
    from service import workers
    from service.logs import configure

    given = settings()
    configure(given)
    gc.disable()  # until all is imported and wired: of what that makes, nothing is garbage
    try:
        listener = workers.bind(given.host, given.port)
        raise SystemExit(workers.serve(given, listener, lambda serving: announce(serving, listener.getsockname()[:2])))
    except (workers.CannotListen, PersistenceError, ValueError, OSError) as error:
        raise Unusable(reason(error)) from None


def announce(serving: Serving, address: tuple[str, int]) -> None:
    """Say where it serves and what to ask: as a text, or as one line of the log where that is JSON."""
    given = serving.node.settings
    url = f"http://{_shown(address[0])}:{address[1]}"
    events = serving.node.replica.position
    if given.log_format == "json":
        told = {"url": f"{url}/graphql", "position": events, "seconds": round(serving.seconds, 3)}
        logging.getLogger("tamga.server").info("serving", extra=told)
        return
    recorder = serving.app.recorder
    click.echo(
        _BANNER.format(
            events=plural(events, "event"),
            url=url,
            log=_without_password(given.log_url),
            data=given.data_dir.absolute(),
            key=recorder.path.absolute(),
            made=" (made just now, readable by you alone)" if recorder.made else "",
            reading="is open" if given.open_reading else "needs it too",
            body=json.dumps({"query": " ".join(_QUERY.split())}),
            query=_QUERY,
        )
    )


def _shown(host: str) -> str:
    """The host as an address that a browser here can open."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{name}]" if ":" in name else name


def _without_password(url: str) -> str:
    from service.logs import cleaned

    return cleaned(url)
