"""Several processes append at once, some are killed: no gap, no repeat, nothing lost that was answered."""

import random
import time
from collections import Counter

import pytest

from service.log import Log
from tests.support.log_events import assert_acknowledged, assert_sound, everything
from tests.support.processes import acknowledged, answers_of, first_acknowledged, start_appender


def run_together(url: str, processes: int, commands: int) -> list[dict[str, object]]:
    """What all the processes were answered."""
    running = [start_appender(url, f"client{number}", commands) for number in range(processes)]
    answers = [answer for process in running for answer in answers_of(process)]
    assert {process.returncode for process in running} == {0}
    return answers


def kill_in_turn(log: Log, url: str, rounds: int) -> None:
    """Two processes append, one is killed at a random time; what both were answered must be there, each time."""
    told = set()
    for number in range(rounds):
        killed, other = start_appender(url, f"killed{number}"), start_appender(url, f"other{number}")
        told |= first_acknowledged(killed) | first_acknowledged(other)
        time.sleep(random.uniform(0, 0.15))
        killed.kill()
        time.sleep(random.uniform(0, 0.1))
        other.kill()
        told |= acknowledged([*answers_of(killed), *answers_of(other)])
    assert len(told) >= 2 * rounds
    assert_sound(everything(log))
    assert_acknowledged(log, told)


def test_eight_processes_leave_no_gap_and_no_repeat(log: Log, database_url: str) -> None:
    answers = run_together(database_url, processes=8, commands=60)
    outcomes = Counter(str(answer["outcome"]) for answer in answers)
    assert set(outcomes) == {"recorded", "already", "mismatch", "conflict"}
    assert outcomes.total() == 8 * 60
    entries = everything(log)
    assert_sound(entries)
    assert_acknowledged(log, acknowledged(answers))
    assert len({entry.command_id for entry in entries}) == outcomes["recorded"]


@pytest.mark.fault
def test_a_killed_writer_loses_nothing_that_was_answered(log: Log, database_url: str) -> None:
    kill_in_turn(log, database_url, rounds=2)


@pytest.mark.soak
def test_eight_processes_for_longer(log: Log, database_url: str) -> None:
    answers = run_together(database_url, processes=8, commands=1_500)
    assert_sound(everything(log))
    assert_acknowledged(log, acknowledged(answers))


@pytest.mark.soak
@pytest.mark.fault
def test_fifty_killed_writers(log: Log, database_url: str) -> None:
    kill_in_turn(log, database_url, rounds=50)
