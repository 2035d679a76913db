"""A small TCP proxy before a database, which can swallow an answer and cut the connection at that moment,
or fall silent as a machine does that hangs.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class CutProxy:
    """Passes bytes on in both directions, until told to cut."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._marker: bytes | None = None
        self._last_words: bytes | None = None
        self.silent = threading.Event()
        """Set once nothing is passed on any more, though all connections stay."""
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_answer_to(self, marker: bytes) -> None:
        """The next request that holds these bytes reaches the database; its answer is swallowed, the connection cut."""
        self._marker = marker

    def hang_at(self, marker: bytes) -> None:
        """The next request that holds these bytes is not passed on, nor is anything after it."""
        self._last_words = marker

    def cut_all(self) -> None:
        """Cut every connection now."""
        for pair in self._pairs:
            _close(*pair)
        self._pairs.clear()

    def refuse(self) -> None:
        """Accept no new connection; those there are stay."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def close(self) -> None:
        """Stop listening and cut what is left."""
        self.refuse()
        self.cut_all()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(self._target)
                self._pairs.append((client, server))
                doomed = threading.Event()
                threading.Thread(target=self._ask, args=(client, server, doomed), daemon=True).start()
                threading.Thread(target=self._answer, args=(client, server, doomed), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket, doomed: threading.Event) -> None:
        with suppress(OSError):
            while request := client.recv(65_536):
                if self._last_words is not None and self._last_words in request:
                    self.silent.set()
                if self.silent.is_set():
                    continue
                if self._marker is not None and self._marker in request:
                    self._marker = None
                    doomed.set()
                server.sendall(request)
        _close(client, server)

    def _answer(self, client: socket.socket, server: socket.socket, doomed: threading.Event) -> None:
        with suppress(OSError):
            while answer := server.recv(65_536):
                if doomed.is_set():
                    self.cuts += 1
                    break
                if not self.silent.is_set():
                    client.sendall(answer)
        _close(client, server)


@contextmanager
def cut_proxy(host: str, port: int) -> Iterator[CutProxy]:
    """A proxy before this address, closed afterwards."""
    proxy = CutProxy(host, port)
    try:
        yield proxy
    finally:
        proxy.close()


def _close(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
