"""Building a replica from the whole log beside the one that serves, and swapping it in.

What others depend on is folded in the order of the log; every other stream then in one go, in order of ids: no stream
is met again, however its events lie in the log, and rows are written at the end of their tables.
"""

import contextlib
import gc
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import apsw

from service.log.log import Log
from service.replica.attempts import Attempts
from service.replica.helpers import WHOLE, Helpers, Share, helping, merge
from service.replica.projector import Projector
from service.replica.swap import hand_over
from service.replica.tables import ddl, is_index

Progress = Callable[[int, int], None]
"""Called with how much is done, as if it were a position, and the head."""

_BATCH = 5_000
_STREAMS = 50
"""Streams that are folded in one transaction: few, so that what is made of them is written while caches hold it."""
_SHOWN = 5
"""One part in so many of the work is done when all that others depend on is folded; for the progress alone."""


def rebuild(log: Log, path: Path, progress: Progress | None = None, helpers: Helpers | None = None) -> int:
    """Fold the whole log into a new file and have it take the place of the old one; gives its position.

    A server that follows the same log goes on with the new file. Raises what the log raises, or NotTaken if that
    server does not answer; then the old file stays.
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
    own, *others = helpers.shares(log, head) if helpers else [WHOLE]
    with (
        helping(helpers, others, path, head) if helpers else contextlib.nullcontext(tuple) as done,
        closing(_unsafe(path)) as connection,
    ):
        _run(connection, [statement for statement in ddl() if not is_index(statement)])
        fold_all(log, connection, progress, head, own, path)
        for share, file in done():
            if not file.exists():
                fold_share(log, file, share, head, progress and (lambda done, whole: progress(head, head)))
            merge(connection, file)
        connection.execute(f"PRAGMA threads = {len(others)}")
        _run(connection, [statement for statement in ddl() if is_index(statement)])
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return head


def fold_share(log: Log, path: Path, share: Share, upto: int, progress: Progress | None) -> None:
    """Fold a share of the streams into a new file that lacks what is made at the end: indexes, full text."""
    with closing(_unsafe(path)) as connection:
        plain = [one for one in ddl() if not is_index(one) and "CREATE VIRTUAL" not in one]
        _run(connection, [*plain, "CREATE TABLE search (title TEXT, body TEXT, noun TEXT)"])
        fold_all(log, connection, progress, upto, share, path)


def _unsafe(path: Path) -> apsw.Connection:
    """A file that is worth nothing unless it is finished."""
    connection = apsw.Connection(str(path))
    for statement in ("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "PRAGMA cache_size = -64000"):
        connection.execute(statement)
    return connection


def _run(connection: apsw.Connection, statements: list[str]) -> None:
    with connection:
        for statement in statements:
            connection.execute(statement)


def fold_all(
    log: Log,
    connection: apsw.Connection,
    progress: Progress | None = None,
    upto: int | None = None,
    share: Share = WHOLE,
    building: Path | None = None,
) -> None:
    """Fold the log, or a share of it, into empty tables, up to a position or to the head of this moment.

    Beside the file that is built lie notes of what a process died of; the next that folds the same share finds them.
    """
    projector, head = Projector(connection), log.head().position if upto is None else upto
    notes = None if building is None else building.with_name(f"{building.stem}-rebuild-{share.number}.db")
    streams = None if notes is None else notes.with_stem(f"{notes.stem}-streams")
    tell = progress or (lambda done, whole: None)
    with _no_collection():
        with Attempts(notes, _BATCH).until_done() as attempts:
            left = 0
            for position, events in _take_shown(log, projector, share, head, attempts):
                left += events
                tell(position // _SHOWN, head)
        with Attempts(streams, None).until_done() as attempts:
            for done in _fold_streams(projector, attempts):
                tell((head + head * (_SHOWN - 1) * done // left) // _SHOWN, head)
    tell(head, head)


def _take_shown(
    log: Log, projector: Projector, share: Share, head: int, attempts: Attempts
) -> Iterator[tuple[int, int]]:
    """Fold what others depend on; gives each position reached, and how many events were left for the other streams."""
    position = 0
    while entries := log.select_notifications(position + 1, attempts.size(position + 1), head):
        with attempts.begun(position + 1):
            left = projector.take_shown(entries, attempts.given_up, share.takes)
        position = entries[-1].position
        yield position, left


def _fold_streams(projector: Projector, attempts: Attempts) -> Iterator[int]:
    """Fold the other streams; gives how many of their events are folded."""
    done, streams = 0, projector.left()
    while batch := list(islice(streams, _STREAMS)):
        first, events = batch[0][1][0].position, sum(len(agenda) for _, agenda in batch)
        with attempts.begun(first):
            projector.fold_streams(batch, attempts.given_up)
        done += events
        yield done


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
