"""SIGTERM with up to a thousand open streams: each is told from where to resume, and that this is its end."""

import asyncio
from pathlib import Path
from typing import cast

import pytest

from service.bench.subscribers import DEALS, EventStream, Socket, Subscriber, Told
from tests.support.service import environment, started
from tests.support.stream_clients import messages_over_socket
from tests.support.streams import EVENTS


class Kept(Told):
    """Keeps what every stream said."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[bytes] = []

    def take(self, message: bytes) -> None:
        """Keep and note it."""
        self.all.append(message)
        super().take(message)


class Closing(Socket):
    """Notes with which code the server closes the socket, and answers so."""

    code = 0

    def data_received(self, data: bytes) -> None:
        """Look for the frame that closes."""
        super().data_received(data)
        told = cast("Kept", self._told)
        if told.all and told.all[-1][2:] == b"Service restart":
            self.code = int.from_bytes(told.all[-1][:2])
            self._transport.write(b"\x88\x82\0\0\0\0" + told.all[-1][:2])


async def opened(port: int, kind: type[Subscriber], count: int) -> list[tuple[Subscriber, Kept]]:
    """So many streams of one kind, all live."""
    made = []
    for number in range(count):
        told = Kept()
        asked = {"filter": {"noun": ["DEAL"], "sector": ["aviation", f"other-{number}"]}}
        one = kind(told, DEALS, asked)
        await asyncio.get_running_loop().create_connection(lambda one=one: one, "127.0.0.1", port)  # type: ignore[misc]
        made.append((one, told))
    for _, told in made:
        await told.until(lambda told=told: told.caught_up == 1)  # type: ignore[misc]
    return made


def farewell(told: Kept) -> str:
    """The cursor to resume from."""
    (text,) = [each for each in told.all if b'"resume"' in each]
    return text.partition(b'"resume":"')[2].partition(b'"')[0].decode()


@pytest.mark.parametrize("each", [50, pytest.param(500, marks=pytest.mark.soak)])
async def test_open_streams_are_told_from_where_to_resume_and_end(tmp_path: Path, each: int) -> None:
    env = environment(tmp_path, seal="0")
    with started(env) as service:
        service.ready()
        streams = [one for kind in (Closing, EventStream) for one in await opened(service.port, kind, each)]
        service.process.terminate()
        for _, told in streams:
            await told.until(lambda told=told: told.completed == 1)  # type: ignore[misc]
        assert await asyncio.to_thread(service.process.wait, 60) == 0
    assert [told.resumable for _, told in streams] == [1] * 2 * each
    assert {one.code for one, _ in streams if isinstance(one, Closing)} == {1012}
    (cursor,) = {farewell(told) for _, told in streams}
    with started(env) as again:
        position = again.ready().record_party("later")
        async with messages_over_socket(f"ws://127.0.0.1:{again.port}/graphql", EVENTS, after=cursor) as messages:
            assert (await anext(messages))["data"]["events"]["position"] == position
