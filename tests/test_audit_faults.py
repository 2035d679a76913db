"""A process that records and seals is killed again and again; what was ever signed stays true."""

import subprocess
import sys
from pathlib import Path
from random import Random
from time import sleep

import pytest

from service.audit.sources import LogSource
from service.audit.verify import Older, verify
from tests.support.audit import audited, seal
from tests.support.service import eventually

WORKER = """
import sys
from pathlib import Path
from service.audit import sealer
from service.audit.audit import Audit
from service.log.sqlite import SQLiteLog
from tests.support.audit import record

sealer.INTERVAL = 0.01
folder = Path(sys.argv[1])
log = SQLiteLog(folder / "log.db")
Audit(log, folder).start()
print("ready", flush=True)
while True:
    record(log, 20)
"""


@pytest.mark.fault
def test_a_process_killed_while_it_seals_contradicts_nothing_that_was_signed(tmp_path: Path) -> None:
    random, notes, shown = Random(7), list[bytes](), tmp_path / "tiles/checkpoint"
    for _ in range(4):
        before = shown.read_bytes() if shown.exists() else b""
        with subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path)], stdout=subprocess.PIPE) as worker:
            assert worker.stdout is not None
            assert worker.stdout.readline() == b"ready\n"
            eventually(lambda before=before: shown.exists() and shown.read_bytes() != before)  # type: ignore[misc]
            sleep(random.uniform(0, 0.3))
            worker.kill()
        notes += [path.read_bytes() for path in (tmp_path / "last-checkpoint", shown)]
    with audited(tmp_path) as audit:
        seal(audit)
        older = [Older(f"checkpoint {number}", note) for number, note in enumerate(notes)]
        verdict = verify(LogSource(audit.log, tmp_path, audit.verifiers()), against=older)
        assert verdict.ok, verdict.problem
        assert audit.size() == audit.log.head().position > 0
    assert len(set(notes)) >= 4
