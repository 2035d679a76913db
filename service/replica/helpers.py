"""Making a replica with several processes: each folds its share of the streams into a file of its own, one merges them.

Every process folds sources, parties and agreements, since all others depend on them; what several made alike is taken
from one. Shares follow each other in the order of ids, so that merging adds at the end of the tables.
"""

import contextlib
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import apsw

from service.log.log import Log
from service.replica.world import KINDS

_LOGGER = logging.getLogger("tamga.replica")
_WORTH = 50_000
"""Events for which it is worth the while to start one more process."""
_MOST = 4
"""Processes at most where none are asked for: beyond that, merging takes longer than folding."""
_SAMPLED = 2_000
"""Events by whose streams shares are cut; taken at random, since what goes on at the same time takes turns."""


class Share(NamedTuple):
    """A share of all streams: those whose ids lie between two texts."""

    number: int
    first: str
    """No id is before it."""
    end: str | None
    """Every id is before it; None for the last share."""

    def takes(self, stream: str) -> bool:
        """Whether the stream is in the share."""
        return self.first <= stream and (self.end is None or stream < self.end)


WHOLE = Share(0, "", None)


class Helpers(NamedTuple):
    """Who may help to make a replica."""

    log_url: str
    processes: int = 0
    """How many processes fold, this one included; 0 is as many as there are cores, four at most."""

    def shares(self, log: Log, upto: int) -> list[Share]:
        """Shares of about as many events up to a position: the first for this process, one for each helper."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        count = self.processes or min(cores, _MOST, 1 + upto // _WORTH)
        ends = _ends(log, upto, count) if count > 1 else []
        return [Share(number, *ends) for number, ends in enumerate(zip(["", *ends], [*ends, None], strict=True))]


def _ends(log: Log, upto: int, count: int) -> list[str]:
    """Where to cut all ids so that as many events lie on each side, by a sample of the log."""
    places = Random(0).sample(range(1, upto + 1), min(upto, _SAMPLED))
    sampled = [entry.stream for place in places for entry in log.select_notifications(place, 1, place)]
    ids = sorted(stream for stream in sampled if stream.partition(":")[0] not in KINDS) or [""]
    return [ids[len(ids) * number // count] for number in range(1, count)]


@contextlib.contextmanager
def helping(
    helpers: Helpers, shares: Sequence[Share], building: Path, upto: int
) -> Iterator[Callable[[], Iterator[tuple[Share, Path]]]]:
    """Processes that fold the shares up to a position; what is given waits for each and names its file.

    There is no file of a process that ended before its share was done; the log says why. They end with the block.
    """
    files = [building.with_name(f"{building.name}-{share.number}") for share in shares]
    started = [_start(helpers.log_url, file, share, upto) for file, share in zip(files, shares, strict=True)]

    def done() -> Iterator[tuple[Share, Path]]:
        for share, file, one in zip(shares, files, started, strict=True):
            _, said = one.communicate()
            if one.returncode:
                file.unlink(missing_ok=True)
                words = f"was killed by signal {-one.returncode}" if one.returncode < 0 else "failed"
                _LOGGER.warning(
                    "a process that helped to rebuild %s; its share is folded here: %s", words, said[-2000:]
                )
            yield share, file

    try:
        yield done
    finally:
        for one in started:
            one.kill()
            one.wait()


def _start(url: str, file: Path, share: Share, upto: int) -> "subprocess.Popen[str]":
    line, told = (
        [sys.executable, "-m", "service.replica.helper"],
        {"log": url, "file": str(file), "share": share, "upto": upto},
    )
    started = subprocess.Popen(line, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert started.stdin is not None
    with contextlib.suppress(BrokenPipeError), started.stdin:
        started.stdin.write(json.dumps(told))
    started.stdin = None
    return started


def merge(connection: apsw.Connection, file: Path) -> None:
    """Take the rows of a helper's file into the tables of the connection, but those that are there already."""
    connection.execute("ATTACH ? AS helper", (str(file),))
    tables = [row[0] for row in connection.execute("SELECT name FROM helper.sqlite_master WHERE type = 'table'")]
    with connection:
        for table in tables:
            columns = "rowid, title, body, noun" if table == "search" else "*"
            into = f"main.search ({columns})" if table == "search" else f"main.{table}"
            connection.execute(f"INSERT OR IGNORE INTO {into} SELECT {columns} FROM helper.{table}")
    connection.execute("DETACH helper")
