"""The sealer: what it signs, what it refuses, and how it goes on after crashes and lost files."""

import json
import logging
import shutil
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

import pytest

from service.audit import tree
from service.audit.audit import Audit, NotSealed
from service.audit.checkpoint import Checkpoint, open_checkpoint, peek
from service.audit.keys import KeyUnusable
from service.audit.note import NoteRefused
from service.audit.sealer import SealRefused
from service.audit.tiles import split_hashes, unpack_entries
from service.log.codec import entry_json
from service.log.sqlite import SQLiteLog
from tests.support.audit import audited, record, seal, sealed, tamper
from tests.support.service import eventually


def root_of_log(audit: Audit) -> bytes:
    """The root, straight from the log by the definition."""
    edge = tree.Frontier()
    for entry in audit.log.select_notifications(1, 10_000):
        edge.push(tree.leaf_hash(entry_json(entry)))
    return edge.root()


def files(data_dir: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (data_dir / "tiles").iterdir()}


def sign(audit: Audit, size: int, root: bytes) -> bytes:
    return Checkpoint(audit.origin, size, root).sign(audit.keys.signer())


@pytest.mark.parametrize("count", [1, 255, 256, 257, 700])
def test_the_checkpoint_is_the_tree_of_the_log_signed_by_its_key(tmp_path: Path, count: int) -> None:
    with audited(tmp_path, count) as audit:
        seal(audit)
        note = audit.checkpoint()
        assert note is not None
        head = open_checkpoint(note, audit.verifiers(), f"tamga/{audit.log.record_id}")
        assert (head.size, head.root) == (count, root_of_log(audit))


def test_nothing_is_signed_for_an_empty_log(tmp_path: Path) -> None:
    with audited(tmp_path) as audit:
        assert not audit.sealer.step()
        assert audit.checkpoint() is None
        assert audit.size() == 0


def test_sealing_again_changes_nothing(tmp_path: Path) -> None:
    with audited(tmp_path, 300) as audit:
        seal(audit)
        before = files(tmp_path)
        assert not audit.sealer.step()
        assert files(tmp_path) == before


def test_sealing_in_pieces_or_at_once_is_the_same(tmp_path: Path) -> None:
    with audited(tmp_path) as audit:
        for count in (1, 200, 54, 1, 300, 256):
            record(audit.log, count)
            seal(audit)
        head, pieces = audit.head(), {name: data for name, data in files(tmp_path).items() if "level" in name}
    shutil.rmtree(tmp_path / "tiles")
    (tmp_path / "last-checkpoint").unlink()
    with audited(tmp_path) as audit:
        seal(audit)
        assert audit.head() == head
        assert {name: data for name, data in files(tmp_path).items() if "level" in name} == pieces


def test_every_sealed_event_has_a_proof_in_every_sealed_tree(tmp_path: Path) -> None:
    with audited(tmp_path, 520) as audit:
        seal(audit)
        for size in (1, 2, 255, 256, 257, 511, 512, 520):
            for position in {1, size // 2 + 1, size}:
                proof = audit.inclusion_proof(position, size)
                assert proof.holds()
                assert proof.leaf == tree.leaf_hash(audit.entry(position))
            assert audit.consistency_proof(size).holds()


def test_a_proof_of_what_is_not_sealed_is_refused(tmp_path: Path) -> None:
    with audited(tmp_path, 5) as audit:
        seal(audit)
        record(audit.log, 5)
        for position, size in ((6, None), (0, None), (1, 6), (1, 0), (3, 2)):
            with pytest.raises(NotSealed):
                audit.inclusion_proof(position, size)
        with pytest.raises(NotSealed):
            audit.consistency_proof(1, 6)
        with pytest.raises(ValueError):
            audit.consistency_proof(0)


def test_tiles_and_bundles_are_served_as_far_as_they_are_sealed(tmp_path: Path) -> None:
    with audited(tmp_path, 300) as audit:
        seal(audit)
        record(audit.log, 10)
        tile, bundle = audit.resource("tile/0/001.p/44"), audit.resource("tile/entries/001.p/44")
        assert tile is not None
        assert bundle is not None
        assert [tree.leaf_hash(entry) for entry in unpack_entries(bundle.body)] == split_hashes(tile.body)
        assert json.loads(unpack_entries(bundle.body)[-1])["position"] == 300
        assert audit.resource("tile/1/000.p/1") is not None
        for path in (
            "tile/0/001.p/45",
            "tile/entries/001",
            "tile/1/000",
            "tile/2/000.p/1",
            "nothing",
            "../signing.key",
        ):
            assert audit.resource(path) is None


def test_the_checkpoint_and_the_public_keys_are_served(tmp_path: Path) -> None:
    with audited(tmp_path, 3) as audit:
        seal(audit)
        note, keys = audit.resource("checkpoint"), audit.resource("vkeys")
        assert note is not None
        assert keys is not None
        assert (note.body, keys.body.decode().split()) == (audit.checkpoint(), audit.vkeys())


def test_after_a_crash_between_tiles_and_checkpoint_the_same_tree_is_signed(tmp_path: Path) -> None:
    with audited(tmp_path, 300) as audit:
        seal(audit)
        before = {name: (tmp_path / name).read_bytes() for name in ("last-checkpoint", "tiles/checkpoint")}
        record(audit.log, 300)
        seal(audit)
        after = audit.checkpoint()
    for name, note in before.items():
        (tmp_path / name).write_bytes(note)
    with audited(tmp_path) as audit:
        seal(audit)
        assert audit.checkpoint() == after


def test_after_a_crash_in_the_middle_of_a_tile_it_is_written_again(tmp_path: Path) -> None:
    with audited(tmp_path, 300) as audit:
        seal(audit)
        with (tmp_path / "tiles/level-0").open("ab") as file:
            file.write(b"torn" * 100)
        record(audit.log, 300)
        seal(audit)
        assert audit.head() == Checkpoint(audit.origin, 600, root_of_log(audit))


def test_a_checkpoint_signed_but_not_yet_shown_is_shown_after_a_crash(tmp_path: Path) -> None:
    with audited(tmp_path, 3) as audit:
        seal(audit)
        shown = audit.checkpoint()
        record(audit.log, 3)
        seal(audit)
        signed = audit.checkpoint()
        assert shown is not None
    (tmp_path / "tiles/checkpoint").write_bytes(shown)
    with audited(tmp_path) as audit:
        audit.sealer.step()
        assert audit.checkpoint() == signed


def test_lost_or_damaged_tiles_are_made_again_from_the_log(tmp_path: Path) -> None:
    sealed(tmp_path, 600)
    before = files(tmp_path)
    damaged = bytearray((tmp_path / "tiles/level-0").read_bytes())
    damaged[1000] ^= 1
    (tmp_path / "tiles/level-0").write_bytes(damaged)
    (tmp_path / "tiles/level-1").unlink()
    with audited(tmp_path) as audit:
        audit.sealer.step()
    assert files(tmp_path) == before


def test_a_log_that_lost_signed_events_is_not_signed(tmp_path: Path) -> None:
    sealed(tmp_path, 10)
    tamper(tmp_path, "DELETE FROM event WHERE position > 8")
    with audited(tmp_path) as audit, pytest.raises(SealRefused, match="ends at 8, though 10"):
        audit.sealer.step()


def test_a_log_with_a_gap_is_not_signed(tmp_path: Path) -> None:
    with audited(tmp_path, 10) as audit:
        tamper(tmp_path, "DELETE FROM event WHERE position = 4")
        with pytest.raises(SealRefused, match="position 4 is missing"):
            audit.sealer.step()


def test_a_rewritten_history_is_not_signed_even_when_the_tiles_were_rewritten_too(tmp_path: Path) -> None:
    sealed(tmp_path, 10)
    tamper(tmp_path, "UPDATE event SET recorded_by = 'nobody' WHERE position = 4")
    shutil.rmtree(tmp_path / "tiles")
    with audited(tmp_path, 5) as audit:
        with pytest.raises(SealRefused, match="first 10 events are not those that were signed"):
            audit.sealer.step()
        assert audit.checkpoint() is None


def test_tiles_changed_under_a_running_sealer_are_noticed_and_made_again(tmp_path: Path) -> None:
    with audited(tmp_path, 300) as audit:
        seal(audit)
        with (tmp_path / "tiles/level-1").open("r+b") as file:
            file.write(b"0" * 32)
        record(audit.log, 5)
        with pytest.raises(SealRefused, match="does not extend"):
            audit.sealer.step()
        seal(audit)
        assert audit.head() == Checkpoint(audit.origin, 305, root_of_log(audit))


def test_a_fork_in_the_place_of_the_checkpoint_is_refused(tmp_path: Path) -> None:
    with audited(tmp_path, 10) as audit:
        seal(audit)
        fork = sign(audit, 11, bytes(32))
    (tmp_path / "tiles/checkpoint").write_bytes(fork)
    with audited(tmp_path, 5) as audit, pytest.raises(SealRefused, match="first 11 events"):
        audit.sealer.step()


def test_a_checkpoint_of_a_stranger_is_not_taken_up(tmp_path: Path) -> None:
    sealed(tmp_path / "ours", 3)
    sealed(tmp_path / "other", 3)
    shutil.copy(tmp_path / "other/last-checkpoint", tmp_path / "ours/last-checkpoint")
    with audited(tmp_path / "ours", 1) as audit, pytest.raises(SealRefused, match="no known key"):
        audit.sealer.step()


def test_only_one_of_two_sealers_of_a_folder_signs(tmp_path: Path) -> None:
    with audited(tmp_path, 10) as first, audited(tmp_path) as second:
        assert first.sealer.step()
        record(first.log, 5)
        assert not second.sealer.step()
        assert second.size() == 10
        first.stop()
        assert second.sealer.step()
        assert (first.size(), second.state.leads) == (15, True)


def test_a_new_key_signs_on_and_old_checkpoints_stay_verifiable(tmp_path: Path) -> None:
    with audited(tmp_path, 3) as audit:
        seal(audit)
        old = audit.checkpoint()
        new_key = audit.keys.rotate()
        record(audit.log, 3)
        seal(audit)
        new = audit.checkpoint()
        assert old is not None
        assert new is not None
        assert open_checkpoint(new, [new_key]).size == 6
        assert [open_checkpoint(note, audit.verifiers()).size for note in (old, new)] == [3, 6]
        assert len(audit.vkeys()) == 2


def test_while_keys_change_either_public_key_checks_a_checkpoint_and_afterwards_the_new_one_alone(
    tmp_path: Path,
) -> None:
    with audited(tmp_path, 3) as audit:
        seal(audit)
        [old_key] = audit.verifiers()
        new_key = audit.keys.rotate()
        record(audit.log, 3)
        seal(audit)
        both = audit.checkpoint() or b""
        assert [open_checkpoint(both, [key]).size for key in (old_key, new_key)] == [6, 6]
        audit.keys.retire()
        record(audit.log, 3)
        seal(audit)
        alone = audit.checkpoint() or b""
        assert open_checkpoint(alone, [new_key]).size == 9
        with pytest.raises(NoteRefused, match="no known key"):
            open_checkpoint(alone, [old_key])


def test_the_running_sealer_seals_what_is_recorded_within_a_second(tmp_path: Path) -> None:
    with audited(tmp_path) as audit:
        audit.start()
        took = []
        for _ in range(4):
            record(audit.log, 20)
            position, started = audit.log.head().position, monotonic()
            assert audit.wait_sealed(position, 30)
            took.append(monotonic() - started)
            sleep(0.05)
        assert min(took) < 1.2, took  # a busy machine may hold up some of them


def test_events_recorded_by_many_threads_while_sealing_are_all_sealed(tmp_path: Path) -> None:
    with audited(tmp_path) as audit:
        audit.start()
        logs = [SQLiteLog(tmp_path / "log.db") for _ in range(3)]
        threads = [Thread(target=_append_streams, args=(log, number)) for number, log in enumerate(logs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert audit.wait_sealed(300, 30)
        assert audit.head() == Checkpoint(audit.origin, 300, root_of_log(audit))
        for log in logs:
            log.close()


def test_what_was_recorded_last_is_sealed_when_the_sealer_stops(tmp_path: Path) -> None:
    with audited(tmp_path) as audit:
        audit.start()
        record(audit.log, 1)
        assert audit.wait_sealed(1, 30)
        record(audit.log, 50)
        audit.stop()
        assert audit.size() == 51


def test_waiting_for_a_seal_that_does_not_come_ends_in_time(tmp_path: Path) -> None:
    with audited(tmp_path, 1) as audit:
        assert not audit.wait_sealed(1, 0.05)


def test_a_sealer_in_trouble_says_so_and_goes_on_once_it_is_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tamga.sealer")
    sealed(tmp_path, 3)
    key = (tmp_path / "signing.key").read_bytes()
    (tmp_path / "signing.key").unlink()
    with audited(tmp_path, 3) as audit:
        audit.start()
        eventually(lambda: audit.state.fault)
        assert "signing.key is missing" in str(audit.state.fault)
        (tmp_path / "kept.key").write_bytes(key)
        (tmp_path / "kept.key").rename(tmp_path / "signing.key")  # whole or not there, whenever the sealer looks
        assert audit.wait_sealed(6, 30)
        eventually(lambda: audit.state.fault is None)
    trouble, over = caplog.messages
    assert trouble.startswith("nothing is sealed: ")
    assert over == "the sealer goes on"


def test_a_file_that_is_no_key_is_told_before_there_is_anything_to_sign(tmp_path: Path) -> None:
    sealed(tmp_path, 3)
    (tmp_path / "signing.key").write_text("root:x:0:0:root:/root:/bin/bash\n")
    with audited(tmp_path) as audit:
        assert audit.size() == audit.log.head().position
        with pytest.raises(KeyUnusable, match="malformed private key"):
            audit.sealer.step()


@pytest.mark.parametrize("origin", ["two words", "a+b", "line\nbreak"])
def test_an_origin_that_no_key_can_bear_is_refused(tmp_path: Path, origin: str) -> None:
    with audited(tmp_path) as audit, pytest.raises(ValueError, match="key name"):
        Audit(audit.log, tmp_path, origin)


def test_a_sealer_survives_what_it_did_not_expect(tmp_path: Path) -> None:
    with audited(tmp_path, 3) as audit:
        (tmp_path / "vkeys").write_bytes(b"\xff")
        audit.start()
        eventually(lambda: audit.state.fault)
        (tmp_path / "vkeys").unlink()
        assert audit.wait_sealed(3, 30)


def test_the_checkpoint_claims_what_the_head_says(tmp_path: Path) -> None:
    with audited(tmp_path, 3) as audit:
        seal(audit)
        assert peek(audit.checkpoint() or b"") == audit.head()


def _append_streams(log: SQLiteLog, number: int) -> None:
    from tests.support.audit import event

    for version in range(1, 101):
        log.insert_events(
            [event(f"thread:{number}", version)], command_id=f"{number}-{version}", actor="t", request_hash="h"
        )
