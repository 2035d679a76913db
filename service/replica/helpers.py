"""Making a replica with several processes: each folds its share of the streams into a file of its own, one merges them.

Every process folds sources, parties and agreements, since all others depend on them; what several made alike is taken
from one.
"""

import contextlib
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import apsw

_WORTH = 50_000
"""Events for which it is worth the while to start one more process."""
_MOST = 4
"""Processes at most where none are asked for: beyond that, merging takes longer than folding."""


class HelperFailed(RuntimeError):
    """A process that helped has ended before its share was done; says what it said."""


class Share(NamedTuple):
    """One of equal shares of all streams."""

    number: int
    of: int

    def takes(self, stream: str) -> bool:
        """Whether the stream is in the share."""
        return zlib.crc32(stream.encode()) % self.of == self.number


WHOLE = Share(0, 1)


class Helpers(NamedTuple):
    """Who may help to make a replica."""

    log_url: str
    processes: int = 0
    """How many processes fold, this one included; 0 is as many as there are cores, four at most."""

    def shares(self, events: int) -> list[Share]:
        """The shares for so many events: the first for this process, each of the others for a helper."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        count = self.processes or min(cores, _MOST, 1 + events // _WORTH)
        return [Share(number, count) for number in range(count)]


@contextlib.contextmanager
def helping(helpers: Helpers, shares: Sequence[Share], building: Path, upto: int) -> Iterator[Callable[[], list[Path]]]:
    """Processes that fold the shares up to a position; what is given waits for them and names their files.

    They end with the block.
    """
    files = [building.with_name(f"{building.name}-{share.number}") for share in shares]
    started = [_start(helpers.log_url, file, share, upto) for file, share in zip(files, shares, strict=True)]

    def done() -> list[Path]:
        for one in started:
            _, said = one.communicate()
            if one.returncode:
                raise HelperFailed(f"a process that folds ended with {one.returncode}: {said[-2000:]}")
        return files

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
    started.stdin.write(json.dumps(told))
    started.stdin.close()
    started.stdin = None
    return started


def merge(connection: apsw.Connection, file: Path) -> None:
    """Take the rows of a helper's file into the tables of the connection, but those that are there already."""
    connection.execute("ATTACH ? AS helper", (str(file),))
    tables = [row[0] for row in connection.execute("SELECT name FROM helper.sqlite_master WHERE type = 'table'")]
    with connection:
        for table in tables:
            columns = "rowid, title, body" if table == "search" else "*"
            into = f"main.search ({columns})" if table == "search" else f"main.{table}"
            connection.execute(f"INSERT OR IGNORE INTO {into} SELECT {columns} FROM helper.{table}")
    connection.execute("DETACH helper")
