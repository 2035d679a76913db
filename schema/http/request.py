"""From the bytes of an HTTP request or a socket's message to the parameters of an operation, or a clear refusal.

Nothing here knows the schema.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import orjson
from starlette.types import Message, Receive

from schema.errors import ErrorCode

_PIECE_SECONDS = 20
MAX_NESTING = 64
"""The deepest JSON that is read."""

Headers = dict[bytes, bytes]


class BadRequest(Exception):
    """The request cannot be understood or is not allowed: an HTTP status, a code and the reason."""

    def __init__(
        self, message: str, status: int = 400, code: ErrorCode = ErrorCode.BAD_REQUEST, **headers: str
    ) -> None:
        """Take what to say; headers are those of the answer, with _ for -."""
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


_NOTHING: Mapping[str, Any] = {}


class Parameters(NamedTuple):
    """What the client sent, its types checked; documents are not looked up yet."""

    query: str | None = None
    name: str | None = None
    variables: Mapping[str, Any] = _NOTHING
    extensions: Mapping[str, Any] = _NOTHING
    document_id: str | None = None
    """`documentId` or Relay's `doc_id`."""
    rules: str | None = None
    """The rules that an address names: its answer may be kept as long as they are in force."""


_PLACES: dict[str, tuple[str, type, str]] = {
    "query": ("query", str, "a text"),
    "operationName": ("name", str, "a text"),
    "variables": ("variables", dict, "a JSON object"),
    "extensions": ("extensions", dict, "a JSON object"),
    "documentId": ("document_id", str, "a text"),
    "doc_id": ("doc_id", str, "a text"),
    "rules": ("rules", str, "a text"),
}
"""Of each parameter its place, its type, and that type in words; others are passed over."""


def read_json(body: bytes | str) -> Any:
    """The JSON value of a body. Raises BadRequest; deep nesting, which recursion could not follow, is refused too."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The body is not JSON in UTF-8: {error}.") from None
    if _brackets(body) > MAX_NESTING and _too_deep(value):
        raise BadRequest(f"The JSON is nested deeper than {MAX_NESTING} levels.")
    return value


def _brackets(body: bytes | str) -> int:
    return body.count("[") + body.count("{") if isinstance(body, str) else body.count(b"[") + body.count(b"{")


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_NESTING):
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return False
    return True


def _inside(value: Any) -> Any:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def parameters(value: Any) -> Parameters:
    """The parameters of one operation from its JSON object. Raises BadRequest."""
    if not isinstance(value, dict):
        raise BadRequest(f"An operation is a JSON object, not {_kind(value)}.")
    found: dict[str, Any] = {}
    for name, given in value.items():
        if given is not None and (place := _PLACES.get(name)) is not None:
            where, kind, told = place
            if not isinstance(given, kind):
                raise BadRequest(f"The parameter {name} is {told}, not {_kind(given)}.")
            found[where] = given
    by_relay = found.pop("doc_id", None)
    if by_relay and not found.get("document_id"):
        found["document_id"] = by_relay
    return Parameters(**found)


def parameters_of_address(query_string: bytes) -> Parameters:
    """The parameters of a GET request; empty ones count as absent. Raises BadRequest."""
    try:
        pairs = parse_qsl(query_string.decode("ascii"), errors="strict", max_num_fields=50)
    except (UnicodeDecodeError, ValueError):
        raise BadRequest("The address has parameters that are not UTF-8, or too many.") from None
    value: dict[str, Any] = {name: text for name, text in pairs if text}
    for name in ("variables", "extensions"):
        if name in value:
            value[name] = _json_of_address(name, value[name])
    return parameters(value)


def _json_of_address(name: str, text: str) -> Any:
    try:
        return read_json(text)
    except BadRequest:
        raise BadRequest(f"The parameter {name} is not JSON.") from None


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a text", bool: "a Boolean", type(None): "null"}
    return names.get(type(value), "a number")


async def read_body(receive: Receive, headers: Headers, limit: int) -> bytes:
    """The whole body. Raises BadRequest (413) for more than `limit` bytes, before reading where the length is told."""
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and int(length) > limit:
        raise _too_large(limit)
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body", False) or message["type"] == "http.disconnect" or len(body) > limit:
        return await _rest(receive, message, limit)
    return body


async def _rest(receive: Receive, message: Message, limit: int) -> bytes:
    """A body in pieces; one that is too large is read on for a while, as few clients hear an answer while they send."""
    parts: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise BadRequest("The client went away.")
        size += len(message.get("body", b""))
        if size <= limit:
            parts.append(message.get("body", b""))
        if size > 4 * limit or not message.get("more_body", False):
            break
        message = await _next_piece(receive)
    if size > limit:
        raise _too_large(limit)
    return b"".join(parts)


async def _next_piece(receive: Receive) -> Message:
    try:
        async with asyncio.timeout(_PIECE_SECONDS):
            return await receive()
    except TimeoutError:
        raise BadRequest("The body did not come.", 408, connection="close") from None


def _too_large(limit: int) -> BadRequest:
    return BadRequest(f"The body is larger than {limit:,} bytes.", 413, connection="close")


def check_content_type(headers: Headers) -> None:
    """Refuse (415) a body that is not JSON in UTF-8, so also every type that a web page could send unasked."""
    if headers.get(b"content-type") == b"application/json" and b"content-encoding" not in headers:
        return
    media, *options = headers.get(b"content-type", b"").decode("latin-1").lower().split(";")
    charsets = [option.strip().removeprefix("charset=").strip('"') for option in options if "charset=" in option]
    if media.strip() != "application/json":
        raise BadRequest("Send the operation as JSON, with the header 'Content-Type: application/json'.", 415)
    if any(charset not in ("utf-8", "utf8") for charset in charsets):
        raise BadRequest("Send the JSON in UTF-8.", 415)
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise BadRequest("Send the body without a content encoding.", 415)


def bearer(header: str | None) -> str | None:
    """The token of an Authorization header; None without one. Raises BadRequest (401) for another scheme."""
    if not header:
        return None
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise unknown_key("Send the key as 'Authorization: Bearer <key>'.")
    return token.strip()


def unknown_key(message: str = "This key is not known here.") -> BadRequest:
    """The refusal (401) of credentials that are not known."""
    return BadRequest(message, 401, ErrorCode.UNAUTHENTICATED, www_authenticate="Bearer")


def min_position(headers: Headers) -> int:
    """What `Tamga-Min-Position` asks for; 0 without it. Raises BadRequest."""
    text = headers.get(b"tamga-min-position")
    if text is None:
        return 0
    if not text.isdigit() or len(text) > 16 or int(text) >= 2**53:
        raise BadRequest("Tamga-Min-Position is a position: a whole number up to 2^53-1.")
    return int(text)
