"""Which media type answers a request, by its Accept header (RFC 9110, section 12.5.1)."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

JSON = "application/json"
RESPONSE = "application/graphql-response+json"
SSE = "text/event-stream"
MULTIPART = "multipart/mixed"
HTML = "text/html"

_RESULTS = (JSON, RESPONSE, SSE)
_STREAMS = (SSE, MULTIPART)
_ONLY_BY_NAME = frozenset({SSE, MULTIPART, HTML})
"""Media types that nobody means who writes */*."""


class _Range(NamedTuple):
    media: str
    quality: float
    order: int

    def covers(self, media: str) -> bool:
        if self.media == media:
            return True
        return media not in _ONLY_BY_NAME and self.media in ("*/*", f"{media.partition('/')[0]}/*")


@lru_cache(maxsize=256)
def for_result(accept: str) -> str | None:
    """The media type for a single result; None if the client takes none that there is."""
    return _best(accept, _RESULTS)


@lru_cache(maxsize=256)
def for_stream(accept: str) -> str | None:
    """The media type for a subscription; None if the client names none that can stream."""
    return _best(accept, _STREAMS)


@lru_cache(maxsize=256)
def prefers_page(accept: str) -> bool:
    """Whether a browser asks for a page rather than for data."""
    return _best(accept, (JSON, RESPONSE, HTML)) == HTML


def _best(accept: str, offered: Iterable[str]) -> str | None:
    """The offered type with the greatest quality; among equals the one that the client names first."""
    ranges = list(_ranges(accept)) or [_Range("*/*", 1.0, 0)]
    found: list[tuple[float, int, int, str]] = []
    for preference, media in enumerate(offered):
        if matching := [one for one in ranges if one.covers(media)]:
            chosen = min(matching, key=lambda one: (one.media != media, one.media == "*/*", one.order))
            found.append((-chosen.quality, chosen.order, preference, media))
    acceptable = [one for one in found if one[0] < 0]
    return min(acceptable)[3] if acceptable else None


def _ranges(accept: str) -> Iterator[_Range]:
    for order, part in enumerate(accept[:2000].split(",")):
        media, *parameters = (piece.strip() for piece in part.split(";"))
        if media:
            yield _Range(media.lower(), _quality(parameters), order)


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
