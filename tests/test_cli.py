"""The command line: what each command prints, refuses and ends with."""

import json
from pathlib import Path
from typing import Any

import pytest
from click import Context
from click.testing import CliRunner, Result

from domain.catalogue import read_fact
from service.cli import main
from service.log import open_log
from service.log.codec import entry_json
from tests.support.server import running
from tests.support.service import environment, run

PAPER = {"event": "SourceRegistered", "id": "source:paper", "data": {"kind": "NEWS", "title": "The paper"}}
PARTY = {
    "event": "PartyRegistered",
    "id": "party:rail",
    "sources": [{"source": "source:paper", "locator": "p. 1"}],
    "data": {"kind": "COMPANY", "name": "Rail", "seat": "KAZ"},
}
COMMANDS = main.list_commands(Context(main))


def tamga(folder: Path, *arguments: str, given: str = "", **settings: str) -> Result:
    env = {"TAMGA_DATA_DIR": str(folder)} | {f"TAMGA_{name.upper()}": value for name, value in settings.items()}
    return CliRunner().invoke(main, arguments, input=given, env=env)


def lines(*facts: dict[str, Any]) -> str:
    return "".join(f"{json.dumps(fact)}\n" for fact in facts)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A data folder with two events."""
    assert tamga(tmp_path, "record", given=lines(PAPER, PARTY)).exit_code == 0
    return tmp_path


def test_facts_come_from_standard_input_and_their_places_are_told(tmp_path: Path) -> None:
    result = tamga(tmp_path, "record", given=lines(PAPER, PARTY))
    assert (result.exit_code, result.output) == (0, "2 events recorded at positions 1 to 2\n")


@pytest.mark.parametrize(
    "text", [json.dumps([PAPER, PARTY], indent=1), lines(PAPER, PARTY), f"\n{lines(PAPER, PARTY)}\n"]
)
def test_a_file_is_an_array_or_lines(tmp_path: Path, text: str) -> None:
    (tmp_path / "facts").write_text(text)
    assert tamga(tmp_path, "record", str(tmp_path / "facts")).output == "2 events recorded at positions 1 to 2\n"


def test_a_file_may_be_one_fact(tmp_path: Path) -> None:
    assert tamga(tmp_path, "record", given=json.dumps(PAPER, indent=2)).output == "1 event recorded at position 1\n"


def test_the_same_file_again_adds_nothing(recorded: Path) -> None:
    again = tamga(recorded, "record", given=lines(PAPER, PARTY))
    assert (again.exit_code, again.output) == (0, "2 events already recorded at positions 1 to 2\n")


def test_a_receipt_can_be_read_by_programs(tmp_path: Path) -> None:
    receipt = json.loads(tamga(tmp_path, "record", "--json", "--command-id", "c-1", given=lines(PAPER)).output)
    assert receipt == {"command_id": "c-1", "positions": [1], "events": ["source:paper@1"], "repeated": False}


def test_a_refusal_names_the_line_and_the_field_and_records_nothing(tmp_path: Path) -> None:
    wrong = PARTY | {"data": {"kind": "COMPANY", "name": "Rail", "seat": "ATLANTIS"}}
    result = tamga(tmp_path, "record", given=lines(PAPER, wrong))
    assert result.exit_code == 1
    assert result.stderr.startswith("line 2: data.seat: ")
    assert "Nothing was recorded" in result.stderr
    assert tamga(tmp_path, "events").stdout == ""


def test_a_refusal_in_an_array_names_the_fact(tmp_path: Path) -> None:
    result = tamga(tmp_path, "record", given=json.dumps([PAPER, PAPER]))
    assert (result.exit_code, result.stderr.partition(":")[0]) == (1, "fact 2")


def test_what_is_no_json_is_named_by_its_line(tmp_path: Path) -> None:
    result = tamga(tmp_path, "record", given=f"{lines(PAPER)}{{half")
    assert result.exit_code == 2
    assert "line 2 is not JSON" in result.stderr


@pytest.mark.parametrize("text", ["", "\n\n", "  "])
def test_an_empty_file_is_said_to_be_one(tmp_path: Path, text: str) -> None:
    result = tamga(tmp_path, "record", given=text)
    assert (result.exit_code, "there is no fact in it" in result.stderr) == (2, True)


def test_a_dry_run_checks_and_records_nothing(tmp_path: Path) -> None:
    result = tamga(tmp_path, "record", "--dry-run", given=lines(PAPER, PARTY))
    assert result.output == "2 facts would be recorded\n"
    assert tamga(tmp_path, "events").stdout == ""


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    result = tamga(tmp_path, "record", str(tmp_path / "nothing"))
    assert (result.exit_code, "No such file" in result.stderr) == (2, True)


def test_the_lines_of_events_are_the_entries_of_the_log(recorded: Path) -> None:
    log = open_log(f"sqlite:///{recorded}/log.db")
    entries = [entry_json(entry) for entry in log.select_notifications(1, 10)]
    log.close()
    assert tamga(recorded, "events", "--json").stdout_bytes == b"".join(entry + b"\n" for entry in entries)


def positions(folder: Path, *arguments: str) -> list[int]:
    output = tamga(folder, "events", "--json", *arguments).output
    return [json.loads(line)["position"] for line in output.splitlines()]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--id", "party:rail"], [2]),
        (["--id", "party:rail", "--id", "source:paper"], [1, 2]),
        (["--id", "party:none"], []),
        (["--type", "SourceRegistered"], [1]),
        (["--id", "party:rail", "--type", "SourceRegistered"], []),
        (["--after", "1"], [2]),
        (["--limit", "1"], [1]),
        (["--since", "2020-01-01"], [1, 2]),
        (["--since", "2999-01-01T00:00:00Z"], []),
        (["--until", "2020-01-01"], []),
        (["--since", "2"], [2]),
        (["--since", "99999999999999999999"], []),
        (["--until", "1"], [1]),
        (["--until", "2999-01-01"], [1, 2]),
    ],
)
def test_events_are_filtered(recorded: Path, arguments: list[str], found: list[int]) -> None:
    assert positions(recorded, *arguments) == found


def test_that_nothing_matches_is_said_beside_the_empty_output(recorded: Path) -> None:
    result = tamga(recorded, "events", "--id", "deal:none")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "No event matches.\n")


def test_a_time_of_recording_divides_the_events(recorded: Path) -> None:
    [second] = [json.loads(line) for line in tamga(recorded, "events", "--json", "--after", "1").output.splitlines()]
    assert positions(recorded, "--until", second["recorded_at"])[-1] == 2
    assert 2 in positions(recorded, "--since", second["recorded_at"])


def test_a_day_of_recording_counts_to_its_end(recorded: Path) -> None:
    [second] = [json.loads(line) for line in tamga(recorded, "events", "--json", "--after", "1").output.splitlines()]
    assert positions(recorded, "--until", second["recorded_at"][:10]) == [1, 2]


def test_events_as_text_say_where_when_and_by_whose_word(recorded: Path) -> None:
    line = tamga(recorded, "events", "--id", "party:rail").output
    assert line.split()[0] == "2"
    assert "party:rail@1  PartyRegistered" in line
    assert line.rstrip().endswith("[paper]")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--type", "DealGuessed"], "DealGuessed is not an event"),
        (["--since", "yesterday"], "'yesterday' is neither a position nor a time"),
        (["--limit", "0"], "not in the range"),
    ],
)
def test_a_filter_that_means_nothing_is_told(recorded: Path, arguments: list[str], told: str) -> None:
    result = tamga(recorded, "events", *arguments)
    assert (result.exit_code, told in result.stderr) == (2, True)


def test_a_replica_is_rebuilt_from_the_log(recorded: Path) -> None:
    result = tamga(recorded, "rebuild")
    assert result.exit_code == 0
    assert "2 events in" in result.output
    assert len(list(recorded.glob("replica-*.db"))) == 1


def test_a_snapshot_is_saved_and_refused_where_it_is_of_no_use(recorded: Path) -> None:
    tamga(recorded, "rebuild")
    saved = tamga(recorded, "replica", "save", str(recorded / "copy"))
    assert (saved.exit_code, "2 events of the record" in saved.output) == (0, True)
    loaded = tamga(recorded, "replica", "load", str(recorded / "copy"))
    assert (loaded.exit_code, "already" in loaded.stderr) == (1, True)


def test_a_snapshot_of_nothing_is_told(recorded: Path) -> None:
    result = tamga(recorded, "replica", "save", str(recorded / "copy"))
    assert (result.exit_code, "there is no replica" in result.stderr) == (2, True)


def test_the_schema_is_printed_as_it_is_committed(tmp_path: Path) -> None:
    committed = Path(main.callback.__code__.co_filename).parents[1] / "schema" / "schema.graphql"  # type: ignore[union-attr]
    assert tamga(tmp_path, "schema").output == committed.read_text("utf-8")


@pytest.mark.parametrize(
    "arguments", [["events"], ["rebuild"], ["replica", "save", "x"], ["audit", "keys"], ["replay"]]
)
def test_a_log_that_is_not_there_is_told_with_what_to_do(tmp_path: Path, arguments: list[str]) -> None:
    result = tamga(tmp_path / "empty", *arguments)
    assert (result.exit_code, "there is no log at" in result.stderr) == (2, True)


@pytest.mark.parametrize("arguments", [["events"], ["rebuild"], ["record"], ["serve"], ["audit", "keys"]])
def test_a_setting_that_does_not_fit_stops_every_command(tmp_path: Path, arguments: list[str]) -> None:
    result = tamga(tmp_path, *arguments, given=lines(PAPER), port="many")
    assert (result.exit_code, "TAMGA_PORT" in result.stderr) == (2, True)


def test_a_page_by_default_is_no_larger_than_the_largest(tmp_path: Path) -> None:
    result = tamga(tmp_path, "events", page_default="50", page_most="20")
    assert (result.exit_code, "TAMGA_PAGE_DEFAULT: 50 is more than" in result.stderr) == (2, True)


def test_a_database_that_does_not_answer_is_told(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_bytes(b"no database" * 99)
    for arguments in (["events"], ["rebuild"], ["record"]):
        result = tamga(tmp_path, *arguments, given=lines(PAPER))
        assert (result.exit_code, "is damaged" in result.stderr) == (2, True)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches_how_to_use_it(tmp_path: Path, name: str) -> None:
    result = tamga(tmp_path, name, "--help")
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 5
    assert name in tamga(tmp_path, "--help").output


@pytest.mark.parametrize("group", [(), ("audit",), ("replica",)], ids=" ".join)
def test_what_a_command_does_is_told_in_a_line_of_80_columns(tmp_path: Path, group: tuple[str, ...]) -> None:
    told = tamga(tmp_path, *group, "--help").output.partition("Commands:")[2]
    assert told
    assert "..." not in told
    assert max(map(len, told.splitlines())) <= 80


def test_the_help_names_every_setting(tmp_path: Path) -> None:
    output = tamga(tmp_path, "--help").output
    assert [name for name in ("TAMGA_DATA_DIR", "TAMGA_DATABASE_URL", "TAMGA_WORKERS") if name not in output] == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["events", "--id", "boeing"], "boeing is not the id of an object"),
        (["audit", "report", "--from", "3", "--to", "1"], "--from is position 3, behind --to, position 1"),
    ],
)
def test_an_argument_that_can_find_nothing_is_told(recorded: Path, arguments: list[str], told: str) -> None:
    result = tamga(recorded, *arguments)
    assert (result.exit_code, told in result.stderr) == (2, True)


def test_the_help_tells_the_defaults(tmp_path: Path) -> None:
    output = " ".join(tamga(tmp_path, "--help").output.split())
    told = ["(default 8000)", "(default loopback)", "(default 2)", "(default var)"]
    assert [each for each in told if each not in output] == []


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("prot", "9000", "did you mean TAMGA_PORT?"),
        ("origin", "two words", "TAMGA_ORIGIN: 'two words' does not fit"),
        ("data_dir", __file__, "TAMGA_DATA_DIR"),
        ("trusted_documents", "/nowhere", "TAMGA_TRUSTED_DOCUMENTS: '/nowhere' does not fit"),
        ("trusted_only", "1", "TAMGA_TRUSTED_DOCUMENTS names none"),
    ],
)
def test_a_wrong_setting_is_told_by_its_name(tmp_path: Path, name: str, value: str, told: str) -> None:
    result = tamga(tmp_path, "events", **{name: value})
    assert (result.exit_code, told in result.stderr) == (2, True)


@pytest.mark.parametrize("arguments", [["nonsense"], ["events", "--nonsense"], ["replica", "load", "/nowhere"]])
def test_what_is_not_understood_ends_with_2(tmp_path: Path, arguments: list[str]) -> None:
    assert tamga(tmp_path, *arguments).exit_code == 2


def test_no_colours_and_no_bars_where_nobody_looks(recorded: Path) -> None:
    told = [run(*one, env=environment(recorded)) for one in (["events"], ["rebuild"])]
    wrong = run("record", given=lines(PAPER | {"data": {}}).encode(), env=environment(recorded))
    assert [one.returncode for one in (*told, wrong)] == [0, 0, 1]
    assert "\x1b" not in "".join(one.stdout + one.stderr for one in (*told, wrong))
    assert told[1].stderr == ""


def test_what_nobody_foresaw_is_no_finding_and_tells_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("with postgresql://a:secret@h/d")

    monkeypatch.setattr("service.commands.schema.schema.callback", broken)
    done = CliRunner().invoke(main, ["schema"])
    assert done.exit_code == 2
    assert "RuntimeError: with postgresql://a:***@h/d" in done.stderr


@pytest.mark.parametrize(
    "arguments", [("audit", "report", "--html"), ("audit", "proof", "1", "-o"), ("replica", "save")], ids=" ".join
)
def test_a_file_that_cannot_be_written_is_named_and_nothing_fails_with_a_traceback(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    with running(tmp_path, seal=True) as node:
        node.registry.record([read_fact(PAPER)], actor="cli")
        assert node.audit.wait_sealed(1, 30)
    result = tamga(tmp_path, *arguments, str(tmp_path / "nowhere" / "file"))
    assert (result.exit_code, type(result.exception)) == (2, SystemExit)
    assert "nowhere" in result.output


def test_what_is_no_snapshot_is_refused_and_named(recorded: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no snapshot " * 1000)
    result = tamga(recorded, "replica", "load", str(tmp_path / "notes.txt"))
    assert (result.exit_code, "notes.txt is refused: it " in result.output) == (1, True)
