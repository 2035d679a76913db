"""How commands end that cannot go on: nobody reads them, the disk is full, Ctrl+C is pressed; and odd arguments."""

import contextlib
import io
import json
import os
import pty
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import main
from tests.support.audit import sealed
from tests.support.service import TAMGA, environment

FACT = '{"event": "SourceRegistered", "id": "source:paper", "data": {"kind": "NEWS", "title": "The paper"}}'


def tamga(folder: Path, *arguments: str, **settings: str) -> Result:
    env = {"TAMGA_DATA_DIR": str(folder)} | {f"TAMGA_{name.upper()}": value for name, value in settings.items()}
    return CliRunner().invoke(main, arguments, env=env)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with a sealed log."""
    sealed(tmp_path / "data", 20)
    return tmp_path / "data"


@pytest.mark.parametrize("command", [("events",), ("events", "--json"), ("audit", "keys"), ("schema",)])
def test_a_command_that_nobody_reads_on_ends_in_silence(folder: Path, command: tuple[str, ...]) -> None:
    with subprocess.Popen(
        [*TAMGA, *command], env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == (b"", 141)


def on_a_terminal(folder: Path, *arguments: str) -> str:
    """What a command writes to standard error where that is a terminal."""
    ours, its = pty.openpty()
    with open(ours, "rb", buffering=0) as terminal:
        subprocess.run(
            [*TAMGA, *arguments], env=environment(folder), stdout=subprocess.DEVNULL, stderr=its, check=False
        )
        os.close(its)
        said = b""
        with contextlib.suppress(OSError):  # nobody holds the other end any more
            while part := terminal.read(65536):
                said += part
    return said.decode()


def test_long_work_shows_how_far_it_is_on_a_terminal(folder: Path) -> None:
    assert "20/20" in on_a_terminal(folder, "rebuild")


def test_what_is_refused_at_once_stands_behind_no_bar(folder: Path) -> None:
    (folder / "notes.txt").write_text("no snapshot " * 1000)
    said = on_a_terminal(folder, "replica", "load", str(folder / "notes.txt"))
    assert "is refused" in said
    assert "0/0" not in said


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs /dev/full")
def test_output_that_cannot_be_written_is_said_in_a_line(folder: Path) -> None:
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            [*TAMGA, "events"], env=environment(folder), stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1)
    assert "No space left" in ended.stderr


class Pressed(io.BytesIO):
    """Standard input where Ctrl+C is pressed instead of anything typed."""

    def read(self, size: int | None = -1) -> bytes:
        if size != 0:
            raise KeyboardInterrupt
        return b""


def test_ctrl_c_is_no_verdict(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["record"], input=Pressed(), env={"TAMGA_DATA_DIR": str(tmp_path)})
    assert (result.exit_code, result.output) == (130, "Interrupted.\n")


def test_no_color_is_heeded(folder: Path) -> None:
    coloured = CliRunner().invoke(main, ["events"], env={"TAMGA_DATA_DIR": str(folder)}, color=True)
    env = {"TAMGA_DATA_DIR": str(folder), "NO_COLOR": "1"}
    plain = CliRunner().invoke(main, ["events"], env=env, color=True)
    assert "\x1b[" in coloured.output
    assert plain.output and "\x1b[" not in plain.output


@pytest.mark.parametrize("moment", ["0001-01-01", "0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_moments_at_the_ends_of_the_calendar_are_answered_or_refused_in_a_line(folder: Path, moment: str) -> None:
    for option in ("--since", "--until"):
        result = tamga(folder, "events", option, moment)
        assert result.exit_code == 0 or (result.exit_code == 2 and "is neither a position nor a time" in result.output)
    assert tamga(folder, "events", "--since", "0001-01-01").output.count("\n") == 20


def test_a_dry_run_is_told_as_json_too(tmp_path: Path) -> None:
    env = {"TAMGA_DATA_DIR": str(tmp_path)}
    result = CliRunner().invoke(main, ["record", "--dry-run", "--json"], input=FACT, env=env)
    assert json.loads(result.output) == {"facts": 1}


@pytest.mark.parametrize("address", ["postgresql://someone:secret@127.0.0.1:one/log", "ftp://x/y"])
def test_reading_a_log_elsewhere_makes_no_folder_of_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = tamga(tmp_path / "data", "audit", "verify", address)
    assert (ended.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "secret" not in ended.output


def test_an_address_on_the_web_repeats_no_password(folder: Path) -> None:
    result = tamga(folder, "audit", "verify", "http://someone:secret@127.0.0.1:1/log")
    assert (result.exit_code, "secret" in result.output) == (2, False)


def test_a_snapshot_takes_the_place_of_no_device(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "device").symlink_to("/dev/null")
    result = tamga(folder, "replica", "save", str(tmp_path / "device"))
    assert result.exit_code == 2
    assert (tmp_path / "device").is_symlink()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("port", "9" * 5000, "a whole number from 0 to 65535"),
        ("trusted_documents", "x" * 5000, "a folder or a file that is there"),
        ("stall_seconds", "1e-300", "a number of seconds"),
        ("data_dir", "x" * 5000, "File name too long"),
    ],
)
def test_settings_out_of_all_measure_are_refused_in_words(tmp_path: Path, name: str, value: str, said: str) -> None:
    result = tamga(tmp_path / "data", "events", **{name: value})
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output


def test_a_host_that_can_be_no_name_is_refused_as_one_that_nobody_has(tmp_path: Path) -> None:
    result = tamga(tmp_path / "data", "serve", host="a..b")
    assert (result.exit_code, "TAMGA_HOST: 'a..b' is no address of this machine" in result.output) == (2, True)
