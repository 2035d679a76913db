"""Results as an event stream: GraphQL over Server-Sent Events, in distinct connections.

Lines end with LF, `id:` stands on data alone, and comments keep a quiet connection open.
"""

from functools import lru_cache

from schema.context import Message, Stream
from schema.errors import Rejected
from schema.execution import refusal
from schema.http.delivery import Delivery, Drain
from schema.http.negotiate import SSE as MEDIA
from schema.http.outflow import Outflow, Wire

_COMPLETE = b"event: complete\ndata:\n\n"
_COMMENT = b":\n\n"


async def send_result(wire: Wire, body: bytes) -> None:
    """Send one result and its end."""
    outflow = Outflow(wire, MEDIA)
    await outflow.begin()
    await outflow.write(_event(Message(body)) + _COMPLETE)
    await outflow.end()


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
