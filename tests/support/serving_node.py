"""Serving processes of one record: started, killed without warning, started again on the same address."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

from tests.support.processes import ROOT


class ServingNode:
    """`tamga serve` in a process of its own, with its own replica of a shared log."""

    def __init__(self, folder: Path, log_url: str, port: int) -> None:
        """Take where its replica lies, the log, and the port; `start` begins."""
        self.port = port
        self.folder = folder
        self._environment = {
            **os.environ,
            "TAMGA_DATA_DIR": str(folder),
            "TAMGA_DATABASE_URL": log_url,
            "TAMGA_PORT": str(port),
            "TAMGA_FIRST_RECORD": "0",
            "TAMGA_SEAL": "0",
            "TAMGA_LOG_LEVEL": "error",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin to serve; does not wait."""
        self.folder.mkdir(exist_ok=True)
        line = [sys.executable, "-c", "from service.cli import main; main()", "serve"]
        self.process = subprocess.Popen(line, cwd=ROOT, env=self._environment, stdout=subprocess.DEVNULL)

    def ready(self, seconds: float = 60) -> bool:
        """Wait until it serves."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5, verify=False).status_code == 200:
                    return True
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        return False

    def end(self, by: signal.Signals = signal.SIGKILL) -> int:
        """End it, without warning if not said otherwise; its exit code."""
        assert self.process is not None
        self.process.send_signal(by)
        return self.process.wait(60)
