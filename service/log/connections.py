"""Connections to PostgreSQL that can be cut off: a server that hangs keeps whoever asked it waiting without end."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Lock
from typing import Any, TypeAlias
from weakref import WeakSet

import psycopg

from service.log.address import lasting

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]


class Connections:
    """Those to one address, under one name."""

    def __init__(self, url: str, name: str) -> None:
        """Take what each connection is made by; none is made yet."""
        self._address = lasting(url, name)
        self._made: WeakSet[Connection] = WeakSet()
        self._alone = Lock()
        self.cut = False
        """Whether they were cut off."""

    def make(self) -> Connection:
        """A new one, each statement its own transaction. Raises psycopg.OperationalError."""
        connection = psycopg.connect(self._address, autocommit=True)
        with self._alone:
            self._made.add(connection)
            if self.cut:
                _hang_up(connection)
        return connection

    def cut_off(self) -> None:
        """End all connections, those to come too: whoever waits for an answer on one gets psycopg.OperationalError."""
        with self._alone:
            self.cut = True
            for connection in self._made:
                _hang_up(connection)


def _hang_up(connection: Connection) -> None:
    """Only the socket: the connection itself belongs to the thread that uses it, which closes it."""
    with suppress(psycopg.Error, OSError), socket.socket(fileno=socket.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)
