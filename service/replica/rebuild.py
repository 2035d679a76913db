"""Building a replica from the whole log beside the one that serves, and swapping it in."""

import contextlib
import gc
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import apsw

from service.log.log import Log
from service.replica.attempts import Attempts
from service.replica.helpers import WHOLE, Helpers, Share, helping, merge
from service.replica.projector import Projector
from service.replica.store import position_of
from service.replica.swap import hand_over
from service.replica.tables import ddl, is_index

Progress = Callable[[int, int], None]
"""Called with the position reached and the head."""

_BATCH = 5_000


def rebuild(log: Log, path: Path, progress: Progress | None = None, helpers: Helpers | None = None) -> int:
    """Fold the whole log into a new file and have it take the place of the old one; gives its position.

    A server that follows the same log goes on with the new file. Raises what the log raises, or NotTaken if that
    server does not answer, or HelperFailed; then the old file stays.
    """
    with built(log, path, progress, helpers) as (finished, position):
        hand_over(finished, path)
    return position


@contextlib.contextmanager
def built(
    log: Log, path: Path, progress: Progress | None = None, helpers: Helpers | None = None
) -> Iterator[tuple[Path, int]]:
    """A new file beside `path` with the whole log folded, and its position; gone at the end of the block, or moved."""
    _clear(path)
    building = path.with_suffix(f".building-{os.getpid()}")
    try:
        yield building, _build(log, building, progress, helpers)
    finally:
        _clear(path)


def _clear(path: Path) -> None:
    """Remove what this process, or one that died, left of a build."""
    for file in path.parent.glob(f"{path.stem}.building-*"):
        pid = file.suffix.removeprefix(".building-").partition("-")[0]
        if pid == str(os.getpid()) or not Path(f"/proc/{pid}").exists():
            file.unlink(missing_ok=True)


def _build(log: Log, path: Path, progress: Progress | None, helpers: Helpers | None) -> int:
    head = log.head().position
    shares = helpers.shares(head) if helpers else [WHOLE]
    with (
        helping(helpers, shares[1:], path, head) if helpers else contextlib.nullcontext(list) as done,
        closing(_unsafe(path)) as connection,
    ):
        _run(connection, [statement for statement in ddl() if not is_index(statement)])
        fold_all(log, connection, progress, head, _attempts(path, shares[0]), shares[0])
        for file in done():
            merge(connection, file)
        _run(connection, [statement for statement in ddl() if is_index(statement)])
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return head


def fold_share(log: Log, path: Path, share: Share, upto: int, progress: Progress) -> None:
    """Fold a share of the streams into a new file that lacks what is made at the end: indexes, full text."""
    with closing(_unsafe(path)) as connection:
        plain = [one for one in ddl() if not is_index(one) and "CREATE VIRTUAL" not in one]
        _run(connection, [*plain, "CREATE TABLE search (title TEXT, body TEXT)"])
        fold_all(log, connection, progress, upto, _attempts(path, share), share)


def _unsafe(path: Path) -> apsw.Connection:
    """A file that is worth nothing unless it is finished."""
    connection = apsw.Connection(str(path))
    for statement in ("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "PRAGMA cache_size = -64000"):
        connection.execute(statement)
    return connection


def _attempts(building: Path, share: Share) -> Attempts:
    """The notes of the process that folds the share; those of one that died are found by the next."""
    return Attempts(building.with_name(f"{building.stem}-rebuild-{share.number}.db"), _BATCH)


def _run(connection: apsw.Connection, statements: list[str]) -> None:
    with connection:
        for statement in statements:
            connection.execute(statement)


def fold_all(
    log: Log,
    connection: apsw.Connection,
    progress: Progress | None = None,
    upto: int | None = None,
    attempts: Attempts | None = None,
    share: Share = WHOLE,
) -> None:
    """Fold the log into the tables from where they are, up to a position, or to the head of this moment."""
    projector, position = Projector(connection, share.takes), position_of(connection)
    head = log.head().position if upto is None else upto
    attempts = attempts or Attempts(None, _BATCH)
    with _no_collection():
        while position < head:
            position, _ = step(log, projector, attempts, position, upto)
            if progress is not None:
                progress(position, head)


def step(
    log: Log, projector: Projector, attempts: Attempts, position: int, upto: int | None = None
) -> tuple[int, bool]:
    """Fold one batch beyond a position; gives the position then, and whether there was anything to fold."""
    entries = log.select_notifications(position + 1, attempts.size(position + 1), upto)
    if not entries:
        return position, False
    with _no_collection(), attempts.begun(position + 1):
        projector.apply(entries, attempts.given_up)
    return entries[-1].position, True


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Leave cyclic garbage alone meanwhile: a fold makes none, and looking for it takes a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
