"""A browser's own EventSource while the node ends, is killed and starts again: each event once, in order."""

import signal
from pathlib import Path
from urllib.parse import quote

from tests.support.browser import Page, open_page
from tests.support.ports import free_port
from tests.support.service import Service, environment, started
from tests.support.streams import EVENTS

LISTEN = f"""
window.heard = []
window.source = new EventSource("/graphql?query={quote(EVENTS)}&variables=" + encodeURIComponent('{{"after": "0"}}'))
source.addEventListener("next", ({{ data, lastEventId }}) => {{
  const {{ data: told, extensions }} = JSON.parse(data)
  const event = told ? told.events : {{ __typename: "Resume", cursor: extensions.resume }}
  heard.push({{ ...event, lastEventId }})
}})"""
POSITIONS = "heard.filter(({ __typename }) => __typename === 'EventRecorded').map(({ position }) => position)"


def recorded_and_heard(service: Service, page: Page, name: str) -> int:
    """Record a party on a node that is ready, and wait until the page has heard of it; its position."""
    position = service.ready().record_party(name)
    page.eventually(f"{POSITIONS}.at(-1) === {position}")
    return position


def test_an_event_source_goes_on_by_itself_after_a_shutdown_and_a_kill(tmp_path: Path) -> None:
    env = environment(tmp_path, port=str(free_port()))
    with started(env) as first, open_page(f"{first.ready().url}/healthz") as page:
        page.eventually(f"location.port === '{first.port}' && document.readyState === 'complete'")
        page.evaluate(LISTEN)
        recorded_and_heard(first, page, "first")
        first.stop()
        with started(env) as second:
            recorded_and_heard(second, page, "second")
            second.stop(signal.SIGKILL)
        with started(env) as third:
            last = recorded_and_heard(third, page, "third")
            assert page.evaluate(POSITIONS) == list(range(1, last + 1))
            assert page.evaluate("heard.every(({ cursor, lastEventId }) => cursor === lastEventId)")
            assert page.evaluate("heard.filter(({ __typename }) => __typename === 'Resume').length") == 1
