"""Pages of other origins: those that the settings name may call, with the headers that the API reads; no others."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from service.app import App, create_app
from service.node import Node
from service.settings import Settings
from tests.test_health import stopped

PAGE, ELSEWHERE = "https://app.example", "https://elsewhere.example"
READ = "authorization, content-type, if-none-match, last-event-id, tamga-min-position, x-request-id"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """The application of a node that is not started, open to one origin."""
    settings = replace(Settings(data_dir=tmp_path), first_record=False, seal=False, allowed_origins=(PAGE,))
    made = create_app(Node(settings))
    yield made
    stopped(made)


async def asked(app: App, method: str, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(verify=False, transport=httpx.ASGITransport(app), base_url="http://node") as client:
        return await client.request(method, path, headers={name.replace("_", "-"): it for name, it in headers.items()})


@pytest.mark.parametrize(("origin", "allowed"), [(PAGE, True), (ELSEWHERE, False)])
async def test_a_page_may_send_what_the_api_reads_if_its_origin_is_named(app: App, origin: str, allowed: bool) -> None:
    wanted = {"access_control_request_method": "POST", "access_control_request_headers": READ}
    answer = await asked(app, "OPTIONS", "/graphql", origin=origin, **wanted)
    assert (answer.status_code == 200) is allowed
    assert (answer.headers.get("access-control-allow-origin") == origin) is allowed


@pytest.mark.parametrize(("origin", "allowed"), [(PAGE, PAGE), (ELSEWHERE, None)])
async def test_a_page_may_read_answers_and_their_validators_if_its_origin_is_named(
    app: App, origin: str, allowed: str | None
) -> None:
    answer = await asked(app, "GET", "/readyz", origin=origin)
    assert answer.headers.get("access-control-allow-origin") == allowed
    assert {"etag", "retry-after"} <= set(answer.headers["access-control-expose-headers"].split(", "))


async def test_a_header_that_the_api_does_not_read_is_not_allowed(app: App) -> None:
    wanted = {"access_control_request_method": "POST", "access_control_request_headers": "x-other"}
    assert (await asked(app, "OPTIONS", "/graphql", origin=PAGE, **wanted)).status_code == 400
