"""The key that may write: made once, kept from other eyes, and never told."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.keys import Keys, actor, open_keys


def test_the_first_start_makes_a_key_that_its_owner_alone_can_read(tmp_path: Path) -> None:
    opened = open_keys(tmp_path / "data")
    assert (opened.made, opened.path) == (True, tmp_path / "data" / "recorder.key")
    assert stat.S_IMODE(opened.path.stat().st_mode) == 0o600
    assert list((tmp_path / "data").iterdir()) == [opened.path]


def test_later_starts_keep_it(tmp_path: Path) -> None:
    key = open_keys(tmp_path).path.read_text()
    again = open_keys(tmp_path)
    assert (again.made, again.path.read_text()) == (False, key)


def test_of_starts_at_the_same_time_one_makes_it(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(open_keys, [tmp_path] * 16))
    assert sum(one.made for one in opened) == 1
    key = (tmp_path / "recorder.key").read_text().strip()
    assert {one.keys.actor(key) for one in opened} == {actor(key)}


def test_the_actor_is_a_prefix_of_the_hash_and_tells_nothing_of_the_key() -> None:
    key = "tamga_0123456789012345678901234567890123456789"
    assert Keys([key]).actor(key) == actor(key) == "key:ec8bec00"
    assert "ec8bec00" not in key


@pytest.mark.parametrize("wrong", ["", "tamga_", "tamga_012345678901234567890123456789012345678x", "\udcff"])
def test_another_key_is_nobody(wrong: str) -> None:
    assert Keys(["tamga_0123456789012345678901234567890123456789"]).actor(wrong) is None


def test_several_keys_can_stand_in_the_file_with_comments(tmp_path: Path) -> None:
    (tmp_path / "recorder.key").write_text("# two\nfirst-key-of-the-record  # hers\n\nsecond-key-of-the-record\n")
    keys = open_keys(tmp_path).keys
    assert keys.actor("first-key-of-the-record") and keys.actor("second-key-of-the-record")


@pytest.mark.parametrize("content", ["", "# nothing\n", "short\n", "root:x:0:0:root:/root:/bin/bash\n"])
def test_a_file_without_a_proper_key_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "recorder.key").write_text(content)
    with pytest.raises(ValueError, match=r"recorder\.key must hold a key"):
        open_keys(tmp_path)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "recorder.key").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=r"recorder\.key must hold a key in each line"):
        open_keys(tmp_path)
