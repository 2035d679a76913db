"""Subscriptions as multipart/mixed, the protocol that Apollo Client speaks over HTTP (subscriptionSpec 1.0)."""

import orjson

from schema.context import Message, Stream
from schema.errors import Rejected, formatted
from schema.http.delivery import Delivery, Drain
from schema.http.outflow import Outflow

MEDIA = 'multipart/mixed; boundary="graphql"; subscriptionSpec=1.0'
_BOUNDARY = b"\r\n--graphql"


async def send_stream(stream: Stream, outflow: Outflow, drain: Drain) -> None:
    """Send a subscription's messages until it ends, the client goes or the node shuts down."""
    await outflow.begin(_BOUNDARY)

    async def message(one: Message) -> None:
        await outflow.write(_part(b'{"payload":%s}' % one.payload))

    def at_once(one: Message) -> bool:
        return outflow.write_at_once(_part(b'{"payload":%s}' % one.payload))

    async def deliver() -> None:
        try:
            await outflow.until_expiry(Delivery(stream, message, at_once, drain).run())
        except Rejected as error:
            await outflow.write(_part(orjson.dumps({"payload": None, "errors": formatted(error.errors)})))
        await outflow.write(b"--\r\n")

    await outflow.while_connected(deliver(), _part(b"{}"))


def _part(body: bytes) -> bytes:
    """A part and the boundary behind it, without which readers wait."""
    return b"\r\nContent-Type: application/json\r\n\r\n%s%s" % (body, _BOUNDARY)
