"""The tamper set: each way to alter a sealed record, and what `verify` says of it against what the verifier kept."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import apsw
import pytest

from service.audit.checkpoint import Checkpoint
from service.audit.export import export
from service.audit.sources import LogSource, folder_source
from service.audit.verify import Older, Verdict, verify
from service.log.codec import entry_json
from tests.support.audit import audited, record, seal, sealed, tamper

SIZE = 600
SHIFT_UP = (
    "UPDATE event SET position = -position - 1 WHERE position >= {0}",
    "UPDATE event SET position = -position WHERE position < 0",
)
SHIFT_DOWN = (
    "UPDATE event SET position = -position + 1 WHERE position > {0}",
    "UPDATE event SET position = -position WHERE position < 0",
)
INSERT = (
    "INSERT INTO event (stream, version, name, state, position, recorded_at, recorded_by, command_id) "
    "SELECT 'thing:new', 1, name, state, {0}, recorded_at, recorded_by, command_id FROM event WHERE position = {1}"
)
Tamper = Callable[[Path], None]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sealed log of 600 events; at 500 the verifier kept the checkpoint and an export."""
    folder = tmp_path_factory.mktemp("pristine")
    with audited(folder / "data", 500) as audit:
        seal(audit)
        export(LogSource(audit.log, folder / "data", audit.verifiers()), folder / "kept")
        record(audit.log, SIZE - 500)
        seal(audit)
    return folder


@pytest.fixture
def data(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine / "data", tmp_path / "data"))


def check(data: Path, *against: Older) -> Verdict:
    """As `tamga audit verify` does: the folder's own two checkpoints count, besides those that the verifier kept."""
    with audited(data) as audit:
        source = LogSource(audit.log, data, audit.verifiers())
        return verify(source, against=[*against, Older("the checkpoint that is served", source.served or b"")])


def kept_note(pristine: Path) -> Older:
    return Older("the older checkpoint", (pristine / "kept/checkpoint").read_bytes())


def kept_export(pristine: Path) -> Older:
    return Older("the older export", (pristine / "kept/checkpoint").read_bytes(), folder_source(pristine / "kept"))


def sql(*statements: str) -> Tamper:
    return lambda data: tamper(data, *statements)


def flip(column: str, position: int = 300) -> Tamper:
    """Flip one bit of one column of one event."""

    def change(data: Path) -> None:
        tamper(data)
        connection = apsw.Connection(str(data / "log.db"))
        value = connection.execute(f"SELECT {column} FROM event WHERE position = {position}").get
        connection.execute(f"UPDATE event SET {column} = ? WHERE position = {position}", (flipped(value),))
        connection.close()

    return change


def flipped(value: object) -> object:
    if isinstance(value, int):
        return value ^ 1 << 20
    raw = value if isinstance(value, bytes) else str(value).encode()
    middle = len(raw) // 2
    changed = raw[:middle] + bytes([raw[middle] ^ 1]) + raw[middle + 1 :]
    return changed if isinstance(value, bytes) else changed.decode()


def swap(one: int, other: int) -> tuple[str, ...]:
    return (
        f"UPDATE event SET position = -1 WHERE position = {one}",
        f"UPDATE event SET position = {one} WHERE position = {other}",
        f"UPDATE event SET position = {other} WHERE position = -1",
    )


TAMPERINGS: list[tuple[str, Tamper, int, str]] = [
    ("stream, one bit", flip("stream"), 300, "event at position 300 is not"),
    ("version, one bit", flip("version"), 300, "event at position 300 is not"),
    ("name, one bit", flip("name"), 300, "event at position 300 is not"),
    ("state, one bit", flip("state"), 300, "event at position 300 is not"),
    ("recorded_at, one bit", flip("recorded_at"), 300, "event at position 300 is not"),
    ("recorded_by, one bit", flip("recorded_by"), 300, "event at position 300 is not"),
    ("command_id, one bit", flip("command_id"), 300, "event at position 300 is not"),
    ("position, one bit", flip("position"), 300, "position 300 is missing"),
    ("first deleted", sql("DELETE FROM event WHERE position = 1"), 1, "position 1 is missing"),
    ("middle deleted", sql("DELETE FROM event WHERE position = 300"), 300, "position 300 is missing"),
    ("last deleted", sql("DELETE FROM event WHERE position = 600"), 600, "position 600 is missing"),
    (
        "first deleted, the rest moved up",
        sql("DELETE FROM event WHERE position = 1", *(s.format(1) for s in SHIFT_DOWN)),
        1,
        "event at position 1 is not",
    ),
    (
        "middle deleted, the rest moved up",
        sql("DELETE FROM event WHERE position = 300", *(s.format(300) for s in SHIFT_DOWN)),
        300,
        "event at position 300 is not",
    ),
    (
        "one of the last tile deleted, the rest moved up",
        sql("DELETE FROM event WHERE position = 550", *(s.format(550) for s in SHIFT_DOWN)),
        550,
        "event at position 550 is not",
    ),
    (
        "one slipped in, the rest moved down",
        sql(*(s.format(300) for s in SHIFT_UP), INSERT.format(300, 299)),
        300,
        "event at position 300 is not",
    ),
    ("two swapped", sql(*swap(300, 301)), 300, "event at position 300 is not"),
    (
        "a position used for another event",
        sql("DELETE FROM event WHERE position = 300", INSERT.format(300, 299)),
        300,
        "event at position 300 is not",
    ),
    (
        "text that is no text",
        sql("UPDATE event SET name = CAST(x'ff' AS TEXT) WHERE position = 300"),
        300,
        "position 300",
    ),
]


@pytest.mark.parametrize(("change", "position", "said"), [t[1:] for t in TAMPERINGS], ids=[t[0] for t in TAMPERINGS])
def test_an_altered_log_is_caught_and_the_first_position_named(
    data: Path, change: Tamper, position: int, said: str
) -> None:
    change(data)
    verdict = check(data)
    assert (verdict.ok, verdict.position) == (False, position)
    assert said in (verdict.problem or "")


def test_an_untouched_log_is_what_was_signed(pristine: Path, data: Path) -> None:
    verdict = check(data, kept_note(pristine), kept_export(pristine))
    assert verdict.ok
    assert verdict.compared[:2] == ("the older checkpoint", "the older export")
    assert verdict.checkpoint is not None
    assert verdict.checkpoint.size == SIZE


def test_a_position_that_stands_twice_is_named(data: Path) -> None:
    tamper(
        data,
        "CREATE TABLE copy AS SELECT * FROM event",
        "DROP TABLE event",
        "ALTER TABLE copy RENAME TO event",
        INSERT.format(300, 299),
    )
    assert check(data).position == 300


def rewritten(data: Path, *statements: str) -> None:
    """Change the log, then make tiles and checkpoint anew with the record's own key, as its operator could."""
    tamper(data, *statements)
    shutil.rmtree(data / "tiles")
    (data / "last-checkpoint").unlink()
    sealed(data, 0)


def test_log_and_tiles_rewritten_together_pass_alone_but_not_against_an_older_checkpoint(
    pristine: Path, data: Path
) -> None:
    rewritten(data, "UPDATE event SET recorded_by = 'nobody' WHERE position = 300")
    assert check(data).ok
    verdict = check(data, kept_note(pristine))
    assert verdict.problem == (
        "the 500 events are not those of the older checkpoint: they differ somewhere from position 1 to 500, "
        "and the tiles agree with them"
    )


def test_against_an_older_export_the_position_that_was_rewritten_is_named(pristine: Path, data: Path) -> None:
    rewritten(data, "UPDATE event SET recorded_by = 'nobody' WHERE position = 300")
    verdict = check(data, kept_export(pristine))
    assert (verdict.position, verdict.problem) == (300, "the event at position 300 is not that of the older export")


def test_a_log_cut_and_sealed_anew_is_caught_by_an_older_checkpoint(pristine: Path, data: Path) -> None:
    rewritten(data, "DELETE FROM event WHERE position > 400")
    verdict = check(data, kept_note(pristine))
    assert (verdict.position, verdict.problem) == (
        401,
        "the older checkpoint has 500 events, this log only 400: the rest was cut off",
    )


def test_a_signed_fork_is_caught(pristine: Path, data: Path) -> None:
    with audited(data) as audit:
        fork = Checkpoint(audit.origin, SIZE, bytes(32)).sign(audit.keys.signer())
    verdict = check(data, Older("the checkpoint that another was shown", fork))
    assert "contradict each other: the checkpoint that another was shown shows a fork" in (verdict.problem or "")


def test_a_fork_in_the_place_of_the_checkpoint_is_caught(pristine: Path, data: Path) -> None:
    with audited(data) as audit:
        fork = Checkpoint(audit.origin, SIZE, bytes(32)).sign(audit.keys.signer())
    (data / "tiles/checkpoint").write_bytes(fork)
    assert "the checkpoint that is served shows a fork" in (check(data).problem or "")
    (data / "last-checkpoint").write_bytes(fork)
    assert "not those of the checkpoint" in (check(data, kept_note(pristine)).problem or "")


def test_a_checkpoint_whose_text_was_changed_is_caught(data: Path) -> None:
    note = (data / "tiles/checkpoint").read_bytes()
    (data / "tiles/checkpoint").write_bytes(note.replace(b"\n600\n", b"\n599\n"))
    assert "signature" in (check(data).problem or "")


def test_a_record_sealed_anew_with_another_key_is_caught_by_an_older_checkpoint(pristine: Path, data: Path) -> None:
    for name in ("signing.key", "vkeys"):
        (data / name).unlink()
    rewritten(data, "UPDATE event SET recorded_by = 'nobody' WHERE position = 300")
    assert check(data, kept_note(pristine)).problem == "the older checkpoint: signed by no known key"


@pytest.mark.parametrize(("level", "position"), [(0, 300), (1, 1)])
def test_changed_tiles_are_told_from_a_changed_log(data: Path, level: int, position: int) -> None:
    path = data / f"tiles/level-{level}"
    raw = bytearray(path.read_bytes())
    raw[299 * 32 if level == 0 else 32] ^= 1
    path.write_bytes(raw)
    verdict = check(data)
    assert verdict.position == position
    assert ("the tiles were changed" if level == 0 else "does not fit the events") in (verdict.problem or "")


def test_every_bit_of_every_column_is_bound_by_the_leaf(tmp_path: Path) -> None:
    with audited(tmp_path, 1) as audit:
        [entry] = audit.log.select_notifications(1, 1)
    leaves = {entry_json(entry)}
    columns: dict[str, Any] = {field.name: getattr(entry, field.name) for field in fields(entry)}
    variants = [(name, changed) for name, value in columns.items() for changed in single_bit_changes(value)]
    leaves.update(entry_json(replace(entry, **{name: changed})) for name, changed in variants)
    assert len(leaves) == len(variants) + 1 > 900


def single_bit_changes(value: object) -> Iterator[Any]:
    if isinstance(value, int):
        yield from (value ^ 1 << bit for bit in range(63))
        return
    raw = value if isinstance(value, bytes) else str(value).encode()
    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        if isinstance(value, bytes):
            yield bytes(changed)
        elif changed[bit // 8] < 128:
            yield changed.decode()
