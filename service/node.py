"""A running node without its API: log, registry, replica, follower and sealer, started and stopped in order."""

from pathlib import Path

from service.audit.audit import Audit
from service.audit.board import open_board
from service.first_record import FIRST_RECORD_ACTOR, first_record_parts
from service.log import Log, open_log
from service.registry import Registry
from service.replica.follow import Follower
from service.replica.helpers import Helpers
from service.replica.leftovers import remove_leftovers
from service.replica.rebuild import Progress
from service.replica.store import Replica
from service.settings import Settings


class Node:
    """Everything of a node that outlives a request."""

    def __init__(self, settings: Settings) -> None:
        """Open the log and what stands on it; nothing runs before `start`."""
        self.settings = settings
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        self.log: Log = open_log(settings.log_url)
        self.registry = Registry(self.log)
        self.replica = Replica(settings.data_dir, self.log.record_id)
        helpers = Helpers(settings.log_url, settings.rebuild_processes)
        self.follower = Follower(self.log, self.replica, helpers=helpers)
        key_file = Path(settings.signing_key) if settings.signing_key else None
        self._board = open_board(settings.log_url, signs=settings.seal)
        self.audit = Audit(self.log, settings.data_dir, settings.origin or None, key_file=key_file, board=self._board)
        self._sealing = False

    @property
    def seals(self) -> bool:
        """Whether checkpoints are signed here, or taken over from a node that signs."""
        return self._board is not None

    def start(self, progress: Progress | None = None) -> None:
        """Record the first record if it is wanted, catch up with the log, follow it, and seal or take over seals."""
        if self.settings.first_record:
            self.record_first()
        self.follower.start(progress)
        remove_leftovers(self.replica.path)
        if self._board is not None:
            self.audit.start()
            self._sealing = True

    def record_first(self) -> None:
        """Record the first record; what is there already is not recorded again."""
        for part in first_record_parts():
            self.registry.record(part.facts, actor=FIRST_RECORD_ACTOR, command_id=part.command_id)

    def interrupt(self) -> None:
        """Give up building or catching up, if `start` still does; it raises Interrupted."""
        self.follower.interrupt()

    def cut_off(self) -> None:
        """Have nobody wait any longer for the log's database, which may hang."""
        self.log.cut_off()
        if self._board is not None:
            self._board.cut_off()

    def stop(self) -> None:
        """Stop in the reverse order; what was acknowledged is in the log."""
        if self._sealing:
            self.audit.stop()
        self.follower.stop()
        self.replica.close()
        self.log.close()
