"""Old replica files: removed when nobody follows them, all but the latest."""

import fcntl
import os
from pathlib import Path

import pytest

from service.replica.leftovers import remove_leftovers


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four replicas of other rules, from the oldest, a to d, and the one in use."""
    for age, name in enumerate("dcba"):
        for part in (".db", ".db-wal", ".db-shm", ".db.lock", ".attempts", "-rebuild-0.attempts"):
            (tmp_path / f"replica-{name}{part}").touch()
        os.utime(tmp_path / f"replica-{name}.db", (1_000 - age, 1_000 - age))
    (tmp_path / "replica-now.db").touch()
    (tmp_path / "log.db").touch()
    return tmp_path


def test_the_latest_of_the_others_is_kept_and_the_rest_goes_with_all_its_parts(folder: Path) -> None:
    removed = remove_leftovers(folder / "replica-now.db")
    assert [path.name for path in removed] == ["replica-c.db", "replica-b.db", "replica-a.db"]
    left = sorted(path.name for path in folder.iterdir() if not path.name.startswith("replica-d"))
    assert left == ["log.db", "replica-now.db"]


def test_one_that_a_process_follows_is_kept(folder: Path) -> None:
    with open(folder / "replica-b.db.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        removed = remove_leftovers(folder / "replica-now.db")
    assert [path.name for path in removed] == ["replica-c.db", "replica-a.db"]
