"""Checkpoints and proofs in GraphQL, from a real node, checked here with a hash function, a decoder and a key."""

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from schema import state
from service.audit.checkpoint import open_checkpoint, peek
from service.audit.note import VerifierKey
from service.audit.proof import ProofFile
from service.audit.state import state_at
from service.audit.tree import verify_consistency
from service.log.codec import entry_json
from service.replica.store import Replica
from tests.support.audit import tamper
from tests.support.auditing import Api, audited_api, root_by_hand

pytestmark = pytest.mark.asyncio(loop_scope="module")

DEAL = "deal:uz-boeing-787"
PROOF = "{ position entry leafHash path treeSize rootHash checkpoint { origin size rootHash note } file }"
ONE = f"query($at: Position!, $size: Position) {{ inclusionProof(position: $at, treeSize: $size) {PROOF} }}"
GROWN = "query($from: Position!, $to: Position) { consistencyProof(fromSize: $from, toSize: $to) { path toRootHash } }"


def party(key: str) -> dict[str, Any]:
    return {
        "event": "PartyRegistered",
        "id": f"party:{key}",
        "data": {"kind": "COMPANY", "name": key},
        "sources": [{"source": "source:asb-media-2025-09"}],
    }


def recording(key: str, selection: str, arguments: str = "waitForSeal: true") -> str:
    """A mutation that registers a party."""
    source = '[{source: "source:asb-media-2025-09"}]'
    fact = f'{{id: "party:{key}", kind: COMPANY, name: "{key}", sources: {source}}}'
    return f"""mutation {{ done: recordPartyRegistered(input: {fact}, {arguments}) {{
        ... on Recorded {{ position {selection} }} }} }}"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    async with audited_api(tmp_path_factory.mktemp("sealed")) as served:
        yield served


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def unsealed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """A node that signs nothing."""
    async with audited_api(tmp_path_factory.mktemp("unsealed"), seal=False) as served:
        yield served


async def keys(api: Api) -> list[VerifierKey]:
    return [VerifierKey.parse(key) for key in (await api.ask("{ log { vkeys } }"))["log"]["vkeys"]]


async def test_the_checkpoint_is_signed_by_a_key_of_the_log_and_says_what_its_note_says(api: Api) -> None:
    found = await api.ask("{ checkpoint { origin size rootHash note } log { recordId } }")
    checkpoint = found["checkpoint"]
    head = open_checkpoint(checkpoint["note"].encode(), await keys(api), f"tamga/{found['log']['recordId']}")
    assert (head.origin, head.size) == (checkpoint["origin"], checkpoint["size"])
    assert b64decode(checkpoint["rootHash"]) == head.root


async def test_the_log_shows_the_same_checkpoint_and_keys_as_its_files(api: Api) -> None:
    log = (await api.ask("{ log { vkeys checkpoint { note } } }"))["log"]
    assert log["checkpoint"]["note"].encode() == await api.get("checkpoint")
    assert log["vkeys"] == (await api.get("vkeys")).decode().split()


@pytest.mark.parametrize("position", [1, 2, 64, 127, 200])
async def test_a_proof_leads_from_the_entry_to_the_signed_root(api: Api, position: int) -> None:
    proof = (await api.ask(ONE, at=position))["inclusionProof"]
    head = open_checkpoint(proof["checkpoint"]["note"].encode(), await keys(api))
    assert root_by_hand(proof["entry"], position - 1, head.size, proof["path"]) == head.root
    assert (proof["rootHash"], proof["treeSize"]) == (proof["checkpoint"]["rootHash"], head.size)


async def test_a_proof_also_comes_as_a_file_for_other_tools(api: Api) -> None:
    proof = (await api.ask(ONE, at=17))["inclusionProof"]
    parsed = ProofFile.parse(proof["file"].encode())
    assert parsed.verify(proof["entry"].encode(), await keys(api)).size == proof["treeSize"]


async def test_an_entry_is_the_exported_line_of_the_event(api: Api) -> None:
    entry = (await api.ask(ONE, at=42))["inclusionProof"]["entry"]
    (stored,) = api.node.log.select_notifications(42, 1, 42)
    assert entry.encode() == entry_json(stored)
    assert json.loads(entry)["position"] == 42


async def test_the_way_from_a_shown_value_to_its_proof(api: Api) -> None:
    query = f'{{ deal(id: "{DEAL}") {{ value {{ shown {{ asStated }} claim {{ event {{ id proof {PROOF} }} }} }} }} }}'
    value = (await api.ask(query))["deal"]["value"]
    event = value["claim"]["event"]
    proof = event["proof"]
    entry = json.loads(proof["entry"])
    assert f"{entry['id']}@{entry['version']}" == event["id"]
    assert entry["data"]["money"]["as_stated"] == value["shown"]["asStated"]
    assert root_by_hand(proof["entry"], proof["position"] - 1, proof["treeSize"], proof["path"]) == b64decode(
        proof["checkpoint"]["rootHash"]
    )


async def test_all_proofs_of_one_answer_are_of_one_checkpoint(api: Api) -> None:
    found = await api.ask("{ events(first: 40) { nodes { proof { checkpoint { note } } } } checkpoint { note } }")
    notes = {event["proof"]["checkpoint"]["note"] for event in found["events"]["nodes"]}
    assert notes == {found["checkpoint"]["note"]}


async def test_a_proof_in_an_older_tree_has_its_root_and_no_checkpoint(api: Api) -> None:
    proof = (await api.ask(ONE, at=5, size=100))["inclusionProof"]
    assert root_by_hand(proof["entry"], 4, 100, proof["path"]) == b64decode(proof["rootHash"])
    assert (proof["treeSize"], proof["checkpoint"], proof["file"]) == (100, None, None)


async def test_a_later_checkpoint_is_proven_to_extend_an_older_one(api: Api) -> None:
    older = peek(await api.get("checkpoint"))
    await api.record(party("later"), party("later-still"))
    newer = peek(await api.get("checkpoint"))
    proof = (await api.ask(GROWN, **{"from": older.size}))["consistencyProof"]
    path = [*map(b64decode, proof["path"])]
    assert newer.size > older.size
    assert proof["toRootHash"] == b64encode(newer.root).decode()
    assert verify_consistency(older.size, newer.size, path, older.root, newer.root)


@pytest.mark.parametrize(
    ("query", "variables", "code"),
    [
        (ONE, {"at": 99_999}, "NOT_SEALED"),
        (ONE, {"at": 0}, "NOT_SEALED"),
        (ONE, {"at": 1, "size": 99_999}, "NOT_SEALED"),
        (ONE, {"at": 60, "size": 50}, "NOT_SEALED"),
        (GROWN, {"from": 1, "to": 99_999}, "NOT_SEALED"),
        (GROWN, {"from": 60, "to": 50}, "BAD_USER_INPUT"),
        (GROWN, {"from": 0}, "BAD_USER_INPUT"),
        (ONE, {"at": -1}, "BAD_USER_INPUT"),
    ],
)
async def test_what_is_not_sealed_has_no_proof_and_a_clear_code(
    api: Api, query: str, variables: dict[str, int], code: str
) -> None:
    assert await api.refused(query, **variables) == code


async def test_a_mutation_can_wait_for_the_seal_and_answer_with_the_proof(api: Api) -> None:
    done = (await api.ask(recording("sealed", f"proof {PROOF} events {{ id proof {{ position }} }}")))["done"]
    proof = done["proof"]
    head = open_checkpoint(proof["checkpoint"]["note"].encode(), await keys(api))
    assert proof["position"] == done["position"]
    assert root_by_hand(proof["entry"], done["position"] - 1, head.size, proof["path"]) == head.root
    assert [event["proof"]["position"] for event in done["events"]] == [done["position"]]


async def test_selections_of_a_proof_in_a_mutation_can_be_fragments_and_aliases(api: Api) -> None:
    mutation = recording("fragments", "sealed: proof { ...Size } proof { ...Size at: position }")
    done = (await api.ask(f"{mutation} fragment Size on InclusionProof {{ treeSize }}"))["done"]
    assert done["sealed"]["treeSize"] >= done["proof"]["at"] == done["position"]


async def test_a_repeated_command_is_answered_with_its_proof(api: Api) -> None:
    once = recording("twice", "proof { position }", 'waitForSeal: true, commandId: "twice"')
    first, again = await api.ask(once), await api.ask(once)
    assert first == again
    assert first["done"]["proof"]["position"] == first["done"]["position"]


async def test_without_a_seal_all_is_recorded_and_nothing_is_proven(unsealed: Api) -> None:
    done = (await unsealed.ask(recording("open", "proof { position }", "waitForSeal: false")))["done"]
    assert done["position"] > 200
    assert done["proof"] is None


async def test_before_the_first_seal_there_is_no_checkpoint_and_no_proof(unsealed: Api) -> None:
    found = await unsealed.ask("{ checkpoint { size } events(first: 1) { nodes { proof { position } } } }")
    assert found == {"checkpoint": None, "events": {"nodes": [{"proof": None}]}}
    assert await unsealed.refused("{ inclusionProof(position: 1) { position } }") == "NOT_SEALED"
    assert await unsealed.refused("{ consistencyProof(fromSize: 1) { path } }") == "NOT_SEALED"


async def test_the_state_root_is_the_hash_of_the_replica_at_that_position(api: Api) -> None:
    found = (await api.ask("{ log { stateRoot a: stateRoot(position: 100) b: stateRoot(position: 100) } }"))["log"]
    with api.node.replica.read() as connection:
        assert found["a"] == found["b"] == state_at(connection, 100).root
    assert found["stateRoot"] != found["a"]


async def test_all_proofs_of_an_operation_are_of_one_checkpoint_which_is_read_once_for_them(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[bytes | None] = []
    newest = api.node.audit.checkpoint

    def counted() -> bytes | None:
        read.append(newest())
        return read[-1]

    monkeypatch.setattr(api.node.audit, "checkpoint", counted)
    found = await api.ask("{ events(first: 20) { nodes { proof { checkpoint { note } } } } checkpoint { note } }")
    notes = {event["proof"]["checkpoint"]["note"] for event in found["events"]["nodes"]}
    beside = 20  # each proof asks for itself what is sealed
    assert (notes, len(read) - beside) == ({found["checkpoint"]["note"]}, 1)


async def test_a_state_root_that_is_asked_for_many_times_at_once_is_hashed_once(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    hashed = state._hashed

    def counted(replica: Replica, position: int, deadline: float) -> str:
        made.append(position)
        return hashed(replica, position, deadline)

    monkeypatch.setattr(state, "_hashed", counted)
    answers = await asyncio.gather(*(api.ask("{ log { stateRoot(position: 123) } }") for _ in range(5)))
    assert (len({each["log"]["stateRoot"] for each in answers}), made) == (1, [123])


async def test_a_position_beyond_the_replica_has_no_state_root(api: Api) -> None:
    assert await api.refused("{ log { stateRoot(position: 99999) } }") == "POSITION_NOT_REACHED"


async def test_two_nodes_with_one_log_have_one_state_root(api: Api, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("other")
    url = f"sqlite:///{api.node.settings.data_dir / 'log.db'}"
    query = "{ log { stateRoot(position: 150) } }"
    async with audited_api(folder, database_url=url, first_record=False, seal=False) as other:
        assert await other.ask(query) == await api.ask(query)


async def test_a_rewritten_event_no_longer_hashes_to_its_leaf(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("tampered")
    async with audited_api(folder) as api:
        tamper(folder, "UPDATE event SET recorded_by = 'somebody else' WHERE position = 7")
        proof = (await api.ask(ONE, at=7))["inclusionProof"]
        head = open_checkpoint(proof["checkpoint"]["note"].encode(), await keys(api))
        assert root_by_hand(proof["entry"], 6, head.size, proof["path"]) != head.root


async def messages(api: Api, subscription: str) -> AsyncIterator[dict[str, Any]]:
    """The messages of a subscription, over an event stream."""
    async for line in api.lines(subscription):
        if line.startswith("data:") and line[5:].strip():
            yield json.loads(line[5:])["data"]["events"]


async def test_events_of_a_stream_carry_their_proofs(api: Api) -> None:
    subscription = """subscription { events(after: "0", until: {position: 3}) {
        ... on EventRecorded { event { position proof { position treeSize } } } } }"""
    told = [found["event"] async for found in messages(api, subscription) if found.get("event")]
    assert [event["proof"]["position"] for event in told] == [1, 2, 3]


async def test_a_stream_that_stays_open_proves_what_was_sealed_since_it_began(api: Api) -> None:
    start = api.node.log.head().position
    subscription = f"""subscription {{ events(after: "{start - 1}", until: {{position: {start + 1}}}) {{
        ... on EventRecorded {{ position event {{ proof {{ treeSize }} }} }} ... on CaughtUp {{ position }} }} }}"""
    sizes = []
    async for found in messages(api, subscription):
        if "event" not in found:
            await api.record(party("streamed"))
        elif found["event"]["proof"]:
            sizes.append(found["event"]["proof"]["treeSize"])
    assert sizes[0] == start


async def test_files_of_a_log_that_asks_for_a_key_are_kept_by_no_cache_that_others_share(tmp_path: Path) -> None:
    async with audited_api(tmp_path, reading="key") as closed:
        answer = await closed.file("/log/tile/entries/000.p/200")
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"


async def test_without_the_log_what_is_signed_is_served_and_what_the_log_has_is_told_to_be_away(tmp_path: Path) -> None:
    async with audited_api(tmp_path) as cut:
        await asyncio.to_thread(cut.node.log.close)
        assert (await cut.ask("{ checkpoint { size } }"))["checkpoint"]["size"] == 210
        assert await cut.refused("{ log { position } }") == "UNAVAILABLE"
        assert await cut.refused("{ inclusionProof(position: 1) { path } }") == "UNAVAILABLE"
        for path in ("checkpoint", "vkeys", "tile/0/000.p/210"):
            assert (await cut.file(f"/log/{path}")).status_code == 200
        assert (await cut.file("/log/tile/entries/000.p/210")).status_code == 503
