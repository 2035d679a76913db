"""The auditor's questions 10, 11 and 13, answered by GraphQL alone: replay, corrections, and an unaltered log."""

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from service.audit.checkpoint import open_checkpoint
from service.audit.note import NoteRefused, VerifierKey
from service.audit.replay import replay
from service.audit.tree import verify_consistency
from tests.support.audit import tamper
from tests.support.auditing import Api, audited_api, root_by_hand

pytestmark = pytest.mark.asyncio(loop_scope="module")

DEAL = "deal:uz-boeing-787"
SHOWN = f'query($at: AsOf) {{ deal(id: "{DEAL}", asOf: $at) {{ title value {{ text verification }} version }} }}'
MISREAD = {
    "event": "FactCorrected",
    "id": DEAL,
    "data": {
        "target": 11,
        "field": "money",
        "now": {"low": "8400000000", "high": "8400000000", "currency": "USD", "basis": "OFFICIAL_ESTIMATE"},
        "cause": "MISREAD",
        "reason": "the table was read one line too low",
    },
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    async with audited_api(tmp_path_factory.mktemp("node")) as served:
        yield served


async def test_10_a_replay_to_any_point_is_the_same_state_by_the_same_hash(api: Api, tmp_path: Path) -> None:
    query = "query($at: Position!) { log { stateRoot(position: $at) rules } }"
    for position in (1, 57, 150, 210):
        answered = (await api.ask(query, at=position))["log"]
        verdict = replay(api.node.log, api.node.replica, position, tmp_path)
        assert verdict.same
        assert verdict.replayed.root == answered["stateRoot"]


async def test_10_the_same_moment_says_the_same_however_much_was_recorded_since(api: Api) -> None:
    query = "{ log { stateRoot(position: 150) } }"
    text, root = await api.text(SHOWN, at={"position": 150}), await api.text(query)
    await api.record({"event": "PartyRenamed", "id": "party:boeing", "data": {"name": "Boeing"}, "sources": [
        {"source": "source:asb-media-2025-09"},
    ]})  # fmt: skip
    assert await api.text(SHOWN, at={"position": 150}) == text
    assert await api.text(query) == root


async def test_11_what_was_corrected_by_whom_and_why_and_what_did_readers_see_before(api: Api) -> None:
    before = await api.text(SHOWN)
    await api.record(MISREAD, actor="key:editor")
    query = """{ corrections(first: 1) { nodes {
      kind cause reason recordedBy position field was now targetEvent { id sources { source { title } } }
      rested { object { id } fields { field was now } } event { proof { treeSize checkpoint { size } } }
    } } }"""
    (found,) = (await api.ask(query))["corrections"]["nodes"]
    assert (found["recordedBy"], found["cause"]) == ("key:editor", "MISREAD")
    assert (found["was"]["as_stated"], found["now"]["low"]) == ("$8.5 billion", "8400000000")
    assert found["rested"][0]["object"] == {"id": DEAL}
    assert {"field": "value", "was": "$8.5 billion", "now": "USD 8400000000"} in (found["rested"][0]["fields"])
    assert await api.text(SHOWN, at={"position": found["position"] - 1}) == before
    assert await api.text(SHOWN, at={"position": found["position"]}) != before
    assert found["event"]["proof"]["treeSize"] >= found["position"]


async def checkpoint(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = await api.ask("{ checkpoint { size rootHash note } log { vkeys position } }")
    return found


async def test_13_the_log_is_complete_every_event_hashes_to_the_signed_root(api: Api) -> None:
    found = await checkpoint(api)
    head = open_checkpoint(found["checkpoint"]["note"].encode(), [VerifierKey.parse(found["log"]["vkeys"][0])])
    assert head.size == found["log"]["position"]
    query = "query($at: Position!) { inclusionProof(position: $at) { entry path } }"
    entries = []
    for position in range(1, head.size + 1):
        proof = (await api.ask(query, at=position))["inclusionProof"]
        assert root_by_hand(proof["entry"], position - 1, head.size, proof["path"]) == head.root
        entries.append(proof["entry"])
    assert [json.loads(entry)["position"] for entry in entries] == [*range(1, head.size + 1)]
    assert tree_root([hashlib.sha256(b"\0" + entry.encode()).digest() for entry in entries]) == head.root


def tree_root(leaves: list[bytes]) -> bytes:
    """The root over leaf hashes, as RFC 6962 defines it."""
    if len(leaves) == 1:
        return leaves[0]
    left = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + tree_root(leaves[:left]) + tree_root(leaves[left:])).digest()


async def test_13_a_checkpoint_that_was_kept_shows_that_nothing_was_altered_since(api: Api) -> None:
    kept = (await checkpoint(api))["checkpoint"]
    await api.record({**MISREAD, "data": {**MISREAD["data"], "reason": "once more"}})  # type: ignore[dict-item]
    now = (await checkpoint(api))["checkpoint"]
    query = "query($from: Position!, $to: Position!) { consistencyProof(fromSize: $from, toSize: $to) { path } }"
    proof = (await api.ask(query, **{"from": kept["size"], "to": now["size"]}))["consistencyProof"]
    roots = [b64decode(one["rootHash"]) for one in (kept, now)]
    assert verify_consistency(kept["size"], now["size"], [*map(b64decode, proof["path"])], *roots)


async def test_13_a_record_that_was_rewritten_cannot_prove_what_it_once_signed(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("rewritten")
    async with audited_api(folder) as api:
        kept = await checkpoint(api)
    tamper(folder, "UPDATE event SET recorded_by = 'nobody' WHERE position = 50")
    for made in (folder / "tiles").rglob("*"):
        if made.is_file():
            made.unlink()
    (folder / "last-checkpoint").unlink()
    async with audited_api(folder) as api:
        found = await checkpoint(api)
        assert found["checkpoint"]["size"] == kept["checkpoint"]["size"]
        assert found["checkpoint"]["rootHash"] != kept["checkpoint"]["rootHash"]
        proof = (await api.ask("{ inclusionProof(position: 50) { entry path } }"))["inclusionProof"]
        root = root_by_hand(proof["entry"], 49, kept["checkpoint"]["size"], proof["path"])
        assert b64encode(root).decode() != kept["checkpoint"]["rootHash"]


async def test_13_a_checkpoint_signed_by_another_key_is_refused(api: Api) -> None:
    found = await checkpoint(api)
    key = VerifierKey.parse(found["log"]["vkeys"][0])
    forged = found["checkpoint"]["note"].replace(found["checkpoint"]["rootHash"], b64encode(bytes(32)).decode())
    with pytest.raises(NoteRefused):
        open_checkpoint(forged.encode(), [key])
