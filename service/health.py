"""Whether this node lives and whether it should be sent requests, with the reasons. It measures and mends nothing."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import apsw
from eventsourcing.persistence import PersistenceError

from service.log import LogRewound
from service.node import Node

_EVERY = 0.5
_MOST_SEEN = 1000
_HELD_BACK = "SELECT stream, position, reason FROM main.held_back ORDER BY stream"
_LOGGER = logging.getLogger("tamga.health")


class Lag:
    """For how long heads of the log that were seen have not been reached."""

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self._seen: deque[tuple[int, float]] = deque()
        self._alone = threading.Lock()

    def see(self, head: int, now: float) -> None:
        """The log's head was at this position."""
        with self._alone:
            if len(self._seen) < _MOST_SEEN and (not self._seen or self._seen[-1][0] < head):
                self._seen.append((head, now))

    def seconds(self, position: int, now: float) -> float:
        """How long ago a head beyond the position was first seen; 0 if none was."""
        with self._alone:
            while self._seen and self._seen[0][0] <= position:
                self._seen.popleft()
            return now - self._seen[0][1] if self._seen else 0.0


class HeldBack(NamedTuple):
    """A stream that is set aside: nothing of it is read from a position on, and why."""

    stream: str
    position: int
    reason: str

    def __str__(self) -> str:
        """It in one line."""
        return f"{self.stream} from position {self.position:,} on ({self.reason})"


class Health:
    """What is known of a node's state. A thread looks at the log's true head twice a second or more."""

    def __init__(self, node: Node) -> None:
        """Take the node; `watch` begins to look."""
        self._node = node
        self._lag, self._unsealed = Lag(), Lag()
        self._head = 0
        self._cut = ""
        self._unready = False
        self._held: set[HeldBack] = set()
        self._looking = threading.Lock()
        self._looked: float | None = None
        self._began = time.monotonic()
        self._building = (0, 0)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="tamga-health", daemon=True)
        self.on_look: list[Callable[[], None]] = []
        """Called after each look."""
        self.started = False
        """Whether the node has caught up since it started."""
        self.draining = False
        """Whether the node is ending its work."""

    def watch(self) -> None:
        """Begin to look at the log's head."""
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def progress(self, done: int, whole: int) -> None:
        """How far the building of the replica has come."""
        self._building = (done, whole)

    @property
    def readable(self) -> bool:
        """Whether there is a replica to read."""
        return self.started or self._node.replica.path.exists()

    @property
    def head(self) -> int:
        """The newest position of the log, when it was last looked at."""
        return max(self._head, self.position)

    @property
    def position(self) -> int:
        """The newest position that reads see; 0 while there is no replica."""
        try:
            return self._node.replica.position if self.readable else 0
        except apsw.Error:
            return 0

    @property
    def lag_seconds(self) -> float:
        """For how long the replica has been behind the log."""
        return self._lag.seconds(self.position, time.monotonic())

    def sealed(self) -> int:
        """The newest position that a signed checkpoint covers."""
        return self._node.audit.size()

    def held_back(self) -> list[HeldBack]:
        """The streams that are set aside because an event of theirs cannot be read; none if the replica cannot."""
        return self._set_aside()[0]

    def _set_aside(self) -> tuple[list[HeldBack], list[str]]:
        """The streams that are set aside, and why the replica cannot be read if it cannot."""
        if not self.readable:
            return [], []
        try:
            with self._node.replica.read() as connection:
                rows = connection.execute(_HELD_BACK).fetchall()
        except apsw.Error as error:
            return [], [f"the replica cannot be read: {error}"]
        return [HeldBack(str(stream), int(position or 0), str(why)) for stream, position, why in rows], []

    def reasons(self) -> list[str]:
        """Why this node should get no requests; empty if it should."""
        found = ["draining: this node is shutting down"] if self.draining else []
        if not self.started:
            done, whole = self._building
            found.append(f"catching up with the log: {done:,} of {whole:,} events" if whole else "starting")
        return [*found, *self._set_aside()[1], *self._cut_off(), *self._stalled()]

    def _cut_off(self) -> list[str]:
        return [self._cut] if self.started and self._cut else []

    def _stalled(self) -> list[str]:
        patience, now = self._node.settings.stall_seconds, time.monotonic()
        silent = now - (self._looked or self._began)
        if silent > patience:
            return [f"the log has not answered for {silent:.0f} seconds"]
        if self.started and self.lag_seconds > patience:
            why = self._node.follower.error
            behind = f"the replica is at {self.position:,} of {self._head:,} events for {self.lag_seconds:.0f} seconds"
            return [f"{behind}: {why}" if why else behind]
        return []

    def report(self) -> dict[str, Any]:
        """What both questions answer beside their reasons."""
        return {
            "record_id": self._node.log.record_id,
            "rules": self._node.replica.rules,
            "position": self.position,
            "head": self.head,
            "lag_seconds": round(self.lag_seconds, 3),
            "follows": self._node.replica.follows,
            "warnings": self.warnings(),
        }

    def warnings(self) -> list[str]:
        """What somebody should see to, though this node goes on answering."""
        held, unsealed, unrecorded = self.held_back(), self._not_sealed(), self._node.log.stats().fault
        return [
            *([f"{len(held)} held back: {'; '.join(map(str, held[:5]))}"] if held else []),
            *([f"the latest commands were not recorded: {unrecorded}"] if unrecorded else []),
            *([unsealed] if unsealed else []),
        ]

    def _not_sealed(self) -> str | None:
        """What keeps the node from showing new checkpoints; the reason itself is known to the process that signs."""
        if fault := self._node.audit.state.fault:
            return f"nothing is sealed: {fault}"
        sealed = self.sealed()
        waits = self._unsealed.seconds(sealed, time.monotonic()) if self._node.seals and self.started else 0.0
        if waits > self._node.settings.stall_seconds:
            return f"sealed up to {sealed:,} of {self._head:,} events for {waits:.0f} seconds: whoever signs logs why"
        return None

    def alive(self) -> tuple[int, dict[str, Any]]:
        """The answer of /healthz: fails only where a restart would help."""
        dead = self.started and not self.draining and not self._node.follower.alive
        reasons = [*(["the follower's thread has ended"] if dead else []), *self._cut_off()]
        return (500 if reasons else 200), {
            "status": "failed" if reasons else "alive",
            "reasons": reasons,
            **self.report(),
        }

    def ready(self) -> tuple[int, dict[str, Any]]:
        """The answer of /readyz."""
        reasons = self.reasons()
        return (503 if reasons else 200), {
            "status": "not ready" if reasons else "ready",
            "reasons": reasons,
            **self.report(),
        }

    def look(self) -> None:
        """Look at the log's head once; what this node has seen of the log before must be in it.

        One look after the other, whoever looks: what is new since the last is counted and told once.
        """
        with self._looking:
            self._look()

    def _look(self) -> None:
        seen = self.position
        try:
            self._head = self._node.log.head().position
        except LogRewound as error:
            self._cut = str(error)
        except PersistenceError as error:
            _LOGGER.debug("the log does not answer: %s", error)
        else:
            self._looked = time.monotonic()
            self._cut = ""
            if self._head < seen:
                why = "before this replica: if an older backup was restored, restart this node"
                self._cut = f"the log ends at {self._head:,}, {why}"
            self._lag.see(self._head, self._looked)
            self._unsealed.see(self._head, self._looked)
        for told in self.on_look:
            told()
        self._tell()

    def _tell(self) -> None:
        """Log that requests should stop coming, and that they may come again; and what is held back from now on."""
        if not self.started or self.draining:
            return
        if (reasons := self.reasons()) and not self._unready:
            _LOGGER.warning("not ready: %s", "; ".join(reasons))
        elif self._unready and not reasons:
            _LOGGER.info("ready again")
        self._unready = bool(reasons)
        held = set(self.held_back())
        for each in sorted(held - self._held):
            _LOGGER.error("held back: %s", each, extra={"position": each.position})
        self._held = held

    def _watch(self) -> None:
        pause = min(_EVERY, self._node.settings.stall_seconds / 4)
        while not self._stopping.wait(pause):
            try:
                self.look()
            except Exception:
                _LOGGER.exception("health could not be looked at")
