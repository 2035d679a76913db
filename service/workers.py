"""The processes of one node: one alone, or several that share a socket and are started again when they die."""

import logging
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from types import FrameType

from service.server import Serving, run
from service.settings import Settings

_LOGGER = logging.getLogger("tamga.workers")
_UNUSABLE = 2
_SOON = 2.0
"""A worker that dies within so many seconds is not started again at once."""

Ready = Callable[[Serving], None]


def serve(settings: Settings, listener: socket.socket, ready: Ready) -> int:
    """Serve until a signal, in as many processes as the settings name; the exit code."""
    if settings.workers == 1:
        return run(settings, listener, ready)
    folder = tempfile.mkdtemp(prefix="tamga-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    try:
        return Workers(settings, listener, ready).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Workers:
    """The parent: it serves nothing, opens nothing, and only looks after its workers."""

    def __init__(self, settings: Settings, listener: socket.socket, ready: Ready) -> None:
        """Take what each worker needs."""
        self._settings = settings
        self._listener = listener
        self._ready: Ready = ready
        self._began: dict[int, float] = {}
        self._leash, self._hold = os.pipe()
        self._stopping = False
        self._exit_code = 0

    def run(self) -> int:
        """Start the workers, and replace those that die, until a signal or a worker that cannot start."""
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, self._signalled)
        for number in range(self._settings.workers):
            self._start(self._ready if number == 0 else _silent)
        while self._began:
            pid, status = os.wait()
            self._ended(pid, os.waitstatus_to_exitcode(status))
        return self._exit_code

    def _start(self, ready: Ready) -> None:
        pid = os.fork()
        if pid == 0:
            os._exit(self._work(ready))
        self._began[pid] = time.monotonic()

    def _work(self, ready: Ready) -> int:
        """The life of a worker."""
        os.close(self._hold)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches all processes of a terminal; the parent tells us
        try:
            return run(self._settings, self._listener, ready, leash=self._leash)
        except (OSError, ValueError, RuntimeError) as error:
            _LOGGER.error("%s", error)
            return _UNUSABLE
        except BaseException:
            _LOGGER.exception("a worker failed")
            return 1

    def _ended(self, pid: int, code: int) -> None:
        lived = time.monotonic() - self._began.pop(pid)
        if self._stopping:
            self._exit_code = max(self._exit_code, code)
        elif code == _UNUSABLE:
            self._exit_code = code
            self._stop(signal.SIGTERM)
        else:
            _LOGGER.error("worker %d ended with %d; another takes its place", pid, code)
            if lived < _SOON:
                time.sleep(_SOON - lived)
            if not self._stopping:
                self._start(_silent)

    def _signalled(self, sig: int, frame: FrameType | None) -> None:
        self._stop(signal.SIGKILL if self._stopping else signal.SIGTERM)

    def _stop(self, sig: signal.Signals) -> None:
        """End the workers. The socket closes here too, or connections would wait for nobody."""
        self._stopping = True
        self._listener.close()
        for pid in self._began:
            os.kill(pid, sig)


def _silent(serving: Serving) -> None:
    """Only the first worker says that the node serves."""
