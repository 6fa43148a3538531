"""A headless Chromium without a profile, driven over the DevTools protocol."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading
from typing import TYPE_CHECKING, Any, Self

from websockets.sync.client import connect

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
SECONDS = 20.0
_SWITCHES = (
    "--headless=new",
    "--no-sandbox",  # it opens our own pages only, and root may not have one
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-port=0",
)

# Resolves when a condition holds: looked at with each change of the document, not at times.
_UNTIL = """
new Promise((resolve, reject) => {
  const look = () => {
    const found = %s;
    if (!found) return;
    observer.disconnect();
    resolve(found);
  };
  const observer = new MutationObserver(look);
  const all = { subtree: true, childList: true, characterData: true, attributes: true };
  observer.observe(document, all);
  setTimeout(() => reject(new Error(document.body.innerText)), %d);
  look();
})
"""


class Browser:
    """The browser; nothing of it is left behind."""

    def __init__(self, folder: Path) -> None:
        """folder: an empty one for all that it stores."""
        assert PROGRAM is not None
        self._process = subprocess.Popen(
            [PROGRAM, *_SWITCHES, f"--user-data-dir={folder}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._open = contextlib.ExitStack()
        self._late = threading.Timer(SECONDS, self._kill)
        self._late.start()
        try:
            connection = connect(self._address(), max_size=None, proxy=None)
            self._connection = self._open.enter_context(connection)
        except BaseException:
            self.close()
            raise
        finally:
            self._late.cancel()
        # What else it prints is read and forgotten; the end comes when all its processes are gone.
        self._reader = threading.Thread(target=self._process.stderr.read, daemon=True)
        self._reader.start()
        self._last = 0
        self.events: list[dict[str, Any]] = []

    def _address(self) -> str:
        seen = []
        for line in self._process.stderr:
            seen.append(line)
            if line.startswith("DevTools listening on "):
                return line.split()[-1]
        raise AssertionError("the browser did not start:\n" + "".join(seen))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
        self.close()
        self._reader.join(5)
        assert not self._reader.is_alive(), "a process of the browser has outlived it"
        self._process.stderr.close()

    def close(self) -> None:
        self._kill()
        self._process.wait(5)

    def _kill(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def open(self, url: str) -> Tab:
        """Open a page in a tab of its own; it has been loaded when this returns."""
        target = self.command("Target.createTarget", url="about:blank")["targetId"]
        attached = self.command("Target.attachToTarget", targetId=target, flatten=True)
        tab = Tab(self, attached["sessionId"])
        tab.command("Page.enable")
        tab.command("Runtime.enable")
        tab.load("Page.navigate", url=url)
        return tab

    def command(self, method: str, session: str | None = None, **params: Any) -> Any:
        """Send a command and return its result; events that come meanwhile are kept."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": params}
        self._connection.send(json.dumps(message | ({"sessionId": session} if session else {})))
        while (told := self._receive()).get("id") != self._last:
            self.events.append(told)
        assert "error" not in told, told["error"]
        return told["result"]

    def wait_for(self, method: str, session: str) -> None:
        """Wait for an event, among those that came already too; it is waited for once."""
        while True:
            for event in self.events:
                if event["method"] == method and event["sessionId"] == session:
                    self.events.remove(event)
                    return
            self.events.append(self._receive())

    def _receive(self) -> Any:
        return json.loads(self._connection.recv(timeout=SECONDS))


class Tab:
    """One page."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session

    def command(self, method: str, **params: Any) -> Any:
        return self._browser.command(method, self._session, **params)

    def load(self, method: str = "Page.reload", **params: Any) -> None:
        """Load the page again, or another one."""
        self.command(method, **params)
        self._browser.wait_for("Page.loadEventFired", self._session)

    def type(self, text: str) -> None:
        """Type where the focus is, key by key as far as the page can tell, and press Enter."""
        self.command("Input.insertText", text=text)
        for kind in ("keyDown", "keyUp"):
            enter = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
            self.command("Input.dispatchKeyEvent", type=kind, **enter)

    def evaluate(self, expression: str) -> Any:
        """Return the value of JavaScript; a promise's is waited for."""
        told = self.command(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def until(self, condition: str, seconds: float = SECONDS / 2) -> Any:
        """Wait until JavaScript is true; return its value. What the page showed is in the error."""
        return self.evaluate(_UNTIL % (condition, seconds * 1000))

    def faults(self) -> list[dict[str, Any]]:
        """Return what the page threw and what it wrote to the console."""
        kinds = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled")
        return [
            event["params"]
            for event in self._browser.events
            if event.get("sessionId") == self._session and event["method"] in kinds
        ]
