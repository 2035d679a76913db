"""A process that appends to a log as fast as it can, with conflicts, repeats and mismatched requests among it.

Each answer is one JSON line on standard output, flushed before the next command is sent: what a killed process had
been told is what its reader has. Run as `python -m tests.support.appender URL NAME COMMANDS`.
"""

import json
import random
import sys

from service.log import AlreadyRecorded, Command, CommandMismatch, Log, VersionConflict, open_log
from tests.support.log_events import event

SHARED = ("shared:1", "shared:2", "shared:3")


class Appender:
    """One client: knows how far it believes the streams to be, and what it was answered."""

    def __init__(self, log: Log, name: str) -> None:
        self._log = log
        self._name = name
        self._chance = random.Random(name)
        self._versions: dict[str, int] = {}
        self._sent: list[Command] = []

    def step(self, number: int) -> dict[str, object]:
        """Send one command, new or again or spoilt; the answer as plain values."""
        chance = self._chance.random()
        if self._sent and chance < 0.1:
            return self._send(self._chance.choice(self._sent))
        if self._sent and chance < 0.15:
            known = self._chance.choice(self._sent)
            return self._send(Command(known.id, "another request", known.actor, known.events))
        return self._send(self._new(number))

    def _new(self, number: int) -> Command:
        streams = {self._chance.choice((*SHARED, f"own:{self._name}")) for _ in range(self._chance.randint(1, 3))}
        events = [
            event(stream, self._versions.get(stream, 0) + step)
            for stream in sorted(streams)
            for step in range(1, self._chance.randint(1, 3) + 1)
        ]
        return Command(f"{self._name}-{number}", f"request {number}", self._name, events)

    def _send(self, command: Command) -> dict[str, object]:
        [outcome] = self._log.append([command])
        match outcome:
            case VersionConflict():
                self._versions[outcome.stream] = outcome.current
                return {"outcome": "conflict"}
            case CommandMismatch():
                return {"outcome": "mismatch"}
            case AlreadyRecorded():
                return self._recorded("already", command, outcome.positions)
            case range():
                self._versions |= {str(e.originator_id): e.originator_version for e in command.events}
                self._sent.append(command)
                return self._recorded("recorded", command, outcome)

    def _recorded(self, outcome: str, command: Command, positions: range) -> dict[str, object]:
        return {
            "outcome": outcome,
            "actor": command.actor,
            "id": command.id,
            "positions": [positions[0], positions[-1]],
        }


def main() -> None:
    """Append the number of commands asked for, or until killed."""
    url, name, commands = sys.argv[1:]
    log = open_log(url)
    appender = Appender(log, name)
    for number in range(int(commands)):
        print(json.dumps(appender.step(number)), flush=True)
    log.close()


if __name__ == "__main__":
    main()
