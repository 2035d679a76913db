"""An auditor who may read a data folder and write nothing in it: real commands on files in every state."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from eventsourcing.persistence import OperationalError

from service.log import LogNotMigrated, open_log
from service.log.sqlite import SQLiteLog
from tests.support import stores
from tests.support.log_events import event, everything, record
from tests.support.readme import ROOT
from tests.support.service import TAMGA, environment, eventually, serving

WITHOUT_OVERRIDE = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
"""For root, who else would be allowed everything."""


class Evidence(NamedTuple):
    """The data folders of services and copies of one, where nobody may write."""

    home: Path
    live: Path
    """Of a service that runs."""
    killed: Path
    """With the write-ahead log and its index, as a killed process leaves them."""
    unfinished: Path
    """With the write-ahead log alone, as a copy of log and replica may be."""
    at_rest: Path
    """Of a service that ended in order: one file each."""


@pytest.fixture(scope="module")
def evidence() -> Iterator[Evidence]:
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("root may write everywhere, and there is no setpriv to take that from it")
    home = Path(tempfile.mkdtemp(prefix="tamga-evidence-"))
    folders = Evidence(home, *(home / name for name in Evidence._fields[1:]))
    try:
        yield from _gathered(folders)
    finally:
        for place, _, _ in os.walk(home):
            os.chmod(place, 0o755)
        shutil.rmtree(home)


def _gathered(folders: Evidence) -> Iterator[Evidence]:
    with serving(folders.live) as service:
        eventually(lambda: (folders.live / "last-checkpoint").exists())
        position = service.record_party("in-the-write-ahead-log")
        eventually(lambda: f"\n{position}\n" in (folders.live / "last-checkpoint").read_text())
        shutil.copytree(folders.live, folders.killed)
        shutil.copytree(folders.live, folders.unfinished, ignore=shutil.ignore_patterns("*-shm", "*-lock"))
        with serving(folders.at_rest):
            pass
        _lock(folders)
        yield folders


def _lock(folders: Evidence) -> None:
    for folder in folders[1:]:
        for place, _, files in os.walk(folder):
            os.chmod(place, 0o555)
            for name in files:
                if not name.endswith(".key"):
                    os.chmod(Path(place) / name, 0o444)


def _as_reader(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """One command by somebody who may write nothing there."""
    line = [*(WITHOUT_OVERRIDE if os.geteuid() == 0 else ()), *TAMGA, *arguments]
    return subprocess.run(line, env=environment(folder), cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("state", Evidence._fields[1:])
def test_whoever_may_only_read_verifies_the_log_in_whatever_state_it_is(evidence: Evidence, state: str) -> None:
    done = _as_reader(getattr(evidence, state), "audit", "verify")
    assert (done.returncode, "are as they were signed" in done.stdout) == (0, True), done.stderr


@pytest.mark.parametrize("state", Evidence._fields[1:])
def test_whoever_may_only_read_replays_the_log_and_compares_the_replica(evidence: Evidence, state: str) -> None:
    done = _as_reader(getattr(evidence, state), "replay")
    assert (done.returncode, "The replica says the same" in done.stdout) == (0, True), done.stderr


def test_what_is_in_the_write_ahead_log_alone_is_read(evidence: Evidence) -> None:
    done = _as_reader(evidence.unfinished, "events", "--id", "party:in-the-write-ahead-log")
    assert "party:in-the-write-ahead-log@1" in done.stdout, done.stderr


def test_whoever_may_only_read_exports_proves_and_reports_to_another_folder(evidence: Evidence) -> None:
    with tempfile.TemporaryDirectory() as out:
        for command in (
            ["audit", "export", f"{out}/kept"],
            ["audit", "proof", "112", "-o", f"{out}/112.tlog-proof"],
            ["audit", "report", "--html", f"{out}/report.html"],
            ["replica", "save", f"{out}/replica"],
        ):
            done = _as_reader(evidence.unfinished, *command)
            assert done.returncode == 0, done.stderr
        assert {"kept", "112.tlog-proof", "report.html", "replica"} <= set(os.listdir(out))


@pytest.mark.parametrize("command", [["rebuild"], ["audit", "keys", "--rotate"], ["serve"]])
def test_what_would_write_is_refused_in_words(evidence: Evidence, command: list[str]) -> None:
    done = _as_reader(evidence.at_rest, *command)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert str(evidence.at_rest) in done.stderr


def test_reading_leaves_every_byte_and_every_name_as_it_was(tmp_path: Path) -> None:
    log = SQLiteLog(tmp_path / "log.db")
    record(log, event("a"))
    log.close()
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    reader = SQLiteLog(tmp_path / "log.db", reading=True)
    assert len(everything(reader)) == 1
    reader.close()
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


def test_a_reader_sees_what_is_appended_while_it_reads_and_appends_nothing(tmp_path: Path) -> None:
    log = SQLiteLog(tmp_path / "log.db")
    reader = SQLiteLog(tmp_path / "log.db", reading=True)
    record(log, event("a"))
    assert reader.wait(0, 30)
    with pytest.raises(OperationalError, match="for reading alone"):
        record(reader, event("b"))
    assert log.head().position == 1
    reader.close()
    log.close()


def test_a_log_that_is_not_there_is_not_made_by_reading(tmp_path: Path) -> None:
    with pytest.raises(OperationalError):
        open_log(f"sqlite:///{tmp_path}/none/log.db", reading=True)
    assert list(tmp_path.iterdir()) == []


def test_a_database_without_tables_is_not_migrated_by_reading() -> None:
    with stores.postgres_database() as url:
        for _ in range(2):
            with pytest.raises(LogNotMigrated):
                open_log(url, reading=True)
