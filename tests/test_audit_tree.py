"""The Merkle tree against a naive reading of RFC 6962 and the published vectors of transparency-dev/merkle."""

import json
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.audit import tree

VECTORS = [json.loads(line) for line in (Path(__file__).parent / "data/merkle_vectors.jsonl").read_text().splitlines()]
LEAVES = [tree.leaf_hash(b"%d" % number) for number in range(600)]
sizes = st.integers(1, len(LEAVES))


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH as RFC 6962 section 2.1 words it."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


def node(height: int, index: int) -> bytes:
    return tree.fold(LEAVES[index << height : (index + 1) << height])


def raw(values: list[str] | None) -> list[bytes]:
    return [b64decode(value) for value in values or []]


def accepts(kind: str, v: dict[str, Any]) -> bool:
    if kind == "inclusion":
        leaf, root = b64decode(v["leafHash"]), b64decode(v["root"])
        return tree.verify_inclusion(v["leafIdx"], v["treeSize"], leaf, raw(v["proof"]), root)
    roots = b64decode(v["root1"] or ""), b64decode(v["root2"] or "")
    return tree.verify_consistency(v["size1"], v["size2"], raw(v["proof"]), *roots)


def test_there_are_98_vectors_of_each_kind() -> None:
    assert [v["kind"] for v in VECTORS].count("inclusion") == 98
    assert [v["kind"] for v in VECTORS].count("consistency") == 98


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_a_published_vector_is_judged_as_it_says(vector: dict[str, Any]) -> None:
    assert accepts(vector["kind"], vector["vector"]) is not vector["vector"]["wantErr"]


@given(sizes)
def test_the_root_is_that_of_the_rfc(size: int) -> None:
    assert tree.root_of(size, node) == naive_root(LEAVES[:size])


def test_the_empty_tree_has_the_hash_of_nothing_as_its_root() -> None:
    assert tree.root_of(0, node) == naive_root([]) == tree.Frontier().root()


@given(st.data())
def test_an_inclusion_proof_is_accepted_for_its_leaf_and_no_other(data: st.DataObject) -> None:
    size = data.draw(sizes)
    index, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size - 1))
    path, root = tree.inclusion_path(index, size, node), naive_root(LEAVES[:size])
    assert tree.verify_inclusion(index, size, LEAVES[index], path, root)
    assert tree.verify_inclusion(other, size, LEAVES[other], path, root) is (other == index)


@given(st.data())
def test_a_consistency_proof_is_accepted_for_its_two_trees(data: st.DataObject) -> None:
    new = data.draw(sizes)
    old = data.draw(st.integers(1, new))
    path = tree.consistency_path(old, new, node)
    assert tree.verify_consistency(old, new, path, naive_root(LEAVES[:old]), naive_root(LEAVES[:new]))


@given(st.data())
def test_a_proof_with_a_changed_hash_is_refused(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, len(LEAVES)))
    index = data.draw(st.integers(0, size - 1))
    path, root = tree.inclusion_path(index, size, node), naive_root(LEAVES[:size])
    step, bit = data.draw(st.integers(0, len(path) - 1)), data.draw(st.integers(0, 255))
    path[step] = (int.from_bytes(path[step]) ^ 1 << bit).to_bytes(32)
    assert not tree.verify_inclusion(index, size, LEAVES[index], path, root)


@given(st.data())
def test_a_history_that_was_changed_has_no_consistency_proof(data: st.DataObject) -> None:
    new = data.draw(sizes)
    old = data.draw(st.integers(1, new))
    changed = LEAVES[:old]
    changed[data.draw(st.integers(0, old - 1))] = tree.leaf_hash(b"another")
    path = tree.consistency_path(old, new, node)
    assert not tree.verify_consistency(old, new, path, naive_root(changed), naive_root(LEAVES[:new]))


@given(st.lists(st.booleans(), max_size=40))
def test_a_frontier_gives_the_root_whether_fed_by_leaf_or_by_subtree(whole: list[bool]) -> None:
    frontier, size = tree.Frontier(), 0
    for by_subtree in whole:
        if by_subtree and size % 8 == 0:
            frontier.push(node(3, size // 8), 3)
            size += 8
        else:
            frontier.push(LEAVES[size])
            size += 1
    assert (frontier.size, frontier.root()) == (size, naive_root(LEAVES[:size]))
    assert tree.Frontier.of(size, node).root() == frontier.root()


def test_a_leaf_outside_the_tree_has_no_path() -> None:
    with pytest.raises(ValueError, match="no leaf 5"):
        tree.inclusion_path(5, 5, node)


def test_a_smaller_tree_does_not_extend_a_greater_one() -> None:
    with pytest.raises(ValueError, match="does not extend"):
        tree.consistency_path(6, 5, node)
