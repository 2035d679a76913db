"""Documents that clients name instead of sending: trusted ones, known from the start, and those that clients left here.

Three forms are understood: `documentId: "sha256:<hash>"`, Apollo's `extensions.persistedQuery`, and Relay's `doc_id`.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from schema.errors import ErrorCode, rejected
from schema.http.request import BadRequest, Parameters

_MOST_LEFT_HERE = 1000
_LONGEST_LEFT_HERE = 20_000


class Documents:
    """Finds the text of an operation's document."""

    def __init__(self, trusted: Mapping[str, str] | None = None, *, trusted_only: bool = False) -> None:
        """Take the trusted documents by their ids; each is also known by the SHA-256 of its text."""
        self._trusted = {**(trusted or {}), **{digest(text): text for text in (trusted or {}).values()}}
        self._texts = frozenset(self._trusted.values())
        self._trusted_only = trusted_only
        self._left: OrderedDict[str, str] = OrderedDict()

    def text(self, asked: Parameters) -> str:
        """The document that the parameters hold or name. Raises Rejected and BadRequest."""
        id = asked.document_id or _persisted(asked.extensions)
        if not id:
            return self._sent(asked.query)
        return self._named(id.removeprefix("sha256:"), asked.query)

    def _sent(self, query: str | None) -> str:
        if query is None:
            raise BadRequest("The parameter query (or documentId) is missing.")
        if self._trusted_only and query not in self._texts:
            raise rejected(ErrorCode.NOT_TRUSTED, "Only trusted documents are accepted here: send a documentId.")
        return query

    def _named(self, id: str, query: str | None) -> str:
        found = self._trusted.get(id) or self._left.get(id)
        if found is not None:
            if query not in (None, found):
                raise BadRequest("The query is not the document that is known by the id that was sent with it.")
            return found
        if query is None:
            raise rejected(ErrorCode.UNKNOWN_DOCUMENT, "PersistedQueryNotFound")
        if digest(query) != id:
            raise BadRequest("The SHA-256 of the query is not the one that was sent with it.")
        self._leave(id, self._sent(query))
        return query

    def _leave(self, id: str, query: str) -> None:
        if len(query) <= _LONGEST_LEFT_HERE:
            self._left[id] = query
        while len(self._left) > _MOST_LEFT_HERE:
            self._left.popitem(last=False)


def _persisted(extensions: Mapping[str, Any]) -> str | None:
    found = extensions.get("persistedQuery")
    if found is None:
        return None
    id = found.get("sha256Hash") if isinstance(found, dict) else None
    if not isinstance(id, str):
        raise BadRequest("extensions.persistedQuery needs a sha256Hash.")
    return id


def digest(text: str) -> str:
    """The SHA-256 of a document's text, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def load_documents(place: str) -> dict[str, str]:
    """Trusted documents by id, from a folder of .graphql files or a JSON file: ids to texts, or Apollo's manifest.

    A file's id is its name without the ending. Raises ValueError for a file that is neither.
    """
    if not place:
        return {}
    path = Path(place)
    if path.is_dir():
        return {file.stem: _text(file) for file in sorted(path.glob("*.graphql"))}
    try:
        value = orjson.loads(_text(path))
    except orjson.JSONDecodeError as error:
        raise ValueError(f"{place} is no JSON: {error}") from None
    return dict(_of_json(value, place))


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is no UTF-8: {error.reason} at byte {error.start}") from None


def _of_json(value: Any, place: str) -> Iterator[tuple[str, str]]:
    listed = value.get("operations") if isinstance(value, dict) else None
    pairs = [(one.get("id"), one.get("body")) for one in listed] if isinstance(listed, list) else None
    for id, text in pairs if pairs is not None else _items(value, place):
        if not isinstance(id, str) or not isinstance(text, str):
            raise ValueError(f"{place}: {id!r} is no document")
        yield id.removeprefix("sha256:"), text


def _items(value: Any, place: str) -> list[tuple[Any, Any]]:
    if not isinstance(value, dict):
        raise ValueError(f"{place} must hold a JSON object of ids and documents")
    return list(value.items())
