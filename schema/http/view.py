"""GraphQL over HTTP: one request in, one response out. Streams are handed to `sse` and `multipart`, sockets elsewhere.

The rules are those of the GraphQL-over-HTTP draft, as the public audits read it, and stricter where it is silent.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import orjson
from starlette.types import Receive, Scope, Send

from schema import graphiql
from schema.context import NOBODY, Access
from schema.errors import ApiError, ErrorCode, Rejected, formatted, rejected
from schema.execution import Executor, Request, refusal
from schema.http import multipart, sse
from schema.http.caching import ASK_AGAIN, FOR_EVER, NOT_KEPT, etag, fixed_at, is_of_replica
from schema.http.delivery import Drain
from schema.http.documents import Documents
from schema.http.negotiate import HTML, JSON, RESPONSE, SSE, for_result, for_stream, prefers_page
from schema.http.outflow import Outflow, Wire, takes_whole, writer
from schema.http.request import (
    BadRequest,
    Headers,
    Parameters,
    bearer,
    check_content_type,
    min_position,
    parameters,
    parameters_of_address,
    read_body,
    read_json,
    unknown_key,
)
from schema.operation import Operation
from schema.rules import rules_of_answers

ALLOW = "GET, POST"
_MOST_AT_ONCE = 16_384
"""Bytes of a question that may be looked at for an answer at once: it is looked at again where there is none."""

Whole = tuple[bytes, bytes]
"""The lines of a response's head behind its status, each with its end, and its body."""


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How the transports behave where the rules leave a choice."""

    open_reading: bool = True
    """Whether reading needs no key."""
    draft_statuses: bool = False
    """Answer with the statuses of the draft of 2026: 422 for invalid documents and variables, 294 for partial data."""
    page: bool = True
    """Whether a browser gets GraphiQL."""
    init_seconds: float = 10.0
    """How long a socket may take for connection_init."""
    ping_seconds: float = 25.0
    """How often a quiet socket is asked whether it lives, and a quiet event stream gets a comment."""
    idle_seconds: float = 300.0
    """How long a socket may stay open without an operation."""


class Asking(NamedTuple):
    """A request that was understood, with what answers need to know of it."""

    request: Request
    operation: Operation
    media: str


class Kept(NamedTuple):
    """What a GET request says of an answer that it may have."""

    headers: Headers
    rules: str | None


class Caching(NamedTuple):
    """What is told of how long an answer by GET stays true."""

    etag: bytes
    """Empty where nothing tells when the answer will be another."""
    for_ever: bool
    private: bool

    def spares(self, asking: Asking, get: Kept, now: int) -> bool:
        """Whether the client has the answer; not where it asks for a position that this node may not have reached."""
        waits = asking.request.min_position > now or "minPosition" in asking.operation.text
        return bool(self.etag) and self.etag in get.headers.get(b"if-none-match", b"") and not waits

    def told(self, whole: bool) -> tuple[tuple[bytes, bytes], ...]:
        """The headers; an answer with errors may be another one next time."""
        if not whole or not self.etag:
            return (NOT_KEPT,)
        control = f"{'private' if self.private else 'public'}, {FOR_EVER if self.for_ever else ASK_AGAIN}"
        vary = b"accept, authorization, tamga-min-position"
        return (b"etag", self.etag), (b"cache-control", control.encode()), (b"vary", vary)


class View:
    """The endpoint for HTTP, an ASGI application."""

    def __init__(self, executor: Executor, documents: Documents, drain: Drain, manner: Manner) -> None:
        """Take what executes, where documents are found, and how to behave."""
        self.executor = executor
        self.settings = executor.services.settings
        self.documents = documents
        self.drain = drain
        self.manner = manner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers: Headers = dict(scope["headers"])
        accept = headers.get(b"accept", b"").decode("latin-1")
        wire = Wire(receive, send, writer(scope), takes_whole(scope))
        try:
            if scope["method"] == "POST":
                await self._post(headers, accept, wire)
            elif scope["method"] == "GET":
                await self._get(scope, headers, accept, wire)
            else:
                raise BadRequest("Send GET or POST.", 405, allow=ALLOW)
        except BadRequest as error:
            await _refuse(send, error, for_result(accept) or JSON)

    def at_once(self, headers: Headers, body: bytes) -> Whole | None:
        """The response (200) to a query whose answer is there without waiting; None where `__call__` must respond."""
        media = for_result(headers.get(b"accept", b"").decode("latin-1"))
        if len(body) > min(_MOST_AT_ONCE, self.settings.max_body) or media not in (JSON, RESPONSE):
            return None
        try:
            check_content_type(headers)
            value = read_json(body)
            if not isinstance(value, dict):
                return None
            request, operation = self.understand(parameters(value), self._base(headers))
        except (BadRequest, Rejected):
            return None
        answer = self.executor.at_once(operation, request)
        if answer is None:
            return None
        return b"content-type: %b\r\ncontent-length: %d\r\n" % (_kind(media), len(answer)), answer

    async def _post(self, headers: Headers, accept: str, wire: Wire) -> None:
        check_content_type(headers)
        value = read_json(await read_body(wire.receive, headers, self.settings.max_body))
        base = self._base(headers)
        if isinstance(value, list):
            await respond(wire.send, 200, await self._batch(value, base), JSON)
        else:
            await self._single(parameters(value), base, accept, wire)

    async def _get(self, scope: Scope, headers: Headers, accept: str, wire: Wire) -> None:
        if headers.get(b"content-type"):
            check_content_type(headers)
        asked = parameters_of_address(scope["query_string"])
        if asked.query is None and self.manner.page and prefers_page(accept):
            policy = (b"content-security-policy", graphiql.CONTENT_SECURITY_POLICY.encode())
            await respond(wire.send, 200, graphiql.page(scope["path"]), f"{HTML}; charset=utf-8", policy)
            return
        await self._single(asked, self._base(headers), accept, wire, Kept(headers, asked.rules))

    def _base(self, headers: Headers) -> Request:
        """What the headers say of every operation in the request."""
        authorization = headers.get(b"authorization")
        last_event = headers.get(b"last-event-id")
        return Request(
            query="",
            access=NOBODY if authorization is None else self.access(authorization.decode("latin-1")),
            min_position=min_position(headers),
            resume_after=last_event.decode("utf-8", "replace") if last_event else None,
        )

    def access(self, authorization: str | None) -> Access:
        """Who a header (or a socket's first message) says that it is. Raises BadRequest (401) for an unknown key."""
        token = bearer(authorization)
        if token is None:
            return NOBODY
        access = self.executor.services.authenticate(token)
        if access is None:
            raise unknown_key()
        return access

    def understand(self, asked: Parameters, base: Request) -> tuple[Request, Operation]:
        """The request with its document, prepared. Raises Rejected and BadRequest."""
        if self.drain.begun:
            raise rejected(ErrorCode.SHUTTING_DOWN, "This node is shutting down.", status=503)
        if not self.manner.open_reading and base.access.actor is None:
            raise unknown_key("Reading needs a key here.")
        text = self.documents.text(asked)
        request = Request(
            text, asked.name, asked.variables, asked.extensions, base.access, base.min_position, base.resume_after
        )
        return request, self.executor.prepare(request)

    async def _single(self, asked: Parameters, base: Request, accept: str, wire: Wire, get: Kept | None = None) -> None:
        media = for_result(accept)
        streamed = for_stream(accept)
        if media is None and streamed is None:
            raise BadRequest(f"No media type in {accept[:200]!r} can be answered.", 406)
        operation = None
        try:
            request, operation = self.understand(asked, base)
            if operation.kind == "mutation" and get is not None:
                raise BadRequest("A mutation is sent by POST.", 405, allow="POST")
            if operation.kind == "subscription":
                await self._stream(request, operation, streamed, wire)
            else:
                await self._result(Asking(request, operation, media or JSON), wire, get)
        except Rejected as error:
            may_stream = operation is None or operation.kind == "subscription"
            if error.status == 503 and get is not None and media == SSE and may_stream:
                await sse.send_later(wire.send, str(error))
            else:
                await self._rejected(wire.send, error, media if media in (JSON, RESPONSE) else RESPONSE)

    async def _result(self, asking: Asking, wire: Wire, get: Kept | None) -> None:
        caching = self._caching(asking, get) if get is not None else None
        if caching and get and caching.spares(asking, get, self.executor.services.replica.position):
            await respond(wire.send, 304, b"", asking.media, *caching.told(True))
            return
        body = await self.executor.execute(asking.operation, asking.request)
        if asking.media == SSE:
            await sse.send_result(wire, body)
            return
        whole = body.startswith(b'{"data"')
        told = caching.told(whole) if caching else ()
        status = 200 if whole else self._status(body, asking.media)
        await respond(wire.send, status, body, asking.media, *told, whole=wire.whole)

    def _caching(self, asking: Asking, get: Kept) -> Caching:
        """How long the answer stays true."""
        replica = self.executor.services.replica
        position, now = fixed_at(asking.operation, asking.request.variables), replica.position
        past = position is not None and position <= now
        known = is_of_replica(asking.operation, self.executor.services.schema)
        rules = rules_of_answers(replica.rules)
        tag = etag(position if position is not None and past else now, rules) if known else b""
        return Caching(tag, past and get.rules == rules, asking.request.access.actor is not None)

    def _status(self, body: bytes, media: str) -> int:
        """The status of a response with errors, which stand before its data."""
        if b',"data":' in body:
            return 294 if self.manner.draft_statuses and media == RESPONSE else 200
        return self._invalid(media)

    def _invalid(self, media: str) -> int:
        """The status of what is well-formed as a request, and wrong as GraphQL."""
        if media != RESPONSE:
            return 200
        return 422 if self.manner.draft_statuses else 400

    async def _rejected(self, send: Send, error: Rejected, media: str) -> None:
        status = self._invalid(media) if error.status == 400 else error.status
        headers = ((b"www-authenticate", b"Bearer"),) if status == 401 else ()
        await respond(send, status, refusal(error), media, NOT_KEPT, *headers)

    async def _stream(self, request: Request, operation: Operation, media: str | None, wire: Wire) -> None:
        if media is None:
            message = "A subscription needs 'Accept: text/event-stream' (or multipart/mixed), or a WebSocket."
            raise BadRequest(message, 406)
        stream = await self.executor.subscribe(operation, request)
        framing = sse if media == SSE else multipart
        outflow = Outflow(wire, framing.MEDIA, self.manner.ping_seconds, request.access.expires)
        await framing.send_stream(stream, outflow, self.drain)

    async def _batch(self, values: list[Any], base: Request) -> bytes:
        if not values:
            raise BadRequest("The batch is empty.")
        if len(values) > self.settings.max_batch:
            raise BadRequest(f"A batch holds {self.settings.max_batch} operations at most.")
        asked = [parameters(value) for value in values]
        return b"[%s]" % b",".join([await self._one_of_batch(one, base) for one in asked])

    async def _one_of_batch(self, asked: Parameters, base: Request) -> bytes:
        try:
            request, operation = self.understand(asked, base)
            return await self.executor.execute(operation, request)
        except Rejected as error:
            return refusal(error)


async def _refuse(send: Send, error: BadRequest, media: str) -> None:
    body = orjson.dumps({"errors": formatted([ApiError(error.code, error.message)])})
    headers = [(name.encode(), value.encode()) for name, value in error.headers.items()]
    await respond(send, error.status, body, media if media in (JSON, RESPONSE) else JSON, NOT_KEPT, *headers)


async def respond(
    send: Send, status: int, body: bytes, media: str, *headers: tuple[bytes, bytes], whole: bool = False
) -> None:
    """Send a whole response; in one message where the server takes it so."""
    told = [(b"content-type", _kind(media)), (b"content-length", b"%d" % len(body)), *headers]
    if whole:
        await send({"type": "http.response.start", "status": status, "headers": told, "body": body})
    else:
        await send({"type": "http.response.start", "status": status, "headers": told})
        await send({"type": "http.response.body", "body": body})


@cache
def _kind(media: str) -> bytes:
    return (media if ";" in media else f"{media}; charset=utf-8").encode()
