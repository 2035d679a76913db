"""`tamga events --follow`: the same stream on the command line, from a position or a cursor, until it is ended."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from domain.catalogue import read_fact
from service.cli import main
from service.log import Log, open_log
from service.registry import Registry
from service.streaming import whole
from service.streaming.place import cursor_text
from tests.support.examples import Json, bare, opened_world
from tests.support.processes import ROOT

WORLD = len(opened_world())


@pytest.fixture
def log(tmp_path: Path) -> Log:
    opened = open_log(f"sqlite:///{tmp_path}/log.db")
    record(opened, *opened_world())
    return opened


def record(log: Log, *facts: Json) -> None:
    Registry(log).record([read_fact(fact) for fact in facts], actor="key:test")


def follow(folder: Path, *options: str) -> subprocess.Popen[str]:
    line = [sys.executable, "-c", "from service.cli import main; main()", "events", "--follow", "--json", *options]
    environment = {**os.environ, "TAMGA_DATA_DIR": str(folder), "TAMGA_DATABASE_URL": ""}
    return subprocess.Popen(line, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def test_it_goes_on_behind_a_cursor_of_a_stream_and_then_with_what_is_recorded(tmp_path: Path, log: Log) -> None:
    with follow(tmp_path, "--after", cursor_text(log.record_id, whole(WORLD - 1))) as process:
        assert process.stdout is not None
        told = [json.loads(process.stdout.readline())["position"]]
        for number in range(3):
            record(log, bare("DealAnnounced", f"deal:later-{number}", title="Later"))
            told.append(json.loads(process.stdout.readline())["position"])
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    assert told == [WORLD, WORLD + 1, WORLD + 2, WORLD + 3]
    log.close()


def test_a_cursor_of_new_deals_gives_its_event_first_as_the_stream_of_events_does(tmp_path: Path, log: Log) -> None:
    between = cursor_text(log.record_id, (WORLD, "deal:any", 0))
    with follow(tmp_path, "--after", between, "--limit", "1") as process:
        assert process.stdout is not None
        assert [json.loads(line)["position"] for line in process.stdout] == [WORLD]
    log.close()


def test_it_filters_and_ends_after_as_many_as_are_wanted(tmp_path: Path, log: Log) -> None:
    with follow(tmp_path, "--type", "DealAnnounced", "--limit", "2") as process:
        assert process.stdout is not None
        assert {json.loads(line)["event"] for line in process.stdout} == {"DealAnnounced"}
    log.close()


@pytest.mark.parametrize("after", ["nonsense", "999", "a53cac19c36f0df6.1.5B227E222C305D"])
def test_what_is_no_place_in_this_record_is_said(
    tmp_path: Path, log: Log, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAMGA_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("TAMGA_DATABASE_URL", raising=False)
    answer = CliRunner().invoke(main, ["events", "--follow", "--after", after])
    assert answer.exit_code == 2
    assert "--after" in answer.output
    log.close()
