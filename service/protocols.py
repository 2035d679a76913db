"""uvicorn's protocols with two extensions of ASGI: what is ready is written at once, and together.

`scope["extensions"]["tamga.write"]` is a function of a text message of a socket, or of a piece of a response that has
begun. It says whether that was written; it was not where the client reads slowly or is gone: then `send` is the way.
`scope["extensions"]["tamga.whole"]` says that `http.response.start` may carry the `body` of the whole response: head
and body are then written together.

An application with a method `at_once` is asked that first where a POST has come whole: what it can answer without
waiting costs no task, scope or message.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from struct import pack

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

_LOGGER = logging.getLogger("tamga.server")
_WRITE = "tamga.write"
_WHOLE = "tamga.whole"
_OK = STATUS_LINE[200]
_LARGEST_HEAD = 65_536
"""Bytes of a request's line and headers, beyond the piece in which they begin."""
_TOO_LARGE = b"431 Request Header Fields Too Large"
_TOO_SLOW = b"408 Request Timeout"


class SocketProtocol(WebSocketsSansIOProtocol):
    """A WebSocket without compression."""

    _slow = False
    """Whether the client reads slowly."""

    def pause_writing(self) -> None:
        """Pause as uvicorn does."""
        self._slow = True
        super().pause_writing()

    def resume_writing(self) -> None:
        """Go on as uvicorn does."""
        self._slow = False
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """End as uvicorn does, and hold on to nothing that holds on to this."""
        super().connection_lost(exc)
        self.conn.parser.close()
        if self.handshake_initiated:
            self.scope["extensions"] = {}

    def handle_connect(self, event: Request) -> None:
        """Begin as uvicorn does, and tell the application how to write; it has the headers too."""
        super().handle_connect(event)
        event.headers.clear()
        if not self.handshake_complete:
            self.scope["extensions"] = {**(self.scope.get("extensions") or {}), _WRITE: self._write}  # type: ignore[dict-item]

    async def send(self, message: ASGISendEvent) -> None:
        """Send as uvicorn does; where that refuses the socket with a response, the handshake is over too."""
        await super().send(message)
        if message["type"] == "websocket.accept":
            self.response.headers.clear()
        if message["type"] == "websocket.http.response.body" and self.close_sent:
            self.handshake_complete = True

    def _write(self, text: bytes) -> bool:
        """Write a text message, in a frame of its own, to a socket that was accepted."""
        if self._slow or self.close_sent or self.transport.is_closing():
            return False
        size = len(text)
        if size < 126:
            head = pack(">BB", 0x81, size)
        elif size < 65_536:
            head = pack(">BBH", 0x81, 126, size)
        else:
            head = pack(">BBQ", 0x81, 127, size)
        self.transport.write(head + text)
        return True


class Cycle(RequestResponseCycle):
    """A request and its response."""

    async def send(self, message: ASGISendEvent) -> None:
        """Send as uvicorn does, or a whole response at once."""
        body: bytes | None = message.get("body") if message["type"] == "http.response.start" else None  # type: ignore[assignment]
        if body is None:
            await super().send(message)
        elif self.response_started or self.disconnected or self.flow.write_paused or not self.keep_alive:
            await super().send(message)
            await super().send({"type": "http.response.body", "body": body, "more_body": False})
        else:
            self._write_whole(message["status"], message["headers"], body)  # type: ignore[typeddict-item]

    def _write_whole(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        lines = [b"%b: %b\r\n" % header for header in (*self.default_headers, *headers)]
        self.response_started = self.response_complete = True
        self.transport.write(b"".join((STATUS_LINE[status], *lines, b"\r\n", body)))
        self.message_event.set()
        self.on_response()


AtOnce = Callable[[bytes, dict[bytes, bytes], bytes], tuple[bytes, bytes] | None]
"""Takes path, headers and body of a POST; gives lines of the head and body of a response with status 200, or None."""


class HttpProtocol(HttpToolsProtocol):
    """HTTP/1.1."""

    _head: int | None = None
    """Bytes of the head that is being received, but for the piece in which it began; None between heads."""
    _patience: asyncio.TimerHandle | None = None
    """Runs while a head is awaited that has begun, or is the first."""
    _asked = False
    """Whether a question was taken from the piece at hand: of many that come together others wait their turn."""
    _started: tuple[object, bytes] = (None, b"")
    """The usual headers when a question was last answered at once, and how a response with them starts."""
    _rested = 0.0
    """When the connection began to rest, by the loop's clock."""
    _question: bytes | None = None
    """The body of a POST that may be answered at once, as far as it has come."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin as uvicorn does; a head may take as long to come as a connection may rest between requests."""
        super().connection_made(transport)
        self._extensions: dict[str, object] = {_WRITE: self._write, _WHOLE: True}
        self._at_once: AtOnce | None = getattr(self.app, "at_once", None)
        self._await_head()

    def _await_head(self) -> None:
        self._patience = self.loop.call_later(self.timeout_keep_alive, self._refuse_head, _TOO_SLOW)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _stop_timers(self) -> None:
        self._stop_waiting()
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None

    def connection_lost(self, exc: Exception | None) -> None:
        """End as uvicorn does, and hold on to nothing that holds on to this."""
        super().connection_lost(exc)
        self._stop_timers()
        self._extensions.clear()

    def handle_websocket_upgrade(self) -> None:
        """Give the connection to a socket as uvicorn does, and hold on to nothing that holds on to this."""
        super().handle_websocket_upgrade()
        self._stop_timers()
        self.parser = None  # type: ignore[assignment]
        self._extensions.clear()

    def data_received(self, data: bytes) -> None:
        """Take what came as uvicorn does, but no head without end, which the parser would gather piece by piece."""
        if self._head is not None:
            self._head += len(data)
            if self._head > _LARGEST_HEAD:
                self._refuse_head(_TOO_LARGE)
                return
        self._asked = False
        super().data_received(data)
        if self._question is not None and not self.transport.is_closing():
            self._answer_as_ever()
        if self._head is not None and self._patience is None:
            self._await_head()

    def _unset_keepalive_if_required(self) -> None:
        """Nothing: one timer runs on, and looks at when the connection began to rest."""

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that has rested for its time; look again when one that has not would have."""
        self.timeout_keep_alive_task = None
        if not self._rests() or self._head is not None:
            return  # the response or the patience with a head ends it
        left = self._rested + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)
        else:
            super().timeout_keep_alive_handler()

    def on_response_complete(self) -> None:
        """Go on with the next request, or rest."""
        self._rested = self.loop.time()
        if self.timeout_keep_alive_task is None or self.pipeline:
            super().on_response_complete()
        else:
            self.server_state.total_requests += 1
            self.flow.resume_reading()

    def _refuse_head(self, status: bytes) -> None:
        if self._rests():
            self.transport.write(b"HTTP/1.1 %b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status)
        self.transport.close()

    def _rests(self) -> bool:
        """Whether no response is under way."""
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]  # none before a first

    def on_message_begin(self) -> None:
        """Begin a request; a scope is made once it is known that there will be a task for it."""
        self._head = 0
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        """Go on as uvicorn does, but for what may be answered at once if its body is here too."""
        self._head = None
        self._stop_waiting()
        if self._is_question():
            self._question, self._asked = b"", True
        else:
            self._begin_cycle()

    def _is_question(self) -> bool:
        parser = self.parser
        return (
            self._at_once is not None
            and not self._asked
            and parser.get_method() == b"POST"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and self._rests()
            and not self.flow.write_paused
        )

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        if self._question is None:
            super().on_body(body)
        else:
            self._question += body

    def on_message_complete(self) -> None:
        """Answer at once if that is possible."""
        if self._question is not None and self._answered(self._question):
            self._question = None
            return
        if self._question is not None:
            self._answer_as_ever()
        super().on_message_complete()

    def _answered(self, question: bytes) -> bool:
        assert self._at_once is not None
        try:
            found = self._at_once(self.url, dict(self.headers), question)
        except Exception as error:  # a task tries anew, and tells the client if it meets it too
            _LOGGER.warning("a question could not be answered at once: %s", error, exc_info=True)
            return False
        if found is None:
            return False
        lines, body = found
        self.transport.write(b"".join((self._start(), lines, b"\r\n", body)))
        self.on_response_complete()
        return True

    def _start(self) -> bytes:
        """The status line, and what every response tells, which the server changes once a second."""
        headers = self.server_state.default_headers
        if self._started[0] is not headers:
            self._started = headers, b"".join((_OK, *(b"%b: %b\r\n" % header for header in headers)))
        return self._started[1]

    def _answer_as_ever(self) -> None:
        """Give the question, as far as it has come, to a task."""
        begun, self._question = self._question, None
        self._begin_cycle()
        if begun:
            super().on_body(begun)

    def _begin_cycle(self) -> None:
        """Make the scope and begin the task as uvicorn does, with a cycle of our own."""
        url, headers, expects, before = self.url, self.headers, self.expect_100_continue, self.cycle
        super().on_message_begin()
        self.url, self.headers, self.expect_100_continue = url, headers, expects
        self.scope["headers"] = headers
        self.scope["extensions"] = self._extensions  # type: ignore[typeddict-item]
        super().on_headers_complete()
        if self.cycle is not before:
            self.cycle.__class__ = Cycle

    def _write(self, piece: bytes) -> bool:
        """Write a chunk of the response that has begun; where requests queue up, it is not the newest's."""
        cycle = self.cycle
        if self.pipeline or self.flow.write_paused or not cycle.chunked_encoding or self.transport.is_closing():
            return False
        self.transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        return True
