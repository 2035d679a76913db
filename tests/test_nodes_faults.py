"""Nodes, their database and their clients' connections break under load: nothing is lost, repeated or out of order.

Every figure that is asserted generously is also printed; `pytest -s` shows them.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from random import Random

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.support.cut_proxy import cut_proxy
from tests.support.load import Load
from tests.support.log_events import everything
from tests.support.nodes import Nodes, assert_nodes_agree, assert_nothing_lost_or_repeated, two_nodes
from tests.support.service import Service, eventually

pytestmark = pytest.mark.fault

LATE = 30.0
"""Seconds within which all must go on, however busy the machine."""

SOON = 5.0
"""The same where nothing else runs, as when the soak is run."""


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """Two nodes that each test leaves running; what fills their log comes last, for each test reads all of it."""
    with two_nodes(tmp_path_factory.mktemp("nodes")) as both:
        yield both


def kill_in_turn(nodes: Nodes, load: Load, chance: Random, rounds: int) -> list[float]:
    """Kill a node at a random time and start it again; seconds until the one that is left answered."""
    gaps = []
    for number in range(rounds):
        killed = number % 2
        time.sleep(chance.uniform(0.1, 0.8))
        nodes.kill(killed)
        gaps.append(load.goes_on(time.monotonic(), (1 - killed,)))
        time.sleep(chance.uniform(0, 0.3))
        nodes.restart(killed)
        load.goes_on(time.monotonic(), (killed,))
    return gaps


def crash_database(nodes: Nodes, load: Load, rounds: int) -> list[float]:
    """Crash the server under load and start it again; seconds from its start until both nodes answered."""
    gaps = []
    for _ in range(rounds):
        time.sleep(0.4)
        nodes.server.stop("immediate")
        time.sleep(0.2)
        nodes.server.start()
        gaps.append(load.goes_on(time.monotonic()))
    return gaps


def told(what: str, gaps: list[float], load: Load) -> None:
    print(
        f"\n{what}: {len(gaps)} rounds, {len(load.answers)} commands, {load.retried} sent again, {load.reads} read "
        f"back; went on after {max(gaps):.2f} s at most, longest command {load.longest:.2f} s; 0 lost, 0 repeated"
    )


def test_a_client_whose_answer_was_cut_off_gets_it_from_the_other_node(nodes: Nodes) -> None:
    one, two = nodes.running
    with cut_proxy("127.0.0.1", one.port) as proxy:
        load = nodes.load(1)
        load.addresses = [f"http://127.0.0.1:{proxy.port}", two.url]
        proxy.cut_answer_to(f'"id":"{load.names[0]}-1"'.encode())
        with load.running():
            time.sleep(0.2)
    assert proxy.cuts == 1
    assert (load.answers[0].tries, load.answers[0].node, load.retried) == (2, 1, 1)
    assert_nothing_lost_or_repeated(nodes, load)


def test_an_answer_lost_between_the_database_and_a_node_is_no_second_record(nodes: Nodes) -> None:
    parts = conninfo_to_dict(nodes.url)
    with cut_proxy(str(parts["host"]), int(str(parts["port"]))) as proxy:
        behind = nodes.url.replace(f":{parts['port']}", f":{proxy.port}")
        with nodes.another("behind-a-proxy", url=behind) as node:
            node.ready()
            before = head(nodes.url)
            proxy.cut_answer_to(b"cut-after-commit")
            position = node.record_party("cut", "cut-after-commit", nodes.key)
    assert (proxy.cuts, position, head(nodes.url)) == (1, before + 1, before + 1)
    assert nodes.running[1].record_party("cut", "cut-after-commit", nodes.key) == position
    assert head(nodes.url) == position


def test_a_node_whose_database_hangs_ends_in_time_and_tells_whoever_waits(nodes: Nodes) -> None:
    parts = conninfo_to_dict(nodes.url)
    with cut_proxy(str(parts["host"]), int(str(parts["port"]))) as proxy, ThreadPoolExecutor(1) as pool:
        behind = nodes.url.replace(f":{parts['port']}", f":{proxy.port}")
        with nodes.another("before-one-that-hangs", url=behind, TAMGA_DRAIN_SECONDS="2") as node:
            node.ready()
            proxy.hang_at(b"sent-to-one-that-hangs")
            told = pool.submit(node.record_party, "hung", "sent-to-one-that-hangs", nodes.key)
            assert proxy.silent.wait(30)
            node.process.terminate()
            with pytest.raises(AssertionError, match="UNAVAILABLE"):
                told.result(30)
            assert node.process.wait(30) == 0
    assert nodes.running[1].record_party("hung", "sent-to-one-that-hangs", nodes.key) == head(nodes.url)


def test_a_command_sent_to_both_nodes_at_once_is_recorded_once(nodes: Nodes) -> None:
    before = head(nodes.url)
    with ThreadPoolExecutor(4) as pool:
        for number in range(20):
            sent = [
                pool.submit(node.record_party, f"twice-{number}", f"twice-{number}", nodes.key)
                for node in nodes.running * 2
            ]
            assert {each.result() for each in sent} == {before + number + 1}
    assert head(nodes.url) == before + 20


WRONG_CLOCK = """
import datetime, time
_time, _ns, _datetime, skew = time.time, time.time_ns, datetime.datetime, {skew}
class Skewed(_datetime):
    @classmethod
    def now(cls, tz=None):
        return _datetime.now(tz) + datetime.timedelta(seconds=skew)
time.time, time.time_ns, datetime.datetime = lambda: _time() + skew, lambda: _ns() + skew * 10**9, Skewed
"""


def wrong_clock(nodes: Nodes, skew: int) -> dict[str, str]:
    """The variables of a process whose clock is wrong by so many seconds."""
    patch = nodes.folder / f"clock{skew}"
    patch.mkdir()
    (patch / "sitecustomize.py").write_text(WRONG_CLOCK.format(skew=skew))
    return {"PYTHONPATH": str(patch)}


def test_nodes_whose_clocks_are_an_hour_off_record_the_time_of_the_database(nodes: Nodes) -> None:
    with ExitStack() as stack:
        wrong = [
            stack.enter_context(nodes.another(f"clock{skew}", **wrong_clock(nodes, skew))) for skew in (3600, -3600)
        ]
        ahead, behind = (node.ready() for node in wrong)
        assert 1.9 < (clock_of(ahead) - clock_of(behind)) / timedelta(hours=1) < 2.1
        began = clock(nodes.url)
        for number in range(6):
            wrong[number % 2].record_party(f"clock-{number}", key=nodes.key)
    with nodes.log() as log:
        times = [datetime.fromisoformat(entry.recorded_at) for entry in everything(log)][-6:]
        assert times == sorted(times)
        assert began - timedelta(seconds=1) < times[0] <= times[-1] <= clock(nodes.url)
        assert_nodes_agree(nodes, log)


def clock_of(node: Service) -> datetime:
    """The time that it gave to what it logged last."""
    eventually(lambda: any("time" in line for line in node.logged))
    return datetime.fromisoformat([line["time"] for line in node.logged if "time" in line][-1])


def clock(url: str) -> datetime:
    with psycopg.connect(url) as connection:
        [(now,)] = connection.execute("SELECT clock_timestamp()").fetchall()
    found: datetime = now.astimezone(UTC)
    return found


def head(url: str) -> int:
    with psycopg.connect(url) as connection:
        [(position,)] = connection.execute("SELECT position FROM tamga.head").fetchall()
    return int(position)


def test_nodes_killed_in_turn_under_load_lose_and_repeat_nothing(nodes: Nodes) -> None:
    load = nodes.load()
    with load.running():
        gaps = kill_in_turn(nodes, load, Random(7), rounds=2)
    assert_nothing_lost_or_repeated(nodes, load)
    told("nodes killed", gaps, load)
    assert max(gaps) < LATE


def test_all_goes_on_by_itself_after_the_database_crashed_under_load(nodes: Nodes) -> None:
    load = nodes.load()
    with load.running():
        gaps = crash_database(nodes, load, rounds=1)
    assert_nothing_lost_or_repeated(nodes, load)
    told("database crashed", gaps, load)
    assert max(gaps) < LATE


def test_a_node_killed_while_the_database_is_down_joins_again(nodes: Nodes) -> None:
    load = nodes.load(2)
    with load.running():
        nodes.server.stop("immediate")
        nodes.running[0].process.kill()
        nodes.running[0].end()
        nodes.server.start()
        back = time.monotonic()
        gap = load.goes_on(back, (1,))
        nodes.restart(0)
    assert_nothing_lost_or_repeated(nodes, load)
    told("database and node at once", [gap], load)
    assert gap < LATE


@pytest.mark.soak
def test_nodes_killed_and_databases_crashed_for_minutes(nodes: Nodes) -> None:
    chance, gaps = Random(11), list[float]()
    load = nodes.load()
    with load.running():
        for _ in range(8):
            gaps += kill_in_turn(nodes, load, chance, rounds=2)
            gaps += crash_database(nodes, load, rounds=1)
    assert_nothing_lost_or_repeated(nodes, load)
    told("nodes killed, database crashed", gaps, load)
    assert max(gaps) < SOON
