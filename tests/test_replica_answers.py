"""Answers that are kept: worked out once for a position however many ask, and never waited for on an event loop."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import apsw
import pytest

from service.replica.answers import Answers

ASK = "SELECT kept('SELECT work(?1)', ?1, ?2)"


class Asked:
    """Connections that share answers, and a function that counts how often it works."""

    def __init__(self) -> None:
        self.answers = Answers()
        self.worked: list[str] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self.began = threading.Event()

    def _work(self, *values: "apsw.SQLiteValue") -> str:
        value = values[0]
        self.worked.append(str(value))
        self.began.set()
        assert self.go_on.wait(60)
        return f"{value}!" if value != "large" else "x" * 9_000_000

    def ask(self, position: int, value: str) -> str:
        connection = apsw.Connection(":memory:")
        connection.create_scalar_function("work", self._work, 1)
        self.answers.register(connection)
        return str(connection.execute(ASK, (position, value)).get)


def test_an_answer_is_worked_out_once_for_a_position_and_its_values() -> None:
    asked = Asked()
    assert [asked.ask(7, "a"), asked.ask(7, "a"), asked.ask(7, "b"), asked.ask(8, "a")] == ["a!", "a!", "b!", "a!"]
    assert asked.worked == ["a", "b", "a"]


def test_those_who_ask_meanwhile_share_the_work() -> None:
    asked = Asked()
    asked.go_on.clear()
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(asked.ask, 7, "a") for _ in range(8)]
        assert asked.began.wait(60)
        asked.go_on.set()
        assert {each.result() for each in answers} == {"a!"}
    assert asked.worked == ["a"]


def test_an_event_loop_gives_up_its_read_instead_of_waiting() -> None:
    asked = Asked()
    asked.go_on.clear()

    async def ask() -> str:
        return asked.ask(7, "a")

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(asked.ask, 7, "a")
        assert asked.began.wait(60)
        with pytest.raises(apsw.InterruptError):
            asyncio.run(ask())
        asked.go_on.set()
        assert first.result() == "a!"
    assert asyncio.run(ask()) == "a!"


def test_work_that_fails_is_left_to_the_next_who_asks() -> None:
    asked = Asked()
    connection = apsw.Connection(":memory:")
    asked.answers.register(connection)
    with pytest.raises(apsw.SQLError):
        connection.execute(ASK, (7, "a"))
    assert asked.ask(7, "a") == "a!"


def test_an_answer_that_is_too_large_to_keep_is_given_all_the_same() -> None:
    asked = Asked()
    assert [len(asked.ask(7, "large")) for _ in range(2)] == [9_000_000] * 2
    assert asked.worked == ["large", "large"]
