"""A headless Chromium, driven through its DevTools protocol by the websockets library. Knows no page in particular."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--headless",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--remote-debugging-port=0",
    "--window-size=1300,800",
)


class Page:
    """One tab: what it is told to do, what it asked the network for, and what it complained of."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._number = 0
        self.requested: list[str] = []
        self.complaints: list[str] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.tell(f"{domain}.enable")

    def tell(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and wait for its answer; RuntimeError if the browser refuses it."""
        self._number += 1
        self._connection.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while (message := json.loads(self._connection.recv(timeout=60))).get("id") != self._number:
            self._note(message)
        if "error" in message:
            raise RuntimeError(f"{method}: {message['error']}")
        result: dict[str, Any] = message["result"]
        return result

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression in the page."""
        return self.tell("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def eventually(self, script: str, holds: Callable[[Any], object] = bool, seconds: float = 60) -> Any:
        """The expression's value as soon as it is such; AssertionError with the last value when it does not come."""
        until = time.monotonic() + seconds
        while not holds(value := self.evaluate(script)):
            assert time.monotonic() < until, f"{script} is still {value!r}"
            time.sleep(0.05)
        return value

    def write(self, text: str) -> None:
        """Type text where the cursor is, as a person's paste would."""
        self.tell("Input.insertText", text=text)

    def press(self, key: str, code: int, modifiers: int = 0, **more: Any) -> None:
        """Press and release one key; modifiers: 2 is Ctrl."""
        for kind in ("keyDown", "keyUp"):
            known = {"key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers, **more}
            self.tell("Input.dispatchKeyEvent", type=kind, **known)

    def _note(self, message: dict[str, Any]) -> None:
        match message.get("method"), message.get("params", {}):
            case "Network.requestWillBeSent", {"request": {"url": url}}:
                self.requested.append(url)
            case "Network.webSocketCreated", {"url": url}:
                self.requested.append(url)
            case "Runtime.exceptionThrown", {"exceptionDetails": details}:
                self.complaints.append(json.dumps(details))
            case "Log.entryAdded", {"entry": {"level": "error", "text": text}}:
                self.complaints.append(text)


@contextmanager
def open_page(url: str) -> Iterator[Page]:
    """A fresh browser that shows this address; skips the test, with the reason, where there is no Chromium."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"no Chromium on this machine ({', '.join(NAMES)})")
    with tempfile.TemporaryDirectory(prefix="tamga-browser-", ignore_cleanup_errors=True) as folder:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses to sandbox for root
        line = [program, *QUIET, *sandbox, f"--user-data-dir={folder}", "about:blank"]
        with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as browser:
            try:
                with connect(_tab(Path(folder) / "DevToolsActivePort"), max_size=None) as connection:
                    page = Page(connection)
                    page.tell("Page.navigate", url=url)
                    yield page
            finally:
                browser.terminate()


def _tab(told: Path) -> str:
    """The WebSocket address of the first tab, once the browser wrote on which port it listens and has opened one."""
    until = time.monotonic() + 60
    while not (told.exists() and told.read_text("utf-8")):
        assert time.monotonic() < until, "Chromium did not start"
        time.sleep(0.05)
    listed = f"http://127.0.0.1:{told.read_text('utf-8').split()[0]}/json/list"
    while not (tabs := [tab for tab in httpx.get(listed, timeout=30).json() if tab["type"] == "page"]):
        assert time.monotonic() < until, "Chromium opened no tab"
        time.sleep(0.05)
    return str(tabs[0]["webSocketDebuggerUrl"])
