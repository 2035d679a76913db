"""The API's outer side: GraphQL over HTTP, WebSocket, event streams and multipart, as one ASGI application."""

from starlette.types import ASGIApp, Receive, Scope, Send

from schema import graphiql
from schema.context import Services
from schema.execution import Executor
from schema.http.delivery import Drain
from schema.http.documents import Documents, load_documents
from schema.http.request import Headers
from schema.http.view import Manner, View, Whole, respond
from schema.http.websocket import Sockets

__all__ = ["Drain", "GraphQLApp", "Manner", "Whole"]


class GraphQLApp:
    """Serves `/graphql`, `/graphql/schema` and GraphiQL's files; everything else goes to `beyond`."""

    def __init__(
        self,
        services: Services,
        sdl: str,
        *,
        manner: Manner | None = None,
        beyond: ASGIApp | None = None,
    ) -> None:
        """Take the machinery, the schema as text, how to behave, and the application behind this one."""
        self.executor = Executor(services)
        self.drain = Drain()
        trusted = load_documents(services.settings.trusted_documents)
        documents = Documents(trusted, trusted_only=services.settings.trusted_only)
        self._view = View(self.executor, documents, self.drain, manner or Manner())
        self._sockets = Sockets(self._view)
        self._sdl = sdl.encode()
        self._beyond = beyond or _nothing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, socket, or the lifespan."""
        path = scope.get("path")
        if path == "/graphql" and scope["type"] == "http":
            await self._view(scope, receive, send)
        elif path == "/graphql" and scope["type"] == "websocket":
            await self._sockets(scope, receive, send)
        elif scope["type"] == "http" and (answer := self._file(path or "")):
            await _file(scope, send, *answer)
        else:
            await self._beyond(scope, receive, send)

    def at_once(self, path: bytes, headers: Headers, body: bytes) -> Whole | None:
        """Answer a question that was posted to `/graphql` without waiting; None where `__call__` must."""
        return self._view.at_once(headers, body) if path == b"/graphql" else None

    def _file(self, path: str) -> tuple[bytes, str, str] | None:
        if path == "/graphql/schema":
            return self._sdl, "application/graphql; charset=utf-8", ""
        name = path.removeprefix("/graphiql/")
        asset = graphiql.assets().get(name) if name != path else None
        return (asset.body, asset.content_type, asset.etag) if asset else None

    def close(self) -> None:
        """Wait for what is being recorded."""
        self.executor.close()


async def _file(scope: Scope, send: Send, body: bytes, media: str, etag: str) -> None:
    if scope["method"] not in ("GET", "HEAD"):
        await respond(send, 405, b"", media, (b"allow", b"GET, HEAD"))
    elif etag and etag.encode() in dict(scope["headers"]).get(b"if-none-match", b""):
        await respond(send, 304, b"", media, (b"etag", etag.encode()))
    else:
        headers = ((b"etag", etag.encode()), (b"cache-control", b"max-age=3600")) if etag else ()
        await respond(send, 200, body, media, *headers)


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _live(receive, send)
    elif scope["type"] == "http":
        await respond(send, 404, b"Not found", "text/plain")
    else:
        await send({"type": "websocket.close", "code": 1000})


async def _live(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return
