"""Appending processes: started, read, killed."""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
FOR_EVER: Final = 10_000_000


def start_appender(url: str, name: str, commands: int = FOR_EVER) -> subprocess.Popen[str]:
    """A process that appends `commands` commands and prints each answer."""
    line = [sys.executable, "-m", "tests.support.appender", url, name, str(commands)]
    return subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def first_acknowledged(process: subprocess.Popen[str]) -> set[tuple[str, str, int, int]]:
    """What it was answered first that named positions, once it was: it is at work from then on."""
    assert process.stdout is not None
    for line in process.stdout:
        if found := acknowledged([json.loads(line)]):
            return found
    raise AssertionError(f"it ended with {process.wait()} and recorded nothing")


def answers_of(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """What it printed until it ended; half a line, of a killed one, does not count as an answer."""
    assert process.stdout is not None
    lines = process.stdout.read().splitlines(keepends=True)
    process.stdout.close()
    process.wait()
    return [json.loads(line) for line in lines if line.endswith("\n")]


def acknowledged(answers: Iterable[dict[str, Any]]) -> set[tuple[str, str, int, int]]:
    """Actor, command id, first and last position of each answer that named positions."""
    return {(a["actor"], a["id"], *a["positions"]) for a in answers if "positions" in a}
