"""When a WebSocket ends: by time, with its credentials, at a shutdown."""

import asyncio
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from schema.context import Access
from schema.http import GraphQLApp
from schema.http.view import Manner
from tests.support.server import served, serving
from tests.support.small_api import COUNT
from tests.support.talk import Talk, talking


async def test_a_socket_that_never_begins_is_closed_with_4408(tmp_path: Path) -> None:
    async with served(tmp_path, Manner(init_seconds=0.05)) as api, talking(api) as talk:
        with suppress(ConnectionClosed):  # it may be closed before this is said
            await talk.say({"type": "ping"})
        assert await talk.closing() == (4408, "Connection initialisation timeout")


async def test_a_quiet_socket_is_pinged_and_closed_if_it_does_not_answer(tmp_path: Path) -> None:
    async with served(tmp_path, Manner(ping_seconds=0.5)) as api, talking(api) as talk:
        await talk.begin()
        assert await talk.hear() == {"type": "ping"}
        await talk.say({"type": "pong"})
        assert await talk.hear() == {"type": "ping"}
        assert await talk.closing() == (4408, "No answer to ping")


async def answering_pings(talk: Talk, seconds: float) -> str:
    """The reason with which the server closes, or 'open' if it does not in this time."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                await talk.socket.recv()
                await talk.say({"type": "pong"})
    except TimeoutError:
        return "open"
    except ConnectionClosed as closed:
        return closed.rcvd.reason if closed.rcvd else "lost"


async def test_a_socket_without_operations_is_closed_when_idle_and_one_with_them_is_not(tmp_path: Path) -> None:
    manner = Manner(ping_seconds=0.5, idle_seconds=0.2)
    async with served(tmp_path, manner) as api, talking(api) as idle, talking(api) as busy:
        await idle.begin()
        await busy.begin()
        await busy.subscribe("a", COUNT, to=5, every=60)
        endings = await asyncio.gather(answering_pings(idle, 30), answering_pings(busy, 1.2))
        assert tuple(endings) == ("Idle", "open")


async def test_credentials_that_end_close_the_socket_with_4403(tmp_path: Path) -> None:
    async with served(tmp_path) as api:
        services: Any = api.app.executor.services
        ending = replace(services, authenticate=lambda token: Access("guest", time.time() + 0.1))
        async with serving(GraphQLApp(ending, "")) as (_, port), talking(replace(api, port=port)) as talk:
            await talk.begin(Authorization="Bearer for-a-moment")
            with suppress(ConnectionClosed):  # the moment may be over
                await talk.subscribe("a", COUNT, to=5, every=60)
            assert await talk.closing() == (4403, "Forbidden: the credentials have ended")


async def chatting(talk: Talk, every: float) -> tuple[int, str]:
    """The end of a socket whose client sends pings all the while, and reads what comes."""

    async def chat() -> None:
        with suppress(ConnectionClosed):
            while True:
                await talk.say({"type": "ping"})
                await asyncio.sleep(every)

    chatter = asyncio.create_task(chat())
    try:
        return await talk.closing()
    finally:
        chatter.cancel()


@pytest.mark.parametrize("begins", [False, True])
async def test_a_client_that_never_pauses_is_held_to_the_same_times(tmp_path: Path, begins: bool) -> None:
    manner = Manner(init_seconds=0.3, idle_seconds=0.3)
    async with served(tmp_path, manner) as api, talking(api) as talk:
        if begins:
            await talk.begin()
        assert await chatting(talk, 0.001) == (4408, "Idle" if begins else "Connection initialisation timeout")


async def test_a_client_that_never_pauses_does_not_outlive_its_credentials(tmp_path: Path) -> None:
    async with served(tmp_path) as api:
        services: Any = api.app.executor.services
        ending = replace(services, authenticate=lambda token: Access("guest", time.time() + 0.3))
        async with serving(GraphQLApp(ending, "")) as (_, port), talking(replace(api, port=port)) as talk:
            await talk.begin(Authorization="Bearer for-a-moment")
            assert await chatting(talk, 0.001) == (4403, "Forbidden: the credentials have ended")


async def test_a_shutdown_tells_each_stream_from_where_to_resume_then_closes_with_1012(tmp_path: Path) -> None:
    async with served(tmp_path) as api, talking(api) as talk:
        await talk.begin()
        await talk.subscribe("quick", COUNT, to=2)
        await talk.until_complete("quick")
        await talk.subscribe("slow", COUNT, to=9, every=60, after="7")
        await talk.subscribe("q", "{ echo }")
        await talk.until_complete("q")
        api.app.drain.begin()
        resume = {"data": None, "extensions": {"resume": "7"}}
        assert await talk.until_complete("slow") == [resume]
        assert await talk.closing() == (1012, "Service restart")
        assert await api.app.drain.finished(30)


async def test_every_message_up_to_a_shutdown_and_from_its_cursor_on_arrives_once(tmp_path: Path) -> None:
    async with served(tmp_path) as api:
        async with talking(api) as talk:
            await talk.begin()
            await talk.subscribe("a", COUNT, to=500)
            payloads = [(await talk.hear())["payload"] for _ in range(20)]
            api.app.drain.begin()
            payloads += await talk.until_complete("a")
        *before, last = payloads
        api.app.drain.begun = False
        async with talking(api) as talk:
            await talk.begin()
            await talk.subscribe("a", COUNT, to=500, after=last["extensions"]["resume"])
            after = await talk.until_complete("a")
    assert [one["data"]["count"] for one in before + after] == list(range(1, 501))
