"""What every room's tests share: a fresh database and a log in it, on each store in turn, and which files begin.

`@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)` keeps a test to one store.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from service.log import Log, open_log
from tests.support import stores

# A busy machine is no finding. CI tries the same examples each time; runs by hand look for new ones; soak for many.
settings.register_profile("tamga", max_examples=50, deadline=None, derandomize="CI" in os.environ)
settings.register_profile("soak", max_examples=1000, deadline=None)
settings.load_profile("tamga")

_LONGEST = (
    "test_nodes_faults",
    "test_upgrade",
    "test_restore",
    "test_bench",
    "test_serve",
    "test_workers",
    "test_streams_chaos",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take longest begin, so that none of `make test`'s processes is left alone with one at the end."""
    items.sort(key=lambda item: item.path.stem not in _LONGEST)


@pytest.fixture(params=stores.STORES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database of its own."""
    with stores.fresh_database(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def log(database_url: str) -> Iterator[Log]:
    """An open log without events."""
    opened = open_log(database_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session", autouse=True)
def _tidy() -> Iterator[None]:
    yield
    stores.tidy()
