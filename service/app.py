"""The only wiring: a node, the schema and what executes it, made into one ASGI application. Nothing here is global."""

import asyncio
import itertools
import logging
import secrets
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import orjson
from eventsourcing.persistence import PersistenceError
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schema.context import Access, Services
from schema.context import Engine as Executes
from schema.http import GraphQLApp, Manner, Whole
from schema.http.caching import ASK_AGAIN, FOR_EVER
from schema.http.request import Headers
from schema.http.sse import is_event_source, send_later
from schema.limits import Ceiling, Limits
from schema.measured import MeasuredEngine, MeasuredRegistry, MeasuredStreams
from schema.operation import Operations, sound
from schema.plan.engine import Engine
from schema.plan.paging import Ceilings
from schema.schema import build
from schema.schema import sdl as sdl
from schema.streaming import Subscriptions
from schema.traced import TracedEngine, TracedRegistry
from service.asking import ask_log
from service.audit.audit import Resource
from service.health import Health
from service.keys import Keys, open_keys
from service.logs import REQUEST_ID
from service.metrics import CountedErrors, Metrics
from service.node import Node
from service.registry import Registry
from service.settings import Settings
from service.traces import Traces, open_traces

_LOGGER = logging.getLogger("tamga.log")
_NOT_YET = b'{"errors":[{"message":"This node has yet to catch up with the log.","extensions":{"code":"UNAVAILABLE"}}]}'
_JSON = "application/json"

T = TypeVar("T")


def create_app(node: Node, traces: Traces | None = None) -> "App":
    """The application of a node, whether it runs yet or not; traced as its settings say, if not otherwise.

    Raises ValueError for keys or settings that cannot be used.
    """
    return App(node, traces or open_traces(node.settings))


class App:
    """A node's HTTP side; `health` and `drain` are for the server that runs it."""

    def __init__(self, node: Node, traces: Traces) -> None:
        """Wire it."""
        settings = node.settings
        self.node = node
        self._traces = traces
        self.health, self.metrics = Health(node), Metrics()
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="health-told")
        self.recorder = open_keys(settings.data_dir, Path(settings.recorder_key) if settings.recorder_key else None)
        self._errors = CountedErrors(self.metrics)
        logging.getLogger().addHandler(self._errors)
        self.health.on_look.append(lambda: self.metrics.appended(node.log))
        built = build()
        schema = sound(built._schema)
        ceilings = Ceilings(
            page_default=settings.page_default,
            page_most=settings.page_most,
            time_limit=settings.query_timeout,
            wait=settings.min_position_timeout,
        )
        ceiling = Ceiling(depth=settings.max_depth, cost=settings.max_cost, page_default=ceilings.page_default)
        limits = Limits(schema, ceiling)
        self._engine = Engine(schema, node.replica, ceilings, limits)
        self.streams = Subscriptions(schema, node.replica, ceilings, limits)
        self.health.on_look.append(lambda: self.metrics.told(self.streams.told))
        services = Services(
            schema=schema,
            operations=Operations(schema, limit=limits),
            registry=self._registry(),
            replica=node.replica,
            engine=self._measured(self._engine),
            streams=MeasuredStreams(self.streams, self.metrics),
            audit=node.audit,
            settings=settings,
            authenticate=_authenticate(self.recorder.keys),
        )
        manner = _manner(settings)
        self._graphql = GraphQLApp(services, sdl(built), manner=manner, beyond=Beyond(self).routes())
        self.drain = self._graphql.drain
        inner = self._trace if traces.enabled else self._serve
        self._outermost = _for_pages(inner, settings.allowed_origins)
        self._request_ids = map(f"{secrets.token_hex(4)}-{{:x}}".format, itertools.count(1))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket, under an id that is logged and sent back."""
        if scope["type"] not in ("http", "websocket"):
            await self._graphql(scope, receive, send)
            return
        id = _given_id(scope) or next(self._request_ids)
        REQUEST_ID.set(id)
        header = (b"x-request-id", id.encode())

        def sending(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), header]
            return send(message)

        await self._outermost(scope, receive, sending)

    def at_once(self, path: bytes, headers: Headers, body: bytes) -> Whole | None:
        """Answer a POST without waiting, with status 200; None where `__call__` must: for all but plain questions."""
        if self._traces.enabled or not self.health.started:
            return None
        if b"origin" in headers and self.node.settings.allowed_origins:
            return None
        id = _plain_id(headers.get(b"x-request-id")) or next(self._request_ids)
        before = REQUEST_ID.set(id)
        try:
            found = self._graphql.at_once(path, headers, body)
        finally:
            REQUEST_ID.reset(before)  # what is done for this connection later is not for this request
        return found and (b"%bx-request-id: %b\r\n" % (found[0], id.encode()), found[1])

    def _registry(self) -> Registry:
        log, metrics, traces = self.node.log, self.metrics, self._traces
        return TracedRegistry(log, metrics, traces) if traces.enabled else MeasuredRegistry(log, metrics)

    def _measured(self, engine: Executes) -> Executes:
        measured = MeasuredEngine(engine, self.metrics)
        return TracedEngine(measured, self._traces) if self._traces.enabled else measured

    async def _trace(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve under a span of its own; a socket has none, since it lasts for as long as the client likes."""
        if scope["type"] == "websocket":
            await self._serve(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        with self._traces.request(headers, f"{scope['method']} {scope['path']}", REQUEST_ID.get() or ""):
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != "/graphql" or self.health.started:
            await self._graphql(scope, receive, send)
        elif scope["type"] == "http" and is_event_source(scope):
            await send_later(send, "This node is starting.")
        else:
            await Response(_NOT_YET, 503, {"retry-after": "1"}, _JSON)(scope, receive, send)

    def allows(self, request: Request) -> bool:
        """Whether this request may read the record."""
        if self.node.settings.open_reading:
            return True
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self.recorder.keys.actor(key) is not None

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do what tells of this node's state in a thread for that alone: others may all wait for the log's database."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def warm(self) -> None:
        """Work out beforehand what every first question of its kind would wait for."""
        self._engine.warm()

    def close(self) -> None:
        """Wait for what is being recorded and read."""
        self._graphql.close()
        self._threads.shutdown()
        self.streams.close()
        self._engine.close()
        self._traces.close()
        logging.getLogger().removeHandler(self._errors)


def _manner(settings: Settings) -> Manner:
    """How the transports behave by these settings."""
    return Manner(
        open_reading=settings.open_reading,
        draft_statuses=settings.draft_statuses,
        init_seconds=settings.init_seconds,
        ping_seconds=settings.ping_seconds,
        idle_seconds=settings.idle_seconds,
    )


class Beyond:
    """What is served beside GraphQL."""

    def __init__(self, app: App) -> None:
        """Take what is served."""
        self._app = app

    def routes(self) -> Starlette:
        """All of it, as one application."""
        made = Starlette(
            routes=[
                Route("/", _to_graphql),
                Route("/healthz", self.healthz),
                Route("/readyz", self.readyz),
                Route("/metrics", self.metrics),
                Route("/log/{path:path}", self.log),
            ],
            exception_handlers={404: _nothing_here},
        )
        made.router.redirect_slashes = False  # it would name the scheme and host that a proxy speaks to
        return made

    async def healthz(self, request: Request) -> Response:
        """Whether a restart would help."""
        return _told(*await self._app.in_thread(self._app.health.alive))

    async def readyz(self, request: Request) -> Response:
        """Whether to send requests here."""
        return _told(*await self._app.in_thread(self._app.health.ready))

    async def metrics(self, request: Request) -> Response:
        """For Prometheus."""
        text = await self._app.in_thread(partial(self._app.metrics.shown, self._app.health))
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    async def log(self, request: Request) -> Response:
        """The log's tiles, entries, checkpoint and keys, for outside verifiers."""
        if not self._app.allows(request):
            return Response("Reading needs a key here.\n", 401, {"www-authenticate": "Bearer"}, "text/plain")
        try:
            found = await self._resource(request.path_params["path"])
        except PersistenceError as error:
            _LOGGER.warning("the log cannot be read: %s", error)
            return Response("The log does not answer just now.\n", 503, {"retry-after": "1"}, "text/plain")
        if found is None:
            return Response(
                "The log has no such resource, or not yet.\n", 404, {"cache-control": "no-cache"}, "text/plain"
            )
        whose = "public" if self._app.node.settings.open_reading else "private"
        caching = f"{whose}, {FOR_EVER if found.immutable else ASK_AGAIN}"
        return Response(found.body, 200, {"cache-control": caching}, found.media_type)

    async def _resource(self, path: str) -> Resource | None:
        """A file of the log; only entries are read from its database."""
        read = partial(self._app.node.audit.resource, path)
        return await (ask_log(read) if path.startswith("tile/entries/") else asyncio.to_thread(read))


async def _to_graphql(request: Request) -> Response:
    return RedirectResponse("/graphql")


async def _nothing_here(request: Request, error: Exception) -> Response:
    return Response("Nothing is served here; GraphQL is at /graphql.\n", 404, media_type="text/plain")


def _told(status: int, answer: dict[str, Any]) -> Response:
    body = orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE)
    return Response(body, status, {"cache-control": "no-store"}, _JSON)


def _authenticate(keys: Keys) -> Any:
    def authenticate(token: str) -> Access | None:
        actor = keys.actor(token)
        return Access(actor) if actor else None

    return authenticate


def _for_pages(app: ASGIApp, origins: tuple[str, ...]) -> ASGIApp:
    """The application as pages of these origins may call it."""
    if not origins:
        return app
    headers = ["authorization", "content-type", "tamga-min-position", "if-none-match", "last-event-id", "x-request-id"]
    told = ["x-request-id", "etag", "retry-after"]
    return CORSMiddleware(app, origins, ["GET", "POST"], headers, expose_headers=told, max_age=600)


def _given_id(scope: Scope) -> str | None:
    """The id that a proxy gave the request, if it is a plain one."""
    return _plain_id(next((value for name, value in scope["headers"] if name == b"x-request-id"), None))


def _plain_id(given: bytes | None) -> str | None:
    if given is None:
        return None
    text = given.decode("latin-1")
    return text if 0 < len(text) <= 100 and text.isascii() and text.isprintable() else None
