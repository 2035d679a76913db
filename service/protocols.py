"""uvicorn's protocols with two extensions of ASGI: what is ready is written at once, and together.

`scope["extensions"]["tamga.write"]` is a function of a text message of a socket, or of a piece of a response that has
begun. It says whether that was written; it was not where the client reads slowly or is gone: then `send` is the way.
`scope["extensions"]["tamga.whole"]` says that `http.response.start` may carry the `body` of the whole response: head
and body are then written together.
"""

import asyncio
from collections.abc import Iterable
from struct import pack

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

_WRITE = "tamga.write"
_WHOLE = "tamga.whole"
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


class HttpProtocol(HttpToolsProtocol):
    """HTTP/1.1."""

    _head: int | None = None
    """Bytes of the head that is being received, but for the piece in which it began; None between heads."""
    _patience: asyncio.TimerHandle | None = None
    """Runs while a head is awaited that has begun, or is the first."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin as uvicorn does; a head may take as long to come as a connection may rest between requests."""
        super().connection_made(transport)
        self._extensions: dict[str, object] = {_WRITE: self._write, _WHOLE: True}
        self._await_head()

    def _await_head(self) -> None:
        self._patience = self.loop.call_later(self.timeout_keep_alive, self._refuse_head, _TOO_SLOW)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def connection_lost(self, exc: Exception | None) -> None:
        """End as uvicorn does, and hold on to nothing that holds on to this."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._stop_waiting()
        self._extensions.clear()

    def handle_websocket_upgrade(self) -> None:
        """Give the connection to a socket as uvicorn does, and hold on to nothing that holds on to this."""
        super().handle_websocket_upgrade()
        self.parser = None  # type: ignore[assignment]
        self._extensions.clear()

    def data_received(self, data: bytes) -> None:
        """Take what came as uvicorn does, but no head without end, which the parser would gather piece by piece."""
        if self._head is not None:
            self._head += len(data)
            if self._head > _LARGEST_HEAD:
                self._refuse_head(_TOO_LARGE)
                return
        super().data_received(data)
        if self._head is not None and self._patience is None:
            self._await_head()

    def _refuse_head(self, status: bytes) -> None:
        if self.cycle is None or self.cycle.response_complete:  # type: ignore[redundant-expr]  # none before a first
            self.transport.write(b"HTTP/1.1 %b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status)
        self.transport.close()

    def on_message_begin(self) -> None:
        """Begin a request as uvicorn does, and tell the application how to write."""
        self._head = 0
        super().on_message_begin()
        self.scope["extensions"] = self._extensions  # type: ignore[typeddict-item]

    def on_headers_complete(self) -> None:
        """Go on as uvicorn does, with a cycle of our own; what answers is only begun later."""
        self._head = None
        self._stop_waiting()
        before = self.cycle
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
