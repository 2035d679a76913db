"""The report of a period: what it counts and lists, as text, as JSON, and as a page that needs nothing but itself."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from domain.catalogue import CORRECTIONS, read_fact
from service.audit.report_text import TITLES
from service.commands.audit import audit as command
from service.node import Node
from service.settings import Settings
from tests.support.browser import open_page

DEAL, SOURCE = "deal:uz-boeing-787", "source:american-machinist-boeing-2025"
START = 211
SHARP = "<script>alert(1)</script> & more"


def act(event: str, id: str, **data: Any) -> dict[str, Any]:
    return {"event": event, "id": id, "data": {"reason": "looked at it again", **data}}


def dollars(low: str) -> dict[str, Any]:
    return {"low": low, "high": low, "currency": "USD", "basis": "OFFICIAL_ESTIMATE", "as_stated": f"${low}"}


FACTS = (
    act("FactCorrected", DEAL, target=11, field="money", now=dollars("84"), cause="MISREAD"),
    act("FactCorrected", DEAL, target=1, field="title", now="Jets", cause="CLERICAL", reason=SHARP),
    act("EventRetracted", DEAL, target=22, cause="CLERICAL"),
    act("SourceWithdrawn", SOURCE),
    {
        "event": "PartyRegistered",
        "id": "party:boeing-co",
        "data": {"kind": "COMPANY", "name": "The Boeing Co. <i>"},
        "sources": [{"source": SOURCE, "locator": "para 3"}],
    },
    act("PartyMerged", "party:boeing-co", into="party:boeing"),
    act("ClaimAdopted", DEAL, claim=f"{DEAL}@19#money"),
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a node that recorded seven facts after the first record, sealed them and stopped."""
    folder = tmp_path_factory.mktemp("node")
    node = Node(Settings(data_dir=folder))
    node.start()
    for fact in FACTS:
        node.registry.record([read_fact(fact)], actor="key:editor")
    position = node.log.head().position
    assert node.replica.wait(position, 30)
    assert node.audit.wait_sealed(position, 10)
    node.stop()
    return folder


@pytest.fixture(autouse=True)
def _here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAMGA_DATA_DIR", str(folder))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, ["report", *arguments])


def report(*arguments: str) -> dict[str, Any]:
    done = run("--json", *arguments)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.output)
    return found


def the(kind: str, found: dict[str, Any], number: int = 0) -> dict[str, Any]:
    """An act of this kind."""
    act: dict[str, Any] = [one for one in found["acts"] if one["kind"] == kind][number]
    return act


def test_every_act_of_the_period_is_listed_with_cause_reason_and_author() -> None:
    found = report("--from", str(START))
    assert [one["kind"] for one in found["acts"]] == [fact["event"] for fact in FACTS if fact["event"] in CORRECTIONS]
    corrected = the("FactCorrected", found)
    assert (corrected["was"]["as_stated"], corrected["now"]["as_stated"]) == ("$8.5 billion", "$84")
    assert (corrected["cause"], corrected["recorded_by"]) == ("MISREAD", "key:editor")
    assert corrected["target"] == f"{DEAL}@11"


def test_a_report_has_a_place_for_every_kind_of_act_on_the_record() -> None:
    assert set(TITLES) == set(CORRECTIONS) == {fact["event"] for fact in FACTS} - {"PartyRegistered"}


def test_an_act_says_what_rested_on_it_in_its_own_object_and_in_others() -> None:
    found = report("--from", str(START))
    steps = [(step["field"], step["was"], step["now"]) for step in the("FactCorrected", found)["rested"]]
    assert ("value:OFFICIAL_ESTIMATE", "$8.5 billion", "$84") in steps
    withdrawn = the("SourceWithdrawn", found)["rested"]
    assert {"object": SOURCE, "field": "withdrawn", "was": False, "now": True} in withdrawn
    assert {
        "object": DEAL, "field": "value:CONTRACT (verification)", "was": "SINGLE_ORIGIN", "now": "RETRACTED",
    } in withdrawn  # fmt: skip


def test_an_act_that_was_undone_within_the_period_says_so() -> None:
    assert the("FactCorrected", report("--from", str(START)), 1)["undone"]
    assert not the("FactCorrected", report("--from", str(START), "--to", str(START + 1)), 1)["undone"]


def test_facts_stand_with_their_sources_and_sources_with_what_rests_on_them() -> None:
    found = report("--from", str(START))
    (fact,) = found["recorded"]
    assert (fact["event"], fact["title"], fact["opens"]) == ("PartyRegistered", "The Boeing Co. <i>", True)
    assert fact["sources"][0] == {
        "source": SOURCE, "title": "New widebody jet order estimated at $8.5 billion", "locator": "para 3",
    }  # fmt: skip
    (source,) = found["sources"]
    assert (source["id"], source["events"], source["withdrawn"]) == (SOURCE, 1, True)


def test_counts_add_up_and_name_who_recorded() -> None:
    found = report()
    assert found["events"] == sum(found["by_event"].values()) == START - 1 + len(FACTS)
    assert found["by_recorder"] == {"first-record": START - 1, "key:editor": len(FACTS)}
    assert len(found["recorded"]) + len(found["acts"]) == found["events"]


def test_long_lists_are_cut_and_say_by_how_much_but_acts_never_are() -> None:
    found = report("--limit", "5")
    assert (len(found["recorded"]), found["left_out"], len(found["acts"])) == (5, 206, 6)
    assert "206 more" in run("--limit", "5").output


def test_of_many_sources_those_are_listed_that_most_events_name_and_the_others_counted() -> None:
    everything, cut = report(), report("--limit", "5")
    assert cut["sources"] == everything["sources"][:5]
    assert cut["sources_left_out"] == len(everything["sources"]) - 5 > 0
    assert everything["sources_left_out"] == 0
    counts = [source["events"] for source in everything["sources"]]
    assert counts == sorted(counts, reverse=True)
    assert f"On {len(counts)} sources" in run("--limit", "5").output


def test_a_period_ends_where_it_is_said_to() -> None:
    found = report("--from", "10", "--to", "20")
    assert (found["first"], found["last"], found["events"], found["acts"]) == (10, 20, 11, [])


def test_a_day_is_meant_whole() -> None:
    day = report()["since"][:10]
    assert report("--from", day, "--to", day)["events"] == report()["events"]


def test_nothing_recorded_is_no_error() -> None:
    done = run("--from", "2020-01-01", "--to", "2020-01-31")
    assert done.exit_code == 0
    assert "nothing was recorded" in done.output


@pytest.mark.parametrize("arguments", [("--to", "99999"), ("--from", "soon")])
def test_a_moment_that_is_not_there_is_an_error(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_the_text_says_it_in_words() -> None:
    text = run("--from", str(START)).output
    assert f"{DEAL}@11, money: $8.5 billion → $84" in text
    assert (
        "Boeing 787 aircraft for Uzbekistan Airways, value:CONTRACT (verification): SINGLE_ORIGIN → RETRACTED" in text
    )
    assert "(itself retracted since)" in text
    assert f"Covered by the checkpoint of {START - 1 + len(FACTS)} events" in text


def test_the_report_names_the_state_that_a_replay_leads_to() -> None:
    assert len(report()["state_root"]) == 64
    assert report("--to", "100")["state_root"] != report()["state_root"]


# the page


class Tags(HTMLParser):
    """The tags of a page, and every address that one names."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[tuple[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [(tag, value) for name, value in attrs if name in ("src", "href", "srcset", "action")]


@pytest.fixture(scope="module")
def page(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "report.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAMGA_DATA_DIR", str(folder))
        assert run("--html", str(file)).exit_code == 0
    return file


def test_the_page_has_no_script_and_no_resource_from_anywhere(page: Path) -> None:
    tags = Tags(page.read_text())
    assert tags.tags.isdisjoint({"script", "link", "img", "iframe", "object", "form"})
    assert {tag for tag, _ in tags.addresses} == {"a"}
    assert all(address and address.startswith(("https://", "http://")) for _, address in tags.addresses)
    assert "url(" not in page.read_text()


def test_texts_of_the_record_are_texts_in_the_page(page: Path) -> None:
    text = page.read_text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in text
    assert "The Boeing Co. &lt;i&gt;" in text


@pytest.mark.parametrize("width", [1100, 390, 320])
def test_a_browser_shows_it_within_its_width_and_asks_for_nothing_else(page: Path, width: int) -> None:
    with open_page(page.as_uri()) as shown:
        shown.tell("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=True)
        shown.eventually("document.readyState == 'complete' && !!document.querySelector('footer')")
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        assert "Put right" in shown.evaluate("document.body.innerText")
        assert (shown.requested, shown.complaints) == ([page.as_uri()], [])


def test_a_browser_prints_it(page: Path) -> None:
    with open_page(page.as_uri()) as shown:
        shown.eventually("document.readyState == 'complete' && !!document.querySelector('footer')")
        assert len(shown.tell("Page.printToPDF")["data"]) > 10_000
