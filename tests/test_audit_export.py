"""Exports, held to an independent reader of such logs, and the verification of exports and addresses."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner, Result
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey
from tlog_scales.tiles import leaf_hash

from service.audit.audit import Audit, Resource
from service.audit.export import Exported, ExportRefused, export
from service.audit.proof import ProofFile, ProofRefused
from service.audit.sources import LogSource, SourceUnreadable, folder_source, web_source
from service.audit.verify import Older, Verdict, verify
from service.commands.audit import audit as audit_commands
from tests.support.audit import audited, record, seal, tamper

SIZE = 600


def exported(audit: Audit, data: Path, folder: Path) -> Exported:
    seal(audit)
    return export(LogSource(audit.log, data, audit.verifiers()), folder)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`data`: a sealed log of 600 events; `export`: its export."""
    folder = tmp_path_factory.mktemp("kept")
    with audited(folder / "data", SIZE) as audit:
        exported(audit, folder / "data", folder / "export")
    return folder


@contextmanager
def served(resource: Callable[[str], Resource | None]) -> Iterator[str]:
    """A log's resources over HTTP, as any web server would hand them out."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found = resource(self.path.removeprefix("/log/"))
            self.send_response(200 if found else 404)
            body = found.body if found else b""
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(ConnectionError):
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/log"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def independent_reader(folder: Path) -> TilesReader:
    return TilesReader(LocalBackend(folder))


def test_an_independent_reader_finds_the_signed_root_in_our_export(kept: Path) -> None:
    reader = independent_reader(kept / "export")
    checkpoint = reader.get_checkpoint()
    checkpoint.verify(Vkey.from_string((kept / "export/vkeys").read_text().strip()))
    assert (checkpoint.size, checkpoint.root_hash) == (SIZE, reader.calculate_root_hash())


@pytest.mark.parametrize("index", [0, 255, 256, 511, 512, 599])
def test_an_independent_reader_proves_our_entries(kept: Path, index: int) -> None:
    reader = independent_reader(kept / "export")
    checkpoint = reader.get_checkpoint()
    entry = reader.get_entry(index)
    reader.get_inclusion_proof(index, SIZE).check(leaf_hash(entry), checkpoint.root_hash)
    assert json.loads(entry)["position"] == index + 1


def test_our_proofs_are_those_of_an_independent_reader(kept: Path) -> None:
    reader = independent_reader(kept / "export")
    reader.get_checkpoint()
    with audited(kept / "data") as audit:
        for position, size in ((1, 1), (17, 300), (256, 257), (600, 600)):
            ours = audit.inclusion_proof(position, size)
            assert list(ours.path) == reader.get_inclusion_proof(position - 1, size).node_hashes
        for old, new in ((1, 2), (255, 600), (256, 512), (599, 600)):
            assert list(audit.consistency_proof(old, new).path) == reader.get_consistency_proof(old, new).node_hashes


def test_an_independent_command_line_checks_a_leaf_and_writes_the_same_proof(kept: Path) -> None:
    location = f"file://{kept / 'export'}"
    command = [sys.executable, "-m", "tlog_scales.cli"]
    leaf = subprocess.run([*command, "get-leaf", "-c", location, "299"], capture_output=True, check=True).stdout
    proof = subprocess.run([*command, "gen-proof", location, "299"], capture_output=True, check=True).stdout
    with audited(kept / "data") as audit:
        ours = ProofFile.parse(audit.proof_file(300))
    assert leaf == ours.extra
    assert proof == bytes(ProofFile(ours.index, ours.path, ours.checkpoint))


def test_an_export_is_what_was_signed(kept: Path) -> None:
    verdict = verify(folder_source(kept / "export"))
    assert verdict.ok
    assert verdict.checkpoint is not None
    assert verdict.checkpoint.size == SIZE


def test_an_export_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    with audited(tmp_path / "data") as audit:
        for count, size in ((10, 10), (246, 256), (100, 356), (400, 756)):
            record(audit.log, count)
            assert exported(audit, tmp_path / "data", tmp_path / "grown") == Exported(size, count)
            assert verify(folder_source(tmp_path / "grown")).ok
        exported(audit, tmp_path / "data", tmp_path / "fresh")
    grown, fresh = files(tmp_path / "grown"), files(tmp_path / "fresh")
    assert fresh.items() <= grown.items()
    assert not [name for name in grown if name.startswith("tile/0/000.p")]


def test_an_export_of_what_is_there_adds_nothing(kept: Path) -> None:
    before = files(kept / "export")
    with audited(kept / "data") as audit:
        assert exported(audit, kept / "data", kept / "export").added == 0
    assert files(kept / "export") == before


def test_a_broken_off_export_is_finished_by_the_next(kept: Path, tmp_path: Path) -> None:
    with audited(kept / "data") as audit:
        exported(audit, kept / "data", tmp_path / "export")
        (tmp_path / "export/checkpoint").unlink()
        (tmp_path / "export/tile/0/001").write_bytes(b"torn")
        exported(audit, kept / "data", tmp_path / "export")
    assert files(tmp_path / "export") == files(kept / "export")


def test_an_altered_event_is_not_exported(tmp_path: Path) -> None:
    with audited(tmp_path, 300) as audit:
        seal(audit)
        tamper(tmp_path, "UPDATE event SET recorded_by = 'nobody' WHERE position = 280")
        with pytest.raises(ExportRefused, match="position 280 is not what was sealed"):
            exported(audit, tmp_path, tmp_path / "export")
    assert not (tmp_path / "export/checkpoint").exists()


def test_a_rewritten_log_is_not_exported_over_an_older_export(tmp_path: Path) -> None:
    with audited(tmp_path / "data", 300) as audit:
        exported(audit, tmp_path / "data", tmp_path / "export")
    tamper(tmp_path / "data", "UPDATE event SET recorded_by = 'nobody' WHERE position = 280")
    for name in ("last-checkpoint", "tiles/checkpoint"):
        (tmp_path / "data" / name).unlink()
    before = files(tmp_path / "export")
    with (
        audited(tmp_path / "data", 10) as audit,
        pytest.raises(ExportRefused, match=r"differs from .* at position 280"),
    ):
        exported(audit, tmp_path / "data", tmp_path / "export")
    assert files(tmp_path / "export") == before


def test_another_log_is_not_exported_into_a_folder_that_holds_one(kept: Path, tmp_path: Path) -> None:
    with audited(tmp_path, 3) as audit, pytest.raises(ExportRefused, match="another log"):
        exported(audit, tmp_path, kept / "export")


@pytest.mark.parametrize(
    ("path", "offset", "position", "said"),
    [
        ("tile/entries/001", 100, 257, "event at position 257 is not"),
        ("tile/0/001", 127 * 32, 384, "event at position 384 is not that of the sealed tree, though all events are"),
        ("tile/1/000.p/2", 32, 1, "tile/1/000.p/2 is missing or does not fit"),
        ("checkpoint", -2, None, "its last checkpoint: "),
        ("checkpoint", 50, None, "its last checkpoint: "),
    ],
)
def test_a_flipped_bit_of_an_export_is_found(
    kept: Path, tmp_path: Path, path: str, offset: int, position: int | None, said: str
) -> None:
    target = copy_of(kept, tmp_path)
    raw = bytearray((target / path).read_bytes())
    raw[offset] ^= 1
    (target / path).write_bytes(raw)
    verdict = verify(folder_source(target))
    assert (verdict.ok, verdict.position) == (False, position)
    assert said in (verdict.problem or "")


@pytest.mark.parametrize("path", ["tile/entries/001", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"])
def test_a_missing_file_of_an_export_is_named(kept: Path, tmp_path: Path, path: str) -> None:
    target = copy_of(kept, tmp_path)
    (target / path).unlink()
    assert path in (verify(folder_source(target)).problem or "")


def copy_of(kept: Path, tmp_path: Path) -> Path:
    subprocess.run(["cp", "-r", str(kept / "export"), str(tmp_path / "copy")], check=True)
    return tmp_path / "copy"


def test_a_served_log_is_verified_over_http_against_an_older_export(tmp_path: Path) -> None:
    with audited(tmp_path / "data", 300) as audit:
        exported(audit, tmp_path / "data", tmp_path / "export")
        record(audit.log, 300)
        seal(audit)
        kept = folder_source(tmp_path / "export")
        older = Older("kept", (tmp_path / "export/checkpoint").read_bytes(), kept)
        with served(audit.resource) as url, web_source(url) as source:
            verdict = verify(source, keys=audit.verifiers(), against=[older])
    assert verdict == Verdict(audit.head(), ("kept", "its last checkpoint"))


def test_a_served_log_can_be_mirrored(tmp_path: Path) -> None:
    with audited(tmp_path / "data", 300) as audit:
        seal(audit)
        with served(audit.resource) as url, web_source(url) as source:
            export(source, tmp_path / "mirror")
    assert verify(folder_source(tmp_path / "mirror")).ok


def test_a_server_that_hands_out_more_than_a_log_has_is_not_read_to_its_end() -> None:
    endless = Resource(b"x" * 17_000_000, "text/plain", False)
    with (
        served(lambda path: endless) as url,
        web_source(url) as source,
        pytest.raises(SourceUnreadable, match="checkpoint is larger than any file of a log"),
    ):
        source.checkpoint()


def test_progress_is_told_up_to_the_end(kept: Path) -> None:
    told: list[tuple[int, int]] = []
    verify(folder_source(kept / "export"), progress=lambda done, total: told.append((done, total)))
    assert told == [(256, SIZE), (512, SIZE), (600, SIZE)]


def test_a_proof_file_proves_its_entry_and_no_other(kept: Path) -> None:
    with audited(kept / "data") as audit:
        proof, keys = ProofFile.parse(audit.proof_file(300)), audit.verifiers()
        other = audit.entry(301)
    assert proof.verify(proof.extra or b"", keys).size == SIZE
    with pytest.raises(ProofRefused, match="not at index 299"):
        proof.verify(other, keys)
    with pytest.raises(ProofRefused, match="no known key"):
        proof.verify(proof.extra or b"", [])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@v1",
        "@v2\nindex 1",
        "@v1\nindex 01",
        "@v1\nindex 1\nAAAA",
        "@v1\nextra x\nindex 1",
        "@v1\nindex 1\nextra AA==",
    ],
)
def test_a_malformed_proof_file_is_refused(text: str) -> None:
    with pytest.raises(ProofRefused, match="malformed"):
        ProofFile.parse(f"c2sp.org/tlog-proof{text}\n\n".encode())


def test_the_entries_of_a_bundle_fill_65535_bytes_at_most(tmp_path: Path) -> None:
    with audited(tmp_path) as audit:
        record(audit.log, 3, size=59_900)
        exported(audit, tmp_path, tmp_path / "export")
        assert len(audit.entry(3)) <= 65_535
    assert verify(folder_source(tmp_path / "export")).ok


def run(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(audit_commands, arguments, env={"TAMGA_DATA_DIR": str(data), "TAMGA_DATABASE_URL": None})


def test_the_commands_export_verify_and_prove(kept: Path, tmp_path: Path) -> None:
    data, export_dir = kept / "data", tmp_path / "out"
    key = run(data, "keys").stdout.strip()
    assert run(data, "export", str(export_dir)).exit_code == 0
    for source in ([str(export_dir)], [f"sqlite:///{data}/log.db"], []):
        told = run(data, "verify", *source, "--key", key, "--against", str(kept / "export"))
        assert (told.exit_code, told.stderr) == (0, "")
        assert "all 600 events" in told.stdout
    assert run(data, "proof", "300", "-o", str(tmp_path / "300.tlog-proof")).exit_code == 0
    proven = run(data, "check-proof", str(tmp_path / "300.tlog-proof"), "--key", key)
    assert proven.exit_code == 0
    assert json.loads(proven.stdout)["position"] == 300


def test_the_commands_end_with_1_where_something_differs(kept: Path, tmp_path: Path) -> None:
    target = copy_of(kept, tmp_path)
    raw = bytearray((target / "tile/entries/000").read_bytes())
    raw[100] ^= 1
    (target / "tile/entries/000").write_bytes(raw)
    told = run(kept / "data", "verify", str(target))
    assert (told.exit_code, told.stdout) == (1, "")
    assert "position 1: " in told.stderr


def test_events_that_no_checkpoint_covers_are_not_called_proven(kept: Path, tmp_path: Path) -> None:
    data = shutil.copytree(kept / "data", tmp_path / "data")
    with audited(data) as audit:
        record(audit.log, 1)
    told = run(data, "verify")
    assert told.exit_code == 0
    assert "all 600 events" in told.stdout and "1 event behind them, not sealed yet" in told.stderr


@pytest.mark.parametrize(
    "address", ["postgresql://a:sec%ZZret@h/d", "postgresql://a:x@secret@h/d", "mysql://a:secret@h"]
)
def test_an_address_that_cannot_be_read_is_no_finding_and_its_password_is_not_told(kept: Path, address: str) -> None:
    done = run(kept / "data", "verify", address)
    assert (done.exit_code, "sec" in done.output) == (2, False)
    assert "percent-encoded" in done.output


@pytest.mark.parametrize("arguments", [["verify", "nowhere"], ["proof", "601"], ["verify", "--key", "x"], ["nonsense"]])
def test_the_commands_end_with_2_where_nothing_can_be_checked(kept: Path, arguments: list[str]) -> None:
    told = run(kept / "data", *arguments)
    assert (told.exit_code, told.stdout) == (2, "")
    assert "Traceback" not in told.stderr
