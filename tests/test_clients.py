"""Checkers that nobody here wrote, as npm has them: of HTTP, of the schema and of changes to it (`make clients`)."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.readme import ROOT
from tests.support.service import Service, serving

CLIENTS = ROOT / "tests" / "clients"
SCHEMA = ROOT / "schema" / "schema.graphql"
VALUE_COVERS = '''  """What that value covers, where it is not the firm order alone."""
  valueCovers: String
'''

pytestmark = [
    pytest.mark.clients,
    pytest.mark.skipif(shutil.which("node") is None, reason="needs node"),
]


def script(name: str, **told: str) -> Any:
    """What a script says; `told` are its variables."""
    variables = {f"TAMGA_{key.upper()}": value for key, value in told.items()}
    line = ["node", f"{name}.mjs"]
    done = subprocess.run(
        line, cwd=CLIENTS, env=os.environ | variables, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("record")) as running:
        yield running


def test_all_audits_of_graphql_over_http_pass(service: Service) -> None:
    results = script("audits", url=f"{service.url}/graphql")
    passed = [one for one in results if one["status"] == "ok"]
    print(*(f"{one['status']} {one['id']} {one['name']}" for one in results), sep="\n")
    print(f"graphql-http: {len(passed)} of {len(results)} audits ok")
    assert len(results) >= 61
    assert [one for one in results if one["status"] != "ok"] == []


def test_the_service_hands_out_the_committed_schema(service: Service) -> None:
    assert service.http.get("/graphql/schema").text == SCHEMA.read_text("utf-8")


def test_graphql_eslints_recommended_and_relay_rules_hold() -> None:
    assert script("lint", schema=str(SCHEMA)) == []


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("  hasNextPage: Boolean!", "  hasNextPage: String!", "relay-page-info"),
        ("  pageInfo: PageInfo!", "  pageInfo: PageInfo", "relay-connection-types"),
        ("  PARTLY\n", "  partly\n", "naming-convention"),
    ],
)
def test_graphql_eslint_tells_what_is_against_its_rules(old: str, new: str, rule: str, tmp_path: Path) -> None:
    wrong = changed(old, new, tmp_path)
    assert {message["ruleId"].rpartition("/")[2] for message in script("lint", schema=str(wrong))} == {rule}


def changed(old: str, new: str, folder: Path) -> Path:
    """The schema with a change, as a file."""
    text, file = SCHEMA.read_text("utf-8"), folder / "changed.graphql"
    assert old in text
    file.write_text(text.replace(old, new))
    return file


def breaking(before: Path, after: Path) -> list[str]:
    """The breaking changes between two schema files, as graphql-inspector tells them: the places in the schema."""
    return [change["path"] for change in script("inspect", before=str(before), schema=str(after))]


def test_every_breaking_change_since_the_last_release_stands_in_the_changelog(tmp_path: Path) -> None:
    """Before the first release: since the last commit."""
    before = tmp_path / "before.graphql"
    before.write_bytes(_committed("schema/schema.graphql"))
    told = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert [place for place in breaking(before, SCHEMA) if f"`{place}`" not in told] == []


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        (VALUE_COVERS, "", "Deal.valueCovers"),
        ("  valueCovers: String\n", "  valueCovers: Int\n", "Deal.valueCovers"),
        ("  PARTLY\n", "  PARTLY_SO\n", "Binding.PARTLY"),
    ],
)
def test_graphql_inspector_tells_what_breaks_clients(old: str, new: str, place: str, tmp_path: Path) -> None:
    assert place in breaking(SCHEMA, changed(old, new, tmp_path))


def test_graphql_inspector_lets_a_new_field_pass(tmp_path: Path) -> None:
    added = 'type PageInfo {\n  """More."""\n  somethingNew: String\n'
    assert breaking(SCHEMA, changed("type PageInfo {\n", added, tmp_path)) == []


def _committed(path: str) -> bytes:
    """A file as the last release had it, or the last commit where nothing was released yet."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs git and the history of the project")
    tag = subprocess.run(
        ["git", "describe", "--tags", "--abbrev=0"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    release = tag.stdout.strip() if tag.returncode == 0 else "HEAD"
    return subprocess.run(["git", "show", f"{release}:{path}"], cwd=ROOT, capture_output=True, check=True).stdout
