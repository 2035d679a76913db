"""schemathesis, which asks each root field and mutation for whatever the schema allows (`make clients` installs it)."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.readme import ROOT
from tests.support.service import serving

CLIENTS = ROOT / "tests" / "clients"
SCHEMATHESIS = ROOT / ".venv" / "clients" / "bin" / "st"
OPTIONS = [
    *("--max-time", "25", "--phases", "fuzzing", "--suppress-health-check", "all", "--no-color"),
    *("--checks", "every_error_has_a_code_and_was_foreseen", "--max-response-time", "5"),
]

pytestmark = [
    pytest.mark.clients,
    pytest.mark.skipif(not SCHEMATHESIS.exists(), reason="needs schemathesis, which make clients installs"),
]


def test_schemathesis_finds_no_answer_that_nobody_foresaw(tmp_path: Path) -> None:
    hooks = {"SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(CLIENTS)}
    with serving(tmp_path / "record") as service:
        asked = [f"{service.url}/graphql", "--header", f"Authorization: Bearer {service.key}", *OPTIONS]
        line = [str(SCHEMATHESIS), "run", *asked]
        done = subprocess.run(
            line, cwd=tmp_path, env=os.environ | hooks, capture_output=True, text=True, timeout=120, check=False
        )
        print(done.stdout)
        assert done.returncode == 0, done.stdout + done.stderr
        assert [said for said in service.logged if said.get("level") in ("error", "critical")] == []
