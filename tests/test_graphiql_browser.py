"""The GraphiQL page in a real browser: it runs all three kinds of operation and asks for nothing elsewhere.

The schema behind it is a small one made here, so that what fails is the page.
"""

import json
import socket
import threading
from collections.abc import AsyncGenerator, Iterator

import pytest
import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from strawberry.asgi import GraphQL

from schema import graphiql
from tests.support.browser import Page, open_page

RESULT = "document.querySelector('.result-window .CodeMirror').CodeMirror.getValue()"
CTRL = 2
WIDTH = 390
"""Of a phone that is held upright."""


@strawberry.type
class Query:
    @strawberry.field
    def greeting(self, name: str) -> str:
        return f"Hello {name}"


@strawberry.type
class Mutation:
    @strawberry.mutation
    def who(self, info: strawberry.Info) -> str:
        return str(info.context["request"].headers.get("authorization"))


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def who(self, info: strawberry.Info) -> AsyncGenerator[str, None]:
        yield str(info.context["connection_params"].get("Authorization"))


async def page(request: Request) -> Response:
    return Response(graphiql.page(), 200, {"content-security-policy": graphiql.CONTENT_SECURITY_POLICY}, "text/html")


async def asset(request: Request) -> Response:
    found = graphiql.assets()[request.path_params["name"]]
    return Response(found.body, media_type=found.content_type)


def application() -> Starlette:
    types = strawberry.Schema(Query, Mutation, Subscription)
    api = GraphQL(types, graphql_ide=None, subscription_protocols=["graphql-transport-ws"])
    routes = [
        Route("/graphiql/{name}", asset),
        Route("/graphql", page, methods=["GET"]),
        Route("/graphql", api, methods=["POST"]),
        WebSocketRoute("/graphql", api),
    ]
    return Starlette(routes=routes)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application(), log_level="error", ws="websockets-sansio"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def opened(address: str) -> Iterator[Page]:
    with open_page(f"http://{address}/graphql") as page:
        page.eventually("document.querySelectorAll('.graphiql-query-editor .CodeMirror').length")
        yield page


@pytest.fixture(scope="module")
def on_a_phone(address: str) -> Iterator[Page]:
    with open_page("about:blank") as page:
        page.tell("Emulation.setDeviceMetricsOverride", width=WIDTH, height=844, deviceScaleFactor=1, mobile=True)
        page.tell("Page.navigate", url=f"http://{address}/graphql")
        page.eventually("document.querySelectorAll('.graphiql-query-editor .CodeMirror').length")
        yield page


def box(page: Page, selector: str) -> dict[str, float]:
    """Where the first such element stands on the page."""
    found: dict[str, float] = page.evaluate(f"document.querySelector('{selector}').getBoundingClientRect().toJSON()")
    return found


def fill(page: Page, editor: str, text: str) -> None:
    """Replace what stands in an editor by typing."""
    page.evaluate(f"document.querySelector('{editor} .graphiql-editor:not(.hidden) .CodeMirror').CodeMirror.focus()")
    page.press("a", 65, CTRL, commands=["selectAll"])
    page.write(text)


def run(page: Page, operation: str, waited_for: str) -> str:
    """Type an operation, run it with Ctrl+Enter, and return what is shown once it holds the expected words."""
    fill(page, ".graphiql-query-editor", operation)
    name = operation.split()[1]  # the page takes it from what was typed only after a pause
    page.eventually("localStorage.getItem('graphiql:operationName')", lambda taken: taken == name)
    page.press("Enter", 13, CTRL)
    return str(page.eventually(RESULT, lambda shown: waited_for in (shown or "")))


def test_it_opens_with_the_welcome(opened: Page) -> None:
    shown = opened.evaluate("document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror.getValue()")
    assert shown.strip() == graphiql.welcome()[0].strip()


def test_a_query_that_is_typed_is_answered(opened: Page) -> None:
    assert json.loads(run(opened, 'query A { greeting(name: "Astana") }', 'Astana"')) == {
        "data": {"greeting": "Hello Astana"}
    }


def test_a_mutation_carries_the_key_of_the_headers_editor(opened: Page) -> None:
    fill(opened, ".graphiql-editor-tool", '{"Authorization": "Bearer by-post"}')
    assert "Bearer by-post" in run(opened, "mutation B { who }", "by-post")


def test_a_subscription_carries_the_key_too(opened: Page) -> None:
    fill(opened, ".graphiql-editor-tool", '{"Authorization": "Bearer by-socket"}')
    assert "Bearer by-socket" in run(opened, "subscription C { who }", "by-socket")


def test_the_documentation_is_at_hand(opened: Page) -> None:
    opened.evaluate("document.querySelector('[aria-label*=\"Documentation Explorer\"]').click()")
    shown = "document.querySelector('.graphiql-doc-explorer')?.textContent ?? ''"
    assert "Mutation" in opened.eventually(shown, lambda text: "Query" in text)


def test_on_a_phone_the_answer_stands_below_the_editor_and_has_its_width(on_a_phone: Page) -> None:
    editor, answer = box(on_a_phone, ".graphiql-editors"), box(on_a_phone, ".graphiql-response")
    assert answer["top"] >= editor["bottom"]
    assert min(editor["width"], answer["width"]) > 0.9 * WIDTH


def test_on_a_phone_the_documentation_takes_the_width(on_a_phone: Page) -> None:
    on_a_phone.evaluate("document.querySelector('[aria-label*=\"Documentation Explorer\"]').click()")
    on_a_phone.eventually("document.querySelector('.graphiql-doc-explorer')?.textContent")
    assert box(on_a_phone, ".graphiql-plugin")["width"] == WIDTH


def test_nothing_was_asked_for_elsewhere(opened: Page, address: str) -> None:
    opened.evaluate("1")
    assert opened.requested
    assert {url for url in opened.requested if url.split("/")[2] != address} == set()


def test_nothing_broke_and_no_policy_was_violated(opened: Page) -> None:
    opened.evaluate("1")
    assert opened.complaints == []
