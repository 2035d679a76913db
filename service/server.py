"""The server process: uvicorn, a node beside it, and how both end. Signals are handled here and nowhere else."""

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType

import uvicorn

from service.app import App, create_app
from service.node import Node
from service.protocols import HttpProtocol, SocketProtocol
from service.replica.follow import Interrupted
from service.settings import Settings

_LOGGER = logging.getLogger("tamga.server")
_LARGEST_MESSAGE = 131_072
_LAST_CALL = 0.1
"""Seconds in which the request of who connected just now arrives."""

_LAST_WORD = 0.5
"""Seconds in which those who waited for the log's database can be told that it does not answer."""

_SOON = 0.1
"""Seconds between two looks for a signal while the node starts."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True)
class Serving:
    """What a node says when it is ready."""

    node: Node
    app: App
    seconds: float
    """How long it took to get ready."""


def run(
    settings: Settings,
    listener: socket.socket,
    ready: Callable[[Serving], None],
    *,
    leash: int | None = None,
    patient: bool = False,
) -> int:
    """Serve until a signal; the exit code. `leash` is a pipe whose end means that whoever started this is gone.

    `patient`: take no connection before the node is ready.
    Raises what opening the log raises; after that a failure is logged and gives 1. Garbage is collected from when
    all is wired.
    """
    node = Node(settings)
    try:
        app = create_app(node)
    except BaseException:
        node.log.close()
        raise
    gc.enable()
    _allow_connections()
    server = Server(app, ready, leash, patient)
    server.run([listener])
    return server.exit_code


def _allow_connections() -> None:
    """Each is an open file, of which systems allow 1,024 at first, and many more to whoever asks."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Server(uvicorn.Server):
    """Starts its node, and at the first signal ends everything in order; at the second, at once."""

    def __init__(
        self, app: App, ready: Callable[[Serving], None], leash: int | None = None, patient: bool = False
    ) -> None:
        """Take what to serve, and whom to tell when it is ready."""
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                http=HttpProtocol,
                ws=SocketProtocol,
                ws_max_size=_LARGEST_MESSAGE,
                ws_ping_interval=None,
                ws_per_message_deflate=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=75,
            )
        )
        self._app = app
        self._ready = ready
        self._leash = leash
        self._patient = patient
        self._began = time.monotonic()
        self._starting: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.exit_code = 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then start the node: questions about its health are answered from the first moment.

        If patient, the other way round: who connects is refused until then, and tries elsewhere.
        """
        self._loop = asyncio.get_running_loop()
        if not self._patient:
            await super().startup(sockets)
        if self._leash is not None:
            self._loop.add_reader(self._leash, self._let_go)
        self._starting = asyncio.create_task(self._start())
        if self._patient:
            await self._listen_when_started(self._starting, sockets)

    async def _listen_when_started(self, starting: asyncio.Task[None], sockets: list[socket.socket] | None) -> None:
        while not starting.done() and not self.should_exit:
            await asyncio.wait([starting], timeout=_SOON)
        if self.should_exit:
            self.servers, self.started = [], True  # nobody could connect; all the rest ends as ever
        else:
            await super().startup(sockets)

    async def _start(self) -> None:
        try:
            await asyncio.to_thread(self._start_node)
        except Interrupted:
            return
        except Exception as error:
            _LOGGER.exception("the node cannot start: %s", error)
            self.exit_code = 1
            self.should_exit = True
            return
        self._ready(Serving(self._app.node, self._app, time.monotonic() - self._began))

    def _start_node(self) -> None:
        health = self._app.health
        health.look()
        health.watch()
        self._app.node.start(health.progress)
        self._app.warm()
        health.started = True
        health.look()
        gc.collect()
        gc.freeze()  # looking through the schema for garbage would stop everything for tenths of a second,
        gc.set_threshold(700, 10, 50)  # and through thousands of subscribers for longer: five times as seldom as usual

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Streams, then requests, then the node: sealer, follower, log."""
        if self._leash is not None and self._loop is not None:
            self._loop.remove_reader(self._leash)
        self._app.health.draining = True
        await self._take_the_last(sockets or [])
        seconds = self._app.node.settings.drain_seconds
        deadline = time.monotonic() + seconds
        with self._cutting_off(max(_LAST_WORD, seconds - _LAST_WORD)):
            await self._give_up_starting()
            self._app.drain.begin()
            if not await self._app.drain.finished(seconds):
                _LOGGER.warning("some streams did not end in time")
            self.config.timeout_graceful_shutdown = max(1, round(deadline - time.monotonic()))
            await super().shutdown(sockets)
            await asyncio.to_thread(self._stop_node)
        _LOGGER.info("stopped")

    async def _take_the_last(self, sockets: list[socket.socket]) -> None:
        """Listen no more, and serve those who have connected by now: the system would cut off whoever still waits."""
        last = []
        for listening in sockets:
            with contextlib.suppress(OSError):  # nobody waits, or nobody could connect yet
                while True:
                    last.append(listening.accept()[0])
        for server in self.servers:
            server.close()
        for connection in last:
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)
        await asyncio.sleep(_LAST_CALL)

    def _protocol(self) -> HttpProtocol:
        return HttpProtocol(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

    @contextlib.contextmanager
    def _cutting_off(self, seconds: float) -> Iterator[None]:
        """After so many seconds of the block nobody waits for the log's database any longer: it may hang for ever."""
        due = asyncio.get_running_loop().call_later(seconds, self._cut_off)
        try:
            yield
        finally:
            due.cancel()

    def _cut_off(self) -> None:
        _LOGGER.warning("not all ended in time: who still waits for the log is told that it does not answer")
        self._app.node.cut_off()

    async def _give_up_starting(self) -> None:
        if self._starting is not None and not self._starting.done():
            self._app.node.interrupt()
            await self._starting

    def _stop_node(self) -> None:
        self._app.close()
        self._app.health.close()
        self._app.node.stop()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals while the block runs; they are not raised again, so an orderly end is exit code 0."""
        before = {one: signal.signal(one, self.handle_exit) for one in _SIGNALS}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End in order; at the second signal at once, which loses nothing that was acknowledged."""
        if self.should_exit:
            os._exit(128 + sig)
        _LOGGER.info("%s: shutting down; a second signal ends it at once", signal.Signals(sig).name)
        self.should_exit = True
        self._app.health.draining = True

    def _let_go(self) -> None:
        """Whoever started this process is gone."""
        if self._loop is not None and self._leash is not None:
            self._loop.remove_reader(self._leash)
        _LOGGER.warning("the process that started this one is gone: shutting down")
        self.should_exit = True
