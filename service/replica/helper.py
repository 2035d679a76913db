"""The process that helps to make a replica: reads from standard input what to fold, and ends when it has."""

import json
import os
import sys
from contextlib import closing
from pathlib import Path

from service.log import open_log
from service.replica.helpers import Share
from service.replica.rebuild import fold_share


def _help(log: str, file: str, share: tuple[int, str, str | None], upto: int) -> None:
    parent = os.getppid()

    def unless_alone(*_: int) -> None:
        if os.getppid() != parent:
            raise SystemExit("whoever asked for help is gone")

    with closing(open_log(log, reading=True)) as opened:
        fold_share(opened, Path(file), Share(*share), upto, unless_alone)


if __name__ == "__main__":
    _help(**json.load(sys.stdin))
