"""GraphQL over WebSocket: the protocol graphql-transport-ws, and no other.

One operation's failure never closes the socket; a message that breaks the protocol always does, with the code it names.
"""

import asyncio
import time
from contextlib import suppress
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from schema.context import NOBODY, Access, Message
from schema.errors import ErrorCode, Rejected, formatted, rejected
from schema.execution import Executor, Request
from schema.http.delivery import Delivery, Drain
from schema.http.outflow import writer
from schema.http.request import BadRequest, Headers, Parameters, min_position, parameters, read_json
from schema.http.view import Manner, View
from schema.operation import Operation

PROTOCOL = "graphql-transport-ws"
_LONGEST_ID = 256
_LONGEST_REASON = 123
"""Bytes."""


class Closed(Exception):
    """The socket is to be closed, with a code and a reason of the protocol."""

    def __init__(self, code: int, reason: str) -> None:
        """Take both."""
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Sockets:
    """The endpoint for WebSockets, an ASGI application."""

    def __init__(self, view: View) -> None:
        """Share what the HTTP endpoint has: documents, access, manner, drain."""
        self._view = view

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket until it closes."""
        await receive()
        if not self._may_call(dict(scope["headers"])):
            await send({"type": "websocket.close", "code": 1008})
            return
        if PROTOCOL not in scope.get("subprotocols", ()):
            await send({"type": "websocket.accept"})
            reason = f"Subprotocol not acceptable: offer {PROTOCOL}"
            await send({"type": "websocket.close", "code": 4406, "reason": reason})
            return
        await send({"type": "websocket.accept", "subprotocol": PROTOCOL})
        await Socket(self._view, scope, receive, send).serve()

    def _may_call(self, headers: Headers) -> bool:
        """Whether the page that opens the socket, if one does, may: browsers hold sockets to no origin themselves."""
        origin = headers.get(b"origin", b"").decode("latin-1")
        allowed = self._view.settings.allowed_origins
        if not origin or origin in allowed or "*" in allowed:
            return True
        return origin.partition("://")[2].encode("latin-1") == headers.get(b"host")


class Socket:
    """One socket: its state, its operations, and the messages it takes."""

    def __init__(self, view: View, scope: Scope, receive: Receive, send: Send) -> None:
        self._view = view
        self._executor: Executor = view.executor
        self._manner: Manner = view.manner
        self._drain: Drain = view.drain
        self._headers = dict(scope["headers"])
        self._receive = receive
        self._send_raw = send
        self._write = writer(scope)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._access: Access = NOBODY
        self._min_position = 0
        self._begun = False
        self._acknowledged = False
        self._closed = False
        self._asked_at: float | None = None
        self._active_at = time.monotonic()
        self._opened_at = self._active_at
        self._ended: asyncio.Event | None = None

    async def serve(self) -> None:
        """Take messages until one side closes."""
        try:
            with self._drain.watch(self._on_drain):
                await self._take_all()
        except Closed as closed:
            await self._close(closed.code, closed.reason)
        finally:
            self._closed = True
            for task in tuple(self._tasks.values()):
                task.cancel()

    async def _take_all(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._patience()):
                    message = await self._receive()
            except TimeoutError:
                await self._check_life()
                continue
            if message["type"] == "websocket.disconnect":
                return
            self._asked_at = None
            self._check_time()
            await self._take(message)
            self._check_idle()

    def _patience(self) -> float:
        """How long to wait for the next message before looking whether the socket lives."""
        if not self._acknowledged:
            return max(0.01, self._opened_at + self._manner.init_seconds - time.monotonic())
        until_expiry = self._access.expires - time.time() if self._access.expires else self._manner.ping_seconds
        return max(0.01, min(self._manner.ping_seconds, until_expiry))

    async def _check_life(self) -> None:
        """Nothing came for a while: ask whether anybody is there."""
        self._check_time()
        if not self._acknowledged:
            return
        if self._asked_at is not None:
            raise Closed(4408, "No answer to ping")
        self._check_idle()
        self._asked_at = time.monotonic()
        await self._send({"type": "ping"})

    # the ends that come by time, however much a client says

    def _check_time(self) -> None:
        if not self._acknowledged and time.monotonic() - self._opened_at >= self._manner.init_seconds:
            raise Closed(4408, "Connection initialisation timeout")
        if self._access.expires is not None and self._access.expires <= time.time():
            raise Closed(4403, "Forbidden: the credentials have ended")

    def _check_idle(self) -> None:
        if not self._tasks and time.monotonic() - self._active_at > self._manner.idle_seconds:
            raise Closed(4408, "Idle")

    async def _take(self, message: Any) -> None:
        text = message.get("text")
        if text is None:
            raise Closed(4400, "Messages are text")
        try:
            value = read_json(text)
        except BadRequest as error:
            raise Closed(4400, error.message) from None
        if not isinstance(value, dict):
            raise Closed(4400, "A message is a JSON object")
        await self._handle(value)

    async def _handle(self, message: dict[str, Any]) -> None:
        match message.get("type"):
            case "subscribe":
                await self._subscribe(message)
            case "complete":
                self._complete(message)
            case "ping":
                await self._ping(message)
            case "pong":
                _payload(message)
            case "connection_init":
                await self._init(message)
            case _:
                raise Closed(4400, "Unknown message type")

    async def _init(self, message: dict[str, Any]) -> None:
        if self._begun:
            raise Closed(4429, "Too many initialisation requests")
        self._begun = True
        payload = _payload(message) or {}
        authorization = payload.get("Authorization", payload.get("authorization"))
        if authorization is not None and not isinstance(authorization, str):
            raise Closed(4400, "Authorization is a text")
        try:
            self._access = self._view.access(
                authorization or self._headers.get(b"authorization", b"").decode("latin-1")
            )
            self._min_position = min_position(self._headers)
        except BadRequest as error:
            if error.status == 401:
                raise Closed(4403, f"Forbidden: {error.message}") from None
            raise Closed(4400, error.message) from None
        if not self._manner.open_reading and self._access.actor is None:
            raise Closed(4403, "Forbidden: reading needs a key, as Authorization in the payload of connection_init")
        self._acknowledged, self._headers = True, {}
        await self._send({"type": "connection_ack"})

    async def _ping(self, message: dict[str, Any]) -> None:
        payload = _payload(message)
        await self._send({"type": "pong"} if payload is None else {"type": "pong", "payload": payload})

    def _complete(self, message: dict[str, Any]) -> None:
        if task := self._tasks.pop(_id(message), None):
            task.cancel()

    async def _subscribe(self, message: dict[str, Any]) -> None:
        if not self._acknowledged:
            raise Closed(4401, "Unauthorized")
        id, asked = _id(message), _asked(message)
        if id in self._tasks:
            raise Closed(4409, f"Subscriber for {id[:50]} already exists")
        if len(self._tasks) >= self._executor.services.settings.max_subscriptions:
            await self._refuse(id, rejected(ErrorCode.TOO_MANY, "This socket has as many operations as it may."))
        else:
            self._tasks[id] = asyncio.create_task(self._operation(id, asked))

    async def _operation(self, id: str, asked: Parameters) -> None:
        """One operation from its document to its last message."""
        try:
            await self._run(id, asked)
            await self._send({"id": id, "type": "complete"})
        except Rejected as error:
            await self._refuse(id, error)
        except BadRequest as error:
            await self._refuse(id, rejected(error.code, error.message))
        finally:
            if self._tasks.get(id) is asyncio.current_task():
                del self._tasks[id]
            self._active_at = time.monotonic()
            if not self._tasks and self._ended is not None:
                self._ended.set()

    async def _run(self, id: str, asked: Parameters) -> None:
        base = Request(query="", access=self._access, min_position=self._min_position)
        request, operation = self._view.understand(asked, base)
        if operation.kind == "subscription":
            await self._stream(id, request, operation)
        else:
            await self._text(b"%b%b}" % (_start(id), await self._executor.execute(operation, request)))

    async def _stream(self, id: str, request: Request, operation: Operation) -> None:
        stream = await self._executor.subscribe(operation, request)
        start, write = _start(id), self._write

        async def send(message: Message) -> None:
            await self._text(b"%b%b}" % (start, message.payload))

        def at_once(message: Message) -> bool:
            return write(b"%b%b}" % (start, message.payload))

        await Delivery(stream, send, at_once, self._drain).run()

    async def _refuse(self, id: str, error: Rejected) -> None:
        await self._send({"id": id, "type": "error", "payload": formatted(error.errors)})

    async def _send(self, message: dict[str, Any]) -> None:
        await self._text(orjson.dumps(message))

    async def _text(self, text: bytes) -> None:
        if not self._closed and not self._write(text):
            with suppress(OSError, RuntimeError):  # the client is gone; the reader hears of it
                await self._send_raw({"type": "websocket.send", "text": text.decode()})

    async def _close(self, code: int, reason: str) -> None:
        if not self._closed:
            self._closed = True
            with suppress(OSError, RuntimeError):
                await self._send_raw({"type": "websocket.close", "code": code, "reason": _short(reason)})

    def _on_drain(self) -> None:
        """When the operations have ended (their deliveries hear of the drain too), close."""
        self._farewell = asyncio.ensure_future(self._leave())

    async def _leave(self) -> None:
        self._ended = asyncio.Event()
        while self._tasks:
            self._ended.clear()
            await self._ended.wait()
        await self._close(1012, "Service restart")


def _short(reason: str) -> str:
    """As much of a reason as fits the frame that closes a socket (RFC 6455, 5.5)."""
    return reason.encode()[:_LONGEST_REASON].decode(errors="ignore")


def _start(id: str) -> bytes:
    """What stands before a payload."""
    return b'{"id":%b,"type":"next","payload":' % orjson.dumps(id)


def _id(message: dict[str, Any]) -> str:
    id = message.get("id")
    if not isinstance(id, str) or not 0 < len(id) <= _LONGEST_ID:
        raise Closed(4400, f"The id is a text of 1 to {_LONGEST_ID} characters")
    return id


def _asked(message: dict[str, Any]) -> Parameters:
    try:
        asked = parameters(message.get("payload"))
    except BadRequest as error:
        raise Closed(4400, error.message) from None
    if asked.query is None and not asked.document_id and "persistedQuery" not in asked.extensions:
        raise Closed(4400, "The payload has no query")
    return asked


def _payload(message: dict[str, Any]) -> dict[str, Any] | None:
    payload = message.get("payload")
    if payload is not None and not isinstance(payload, dict):
        raise Closed(4400, "The payload is an object")
    return payload
