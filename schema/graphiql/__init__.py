"""The GraphiQL page as plain bytes: no internet, no template engine and no knowledge of the server that sends them.

`build/` bundles the script and style sheet of `assets/` (`make graphiql`); every file of `welcome/` opens as one tab.
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path

HERE = Path(__file__).parent
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
# What the page may do: run its own script, draw itself, speak with its own server (also by WebSocket), nothing else.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that the page asks for: its bytes, their content type and a strong validator for caches."""

    body: bytes
    content_type: str
    etag: str


@cache
def assets() -> dict[str, Asset]:
    """Every file to serve beside the page, by its name: `/graphiql/<name>`."""
    return {path.name: _asset(path) for path in sorted((HERE / "assets").iterdir()) if path.suffix in CONTENT_TYPES}


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    return Asset(body, CONTENT_TYPES[path.suffix], f'"{sha256(body).hexdigest()[:16]}"')


@cache
def page(endpoint: str = "/graphql", folder: str = "/graphiql") -> bytes:
    """The HTML page (UTF-8) that queries `endpoint` and loads its assets from `folder`: paths on the same server."""
    tabs = json.dumps([{"query": text} for text in welcome()])
    values = {"endpoint": endpoint, "folder": folder, "tabs": tabs, "version": _version()}
    template = (HERE / "page.html").read_text("utf-8")
    return re.sub(r"{(\w+)}", lambda name: escape(values[name[1]]), template).encode()


@cache
def welcome() -> tuple[str, ...]:
    """The operations that the page opens with, one for each tab, in the order of their file names."""
    return tuple(path.read_text("utf-8") for path in sorted((HERE / "welcome").glob("*.graphql")))


def _version() -> str:
    return sha256("".join(asset.etag for asset in assets().values()).encode()).hexdigest()[:12]
