"""breakpoint() in a handler, with everything in one process and a real terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

from tests.system.client import Client

_URL = re.compile(rb"serving (http://[0-9.:]+)")


class Terminal:
    """A program on a pseudo-terminal: what it writes is kept, what is typed reaches it."""

    def __init__(self, project, *words: str) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sourdough_cli", *words],
            cwd=project, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self.seen = b""

    def wait_for(self, pattern: bytes, seconds: float = 15.0) -> re.Match[bytes]:
        """Read until a pattern has come."""
        deadline = time.monotonic() + seconds
        while (found := re.search(pattern, self.seen)) is None:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self._ours], [], [], max(0.0, left))
            assert ready, f"never came: {pattern!r}\n{self.seen.decode('utf-8', 'replace')}"
            self.seen += os.read(self._ours, 65536)
        return found

    def type(self, text: bytes) -> None:
        os.write(self._ours, text)

    def close(self) -> None:
        """Stop the program, reading what it still has to say."""
        self.process.send_signal(signal.SIGTERM)
        try:
            while select.select([self._ours], [], [], 10)[0]:
                with suppress(OSError):
                    if os.read(self._ours, 65536):
                        continue
                break
            self.process.wait(10)
        finally:
            self.process.kill()
            self.process.wait()
            os.close(self._ours)


def test_breakpoint_opens_the_debugger_on_the_terminal(project):
    """Design 2: with hostCount = 0 a breakpoint() in a handler is a prompt; c goes on."""
    counters = project("counters")
    file = counters / "counters.py"
    file.write_text(
        file.read_text().replace(
            "        value = await self.value() + 1\n",
            "        value = await self.value() + 1\n        breakpoint()\n",
        )
    )
    terminal = Terminal(counters, "dev", "--hosts", "0", "--plain", "--port", "0")
    try:
        url = terminal.wait_for(_URL.pattern)[1].decode()
        answers = []

        def ask() -> None:
            with Client(url) as client:
                answers.append(client.post("/direct/a/increment").json())

        asking = threading.Thread(target=ask)
        asking.start()
        terminal.wait_for(rb"\(Pdb\) ")
        terminal.type(b"p value + 41\n")
        terminal.wait_for(rb"\r\n42\r\n")
        terminal.type(b"c\n")
        asking.join(10)
        assert answers == [{"value": 1}]
    finally:
        terminal.close()
    assert terminal.process.returncode == 0
