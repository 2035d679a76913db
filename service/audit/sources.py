"""What claims to be the sealed log, and can be checked: an export, a live log, or an address on the web.

A source only hands out what it holds; nothing here judges it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from eventsourcing.persistence import PersistenceError

from service.audit.files import read_if_there
from service.audit.keys import PUBLIC_FILE
from service.audit.note import VerifierKey
from service.audit.sealer import CHECKPOINT, LAST, TILES
from service.audit.tiles import MAX_ENTRY, WIDTH, HashFiles, IncompleteTiles, TileName, unpack_entries
from service.log import Entry, Log
from service.log.codec import entry_json

_TIMEOUT = 30.0
_LARGEST = WIDTH * (MAX_ENTRY + 2)
"""Bytes of the largest file of a log: a bundle of the longest entries."""


class Damage(Exception):
    """Something is not as it was sealed: what, and the first position that it concerns, if that is known."""

    def __init__(self, position: int | None, problem: str) -> None:
        super().__init__(problem)
        self.position = position
        self.problem = problem


class SourceUnreadable(RuntimeError):
    """The source cannot be reached, or is no log at all."""


class Source(Protocol):
    """A sealed log as its holder shows it."""

    name: str
    has_tiles: bool

    def checkpoint(self) -> bytes | None:
        """The signed checkpoint, if there is one."""

    def verifiers(self) -> list[VerifierKey]:
        """The public keys that the source says are its own. They prove nothing unless known from elsewhere."""

    def entries(self, start: int, count: int) -> list[bytes]:
        """The entries from index `start`, a multiple of 256, on; at most 256. Raises Damage."""

    def tile(self, name: TileName) -> bytes | None:
        """A tile of hashes, if it is there."""


class _Files:
    """A log in the layout of tlog-tiles, wherever its files are."""

    has_tiles = True

    def __init__(self, name: str, read: Callable[[str], bytes | None]) -> None:
        self.name = name
        self._read = read

    def checkpoint(self) -> bytes | None:
        return self._read(CHECKPOINT)

    def verifiers(self) -> list[VerifierKey]:
        try:
            return [VerifierKey.parse(line) for line in (self._read(PUBLIC_FILE) or b"").decode().splitlines()]
        except ValueError as error:
            raise SourceUnreadable(f"{self.name}/{PUBLIC_FILE}: {error}") from None

    def entries(self, start: int, count: int) -> list[bytes]:
        name = TileName(None, start // WIDTH, count)
        data = self._read(name.path)
        if data is None:
            raise Damage(start + 1, f"{name.path} is missing")
        try:
            entries = unpack_entries(data)
        except ValueError as error:
            raise Damage(start + 1, f"{name.path}: {error}") from None
        if len(entries) < count:
            raise Damage(start + len(entries) + 1, f"{name.path} ends before position {start + len(entries) + 1}")
        if len(entries) > count:
            raise Damage(start + count + 1, f"{name.path} holds more than its {count} entries")
        return entries

    def tile(self, name: TileName) -> bytes | None:
        return self._read(name.path)


def folder_source(directory: Path) -> Source:
    """An export."""
    if not directory.is_dir():
        raise SourceUnreadable(f"there is no folder {directory}")
    return _Files(str(directory), lambda path: read_if_there(directory / path))


@contextmanager
def web_source(url: str) -> Iterator[Source]:
    """A log that is served over HTTP, such as `http://127.0.0.1:8000/log`; raises SourceUnreadable."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SourceUnreadable(f"not an address of a log: {url}")
    if "@" in parts.netloc:
        raise SourceUnreadable("an address of a log names no user and no password: they are not sent")
    connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = connect(parts.hostname, parts.port, timeout=_TIMEOUT)
    try:
        yield _Files(url, lambda path: _get(connection, url, f"{parts.path.rstrip('/')}/{path}"))
    finally:
        connection.close()


def _get(connection: HTTPConnection, url: str, path: str) -> bytes | None:
    try:
        try:
            connection.request("GET", path)
            response = connection.getresponse()
        except (HTTPException, ConnectionError):  # a kept connection that the server has closed meanwhile
            connection.close()
            connection.request("GET", path)
            response = connection.getresponse()
        body = response.read(_LARGEST + 1)
    except (HTTPException, OSError) as error:
        raise SourceUnreadable(f"{url}: {error}") from None
    if len(body) > _LARGEST:
        raise SourceUnreadable(f"{url}: {path} is larger than any file of a log")
    if response.status not in (200, 404):
        raise SourceUnreadable(f"{url}: {path} answers {response.status}")
    return body if response.status == 200 else None


class LogSource:
    """A live log, with the tiles and the last checkpoint of a data folder, if one is given."""

    def __init__(self, log: Log, data_dir: Path | None, keys: list[VerifierKey]) -> None:
        self.name = "the log"
        self.has_tiles = data_dir is not None and (data_dir / TILES / "level-0").exists()
        self._log, self._keys = log, keys
        self._folder = data_dir / TILES if data_dir else None
        self._hashes = HashFiles(self._folder) if self._folder else None
        self.served = read_if_there(self._folder / CHECKPOINT) if self._folder else None
        """The checkpoint that the folder served when it was opened: never newer than the last one signed."""

    def checkpoint(self) -> bytes | None:
        return read_if_there(self._folder.parent / LAST) or self.served if self._folder else None

    def verifiers(self) -> list[VerifierKey]:
        return self._keys

    def entries(self, start: int, count: int) -> list[bytes]:
        try:
            entries = self._log.select_notifications(start + 1, count, start + count)
            page = [_entry(entry, position) for position, entry in enumerate(entries, start + 1)]
        except Damage:
            raise
        except Exception:
            return [self._single(position) for position in range(start + 1, start + count + 1)]
        if len(page) < count:
            raise _missing(start + len(page) + 1)
        return page

    def tile(self, name: TileName) -> bytes | None:
        try:
            return self._hashes.tile(name) if self._hashes else None
        except IncompleteTiles:
            return None

    def head(self) -> int:
        """The newest position of the log, sealed or not."""
        return self._log.head().position

    def _single(self, position: int) -> bytes:
        """One entry, after a page could not be read: the first that fails is the culprit."""
        try:
            entries = self._log.select_notifications(position, 1, position)
            if not entries:
                raise _missing(position)
            return _entry(entries[0], position)
        except Damage:
            raise
        except Exception as error:
            self._check_reachable()
            raise Damage(position, f"position {position} cannot be read: {error}") from error

    def _check_reachable(self) -> None:
        try:
            self._log.head()
        except PersistenceError as error:
            raise SourceUnreadable(f"{self.name}: {error}") from None


def _entry(entry: Entry, position: int) -> bytes:
    if entry.position < position:
        raise Damage(entry.position, f"position {entry.position} stands in the log more than once")
    if entry.position > position:
        raise _missing(position)
    return entry_json(entry)


def _missing(position: int) -> Damage:
    return Damage(position, f"position {position} is missing from the log")
