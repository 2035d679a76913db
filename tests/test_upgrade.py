"""A new version beside the old one: each serves from a replica of its own rules, and nobody is without an answer."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.nodes import answered
from tests.support.readme import ROOT
from tests.support.service import Service, environment, eventually, serving, started

DEALS = "{ deals(first: 50) { totalCount nodes { id title commitment } } log { replicaPosition } }"
OTHER_RULES = "import service.replica.rules as module\nmodule.rules = lambda: '0123456789ab'\n"


@contextmanager
def new_version(folder: Path, url: str) -> Iterator[Service]:
    """A node of other rules in the data folder of the old one; it is starting."""
    (folder.parent / "sitecustomize.py").write_text(OTHER_RULES)
    with started(environment(folder, database_url=url) | {"PYTHONPATH": f"{folder.parent}:{ROOT}"}) as node:
        yield node


class Reader:
    """Asks again and again, and keeps what was not answered."""

    def __init__(self, node: Service) -> None:
        """Take whom to ask."""
        self._node = node
        self._stopping = threading.Event()
        self.asked, self.failed = 0, list[str]()
        self._thread = threading.Thread(target=self._ask)

    def _ask(self) -> None:
        while not self._stopping.is_set():
            try:
                answered(self._node, DEALS, 0)
            except Exception as error:
                self.failed.append(repr(error))
            self.asked += 1
            time.sleep(0.02)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """While the block runs; then nothing may have failed."""
        self._thread.start()
        try:
            yield
            eventually(lambda: self.asked > 20)
        finally:
            self._stopping.set()
            self._thread.join()
        assert self.failed == []


def test_a_version_of_other_rules_builds_its_replica_beside_the_one_in_use(tmp_path: Path, database_url: str) -> None:
    folder = tmp_path / "var"
    with serving(folder, database_url=database_url) as old:
        rules = old.http.get("/readyz").json()["rules"]
        with Reader(old).asking(), new_version(folder, database_url) as new:
            assert new.ready().http.get("/readyz").json()["rules"] == "0123456789ab"
            assert {file.name for file in folder.glob("replica-*.db")} == {
                f"replica-{rules}.db",
                "replica-0123456789ab.db",
            }
            assert both_answer(old, new, old.record_party("by-the-old")) == both_answer(old, new, 0)
            both_answer(old, new, new.record_party("by-the-new", key=old.key))
            assert new.stop() == 0
        kept = answered(old, DEALS, 0)
    with serving(folder, database_url=database_url) as back:
        assert answered(back, DEALS, 212) == kept


def both_answer(old: Service, new: Service, position: int) -> bytes:
    """What both answer from the position on, and it is the same."""
    found = {answered(node, DEALS, position) for node in (old, new)}
    assert len(found) == 1
    return found.pop()


def test_the_new_version_goes_on_alone_when_the_old_one_ends(tmp_path: Path, database_url: str) -> None:
    folder = tmp_path / "var"
    with serving(folder, database_url=database_url) as old, new_version(folder, database_url) as new:
        new.ready()
        position = old.record_party("last-of-the-old")
        with Reader(new).asking():
            assert old.stop() == 0
            next_position = new.record_party("first-of-the-new")
            eventually(lambda: new.metric("tamga_sealed_position") == next_position)
        assert next_position == position + 1
