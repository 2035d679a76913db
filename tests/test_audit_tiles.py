"""Tile paths and bytes, held to the examples of C2SP tlog-tiles."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.audit import tree
from service.audit.tiles import (
    EntryTooLong,
    HashFiles,
    IncompleteTiles,
    TileName,
    levels_of,
    pack_entries,
    tiles_of,
    unpack_entries,
)

LEAVES = [tree.leaf_hash(b"%d" % number) for number in range(1000)]


def kept(directory: Path, *steps: int) -> HashFiles:
    """Files that took the leaves in several writes, up to each of the given sizes."""
    files, size = HashFiles(directory, writable=True), 0
    for step in steps:
        files.write(size, LEAVES[size:step])
        size = step
    return files


def test_the_index_of_a_tile_is_written_in_groups_of_three() -> None:
    assert TileName(0, 1234067).path == "tile/0/x001/x234/067"
    assert TileName(None, 0, 17).path == "tile/entries/000.p/17"


@given(st.none() | st.integers(0, 63), st.integers(0, 10**12), st.integers(1, 256))
def test_a_tile_is_found_by_its_path(level: int | None, index: int, width: int) -> None:
    name = TileName(level, index, width)
    assert TileName.parse(name.path) == name


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile",
        "tile/0/0",
        "tile/0/x000/000",
        "tile/00/000",
        "tile/64/000",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/../000",
        "tile/0/000\n",
        "tile/0/٠٠٠",
    ],
)
def test_a_path_that_names_no_tile_is_refused(path: str) -> None:
    assert TileName.parse(path) is None


def test_a_tree_of_70000_leaves_has_the_tiles_that_the_specification_names() -> None:
    assert list(levels_of(70_000)) == [0, 1, 2]
    level0, level1, level2 = (list(tiles_of(70_000, level)) for level in levels_of(70_000))
    assert (len(level0), level0[-1]) == (274, TileName(0, 273, 112))
    assert level1 == [TileName(1, 0), TileName(1, 1, 17)]
    assert level2 == [TileName(2, 0, 1)]


@pytest.mark.parametrize(("size", "levels"), [(0, 0), (1, 1), (255, 1), (256, 2), (65_535, 2), (65_536, 3)])
def test_a_level_exists_as_soon_as_a_tile_below_is_full(size: int, levels: int) -> None:
    assert len(levels_of(size)) == levels


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_a_bundle_gives_back_its_entries(entries: list[bytes]) -> None:
    assert unpack_entries(pack_entries(entries)) == entries


def test_the_longest_entry_of_a_bundle_has_65535_bytes() -> None:
    assert unpack_entries(pack_entries([b"x" * 65_535])) == [b"x" * 65_535]
    with pytest.raises(EntryTooLong):
        pack_entries([b"x" * 65_536])


@given(st.integers(1, 12))
def test_a_bundle_that_was_cut_is_refused(cut: int) -> None:
    bundle = pack_entries([b"x" * 10])
    with pytest.raises(ValueError):
        unpack_entries(bundle[:-cut] or b"\0")


@pytest.mark.parametrize("steps", [(1,), (255, 256, 257), (256, 512, 1000), (100, 600, 601), (1000,)])
def test_kept_hashes_give_the_root_of_every_smaller_tree(tmp_path: Path, steps: tuple[int, ...]) -> None:
    files, whole = kept(tmp_path, *steps), tree.Frontier()
    for size, leaf in enumerate(LEAVES[: steps[-1]], 1):
        whole.push(leaf)
        assert tree.root_of(size, files.node) == whole.root()


def test_writing_the_same_leaves_again_changes_nothing(tmp_path: Path) -> None:
    files = kept(tmp_path, 700)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    files.write(200, LEAVES[200:600])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_tile_that_is_not_there_is_named(tmp_path: Path) -> None:
    files = kept(tmp_path, 10)
    with pytest.raises(IncompleteTiles, match="no hash 10"):
        files.tile(TileName(0, 0, 11))
    with pytest.raises(IncompleteTiles, match="no tiles"):
        HashFiles(tmp_path / "none").tile(TileName(0, 0))
