"""`tamga bench`: the smallest run measures everything and says so, and finds its record again."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.bench.figures import MEASUREMENTS, Figure, percentile
from service.bench.history import history
from service.commands.bench import bench

_SMALL = ["--deals", "100", "--seconds", "0.1", "--json"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """A runner of commands with an empty data folder."""
    monkeypatch.setenv("TAMGA_DATA_DIR", str(tmp_path))
    return CliRunner()


def test_the_smallest_bench_measures_everything_and_finds_its_record_again(run: CliRunner, tmp_path: Path) -> None:
    first = run.invoke(bench, _SMALL)
    assert first.exit_code == 0, first.output
    told = json.loads(first.stdout)
    names = {figure["name"].split(",")[0].split(" at ")[0] for figure in told["figures"]}
    assert names >= {"list", "one", "page", "totals", "search", "append", "command", "visible", "rebuild"}
    assert [figure for figure in told["figures"] if figure["value"] <= 0] == []
    compared = [figure for figure in told["figures"] if figure["name"] in ("list", "one", "page", "totals", "search")]
    assert [figure for figure in compared if not {"ratio", "p50", "p99", "memory"} <= figure.keys()] == []
    made = (tmp_path / "bench" / "100" / "log.db").stat().st_mtime_ns
    again = run.invoke(bench, ["--deals", "100", "--only", "visible", "--seconds", "0.1"])
    assert "visible, SQLite" in again.output
    assert (tmp_path / "bench" / "100" / "log.db").stat().st_mtime_ns == made


def test_measurements_are_named_and_an_unknown_one_is_refused(run: CliRunner) -> None:
    assert "list" in run.invoke(bench, ["--list"]).output
    refused = run.invoke(bench, ["--only", "speed"])
    assert refused.exit_code == 2
    assert "no such measurement: speed" in refused.output
    assert list(MEASUREMENTS)[:2] == ["list", "one"]


def test_a_rate_is_better_when_more_and_a_time_when_less() -> None:
    assert Figure(name="r", value=20.0, unit="requests/s", other=10.0).ratio == 2
    assert Figure(name="t", value=20.0, unit="ms", other=10.0).ratio == 0.5
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0


def test_the_record_that_is_measured_has_about_ten_events_a_deal() -> None:
    assert 8.5 < sum(1 for _ in history(2000)) / 2000 < 11
