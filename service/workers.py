"""The processes of one node and the socket that they share: one alone, or several, started again when they die.

What they run is imported late: a taken port is told at once, and workers count in files that must be named before.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, TypeAlias

from eventsourcing.persistence import PersistenceError

from service.settings import Settings

if TYPE_CHECKING:
    from service.server import Serving

_LOGGER = logging.getLogger("tamga.workers")
_UNUSABLE = 2
_ENDING = (signal.SIGTERM, signal.SIGINT)
_SOON = 2.0
"""A worker that dies within so many seconds is not started again at once."""

Ready: TypeAlias = "Callable[[Serving], None]"


class CannotListen(OSError):
    """The address cannot be listened on; says why and what to set."""


def bind(host: str, port: int) -> socket.socket:
    """A socket at the address that does not listen yet: who connects is refused, and tries elsewhere, until it does.

    Raises CannotListen.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
        return bound
    except (socket.gaierror, UnicodeError) as error:
        raise CannotListen(f"TAMGA_HOST: {host!r} is no address of this machine ({error.args[-1]})") from None
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise CannotListen(f"cannot listen on {host}, port {port}: {why}; TAMGA_PORT names another port") from None


def serve(settings: Settings, listener: socket.socket, ready: Ready) -> int:
    """Serve until a signal, in as many processes as the settings name; the exit code."""
    if settings.workers == 1:
        return _run(settings, listener, ready, patient=settings.listen == "ready")
    folder = tempfile.mkdtemp(prefix="tamga-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    try:
        _import()
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
        self._first: frozenset[int] = frozenset()
        self._leash, self._hold = os.pipe()
        self._stopping = False
        self._exit_code = 0

    def run(self) -> int:
        """Start the workers, and replace those that die, until a signal or a first worker that cannot start."""
        for one in _ENDING:
            signal.signal(one, self._signalled)
        for number in range(self._settings.workers):
            first = number == 0  # it tells of health while all start, and that the node serves
            patient = not first or self._settings.listen == "ready"
            self._start(self._ready if first else _silent, patient=patient)
        self._first = frozenset(self._began)
        while self._began:
            pid, status = os.wait()
            if pid in self._began:  # the first process of a container is given the orphans of others too
                self._ended(pid, os.waitstatus_to_exitcode(status))
        return self._exit_code

    def _start(self, ready: Ready, *, patient: bool) -> None:
        """Start a worker unless all are to end. Signals wait meanwhile: they end all workers, so all must be known."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        if not self._stopping:
            pid = os.fork()
            if pid == 0:
                os._exit(self._work(ready, patient))
            self._began[pid] = time.monotonic()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)

    def _work(self, ready: Ready, patient: bool) -> int:
        """The life of a worker."""
        os.close(self._hold)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches all processes of a terminal; the parent tells us
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        try:
            return _run(self._settings, self._listener, ready, self._leash, patient=patient)
        except (PersistenceError, OSError, ValueError) as error:
            _LOGGER.error("%s", error)
            return _UNUSABLE
        except BaseException:
            _LOGGER.exception("a worker failed")
            return 1

    def _ended(self, pid: int, code: int) -> None:
        lived = time.monotonic() - self._began.pop(pid)
        mark_process_dead(pid)  # its open streams count no more
        if self._stopping:
            self._exit_code = max(self._exit_code, code)
        elif code == _UNUSABLE and pid in self._first:
            self._exit_code = code
            self._stop(signal.SIGTERM)
        else:
            _LOGGER.error("worker %d ended with %d; another takes its place", pid, code)
            if lived < _SOON:
                time.sleep(_SOON - lived)
            self._start(_silent, patient=True)  # the others answer meanwhile

    def _signalled(self, sig: int, frame: FrameType | None) -> None:
        self._stop(signal.SIGKILL if self._stopping else signal.SIGTERM)

    def _stop(self, sig: signal.Signals) -> None:
        """End the workers. The socket closes here too, or connections would wait for nobody."""
        self._stopping = True
        self._listener.close()
        for pid in self._began:
            with contextlib.suppress(ProcessLookupError):  # it ended just now
                os.kill(pid, sig)


def _run(settings: Settings, listener: socket.socket, ready: Ready, leash: int | None = None, *, patient: bool) -> int:
    from service.server import run

    return run(settings, listener, ready, leash=leash, patient=patient)


def _import() -> None:
    """Before the workers are forked, so that they share the memory of the code."""
    import service.server  # noqa: F401


def mark_process_dead(pid: int) -> None:
    """Leave out of the metrics what only a living process has."""
    from prometheus_client.multiprocess import mark_process_dead as mark

    mark(pid)  # type: ignore[no-untyped-call]


def _silent(serving: Serving) -> None:
    """Only the first worker says that the node serves."""
