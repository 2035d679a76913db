"""Results as an event stream: GraphQL over Server-Sent Events, in distinct connections.

Lines end with LF, `id:` stands on data alone, and comments keep a quiet connection open.
"""

from functools import lru_cache

from starlette.types import Scope, Send

from schema.context import Message, Stream
from schema.errors import Rejected
from schema.execution import refusal
from schema.http.delivery import Delivery, Drain
from schema.http.negotiate import SSE as MEDIA
from schema.http.negotiate import for_result
from schema.http.outflow import Outflow, Wire

_COMPLETE = b"event: complete\ndata:\n\n"
_COMMENT = b":\n\n"
_LATER = b"retry: 2000\n: %s\n\n"
"""Milliseconds until it comes again, and why."""


async def send_result(wire: Wire, body: bytes) -> None:
    """Send one result and its end."""
    outflow = Outflow(wire, MEDIA)
    await outflow.begin()
    await outflow.write(_event(Message(body)) + _COMPLETE)
    await outflow.end()


def is_event_source(scope: Scope) -> bool:
    """Whether a browser's EventSource asks: it takes an event stream before all else, by GET."""
    accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    return scope["method"] == "GET" and for_result(accept.decode("latin-1")) == MEDIA


async def send_later(send: Send, reason: str) -> None:
    """Send an EventSource a stream that ends at once, after which it comes again; at a 503 it gives up for ever."""
    headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _LATER % reason.replace("\n", " ").encode()})


async def send_stream(stream: Stream, outflow: Outflow, drain: Drain) -> None:
    """Send a subscription's messages until it ends, the client goes or the node shuts down."""
    await outflow.begin(_COMMENT)

    async def message(one: Message) -> None:
        await outflow.write(_event(one))

    def at_once(one: Message) -> bool:
        return outflow.write_at_once(_event(one))

    async def deliver() -> None:
        try:
            await outflow.until_expiry(Delivery(stream, message, at_once, drain).run())
        except Rejected as error:
            await outflow.write(_event(Message(refusal(error))))
        await outflow.write(_COMPLETE)

    await outflow.while_connected(deliver(), _COMMENT)


@lru_cache(maxsize=8)
def _event(message: Message) -> bytes:
    """One event, made once for all who are told; JSON text holds no line break, so one data line is enough."""
    id = b"" if message.cursor is None else b"id: %s\n" % message.cursor.encode()
    return b"event: next\n%sdata: %s\n\n" % (id, message.payload)
