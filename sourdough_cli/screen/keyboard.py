"""Single keys, read by a thread of their own: they work while the screen hangs in a write."""

from __future__ import annotations

import os
import re
import select
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough_cli.screen.terminal import Terminal

_LOOK_AGAIN_SECONDS = 0.5
_ESCAPE_SEQUENCE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|O.)?")


class Keyboard:
    """Calls `on_key` with each key pressed while this process is in the foreground.

    Escape sequences (arrows, function keys) come in one read; they are ignored as a whole.
    """

    def __init__(self, fd: int, terminal: Terminal, on_key: Callable[[str], None]) -> None:
        self._fd = fd
        self._terminal = terminal
        self._on_key = on_key
        self._stop_read = self._stop_write = -1
        self._thread = Thread(target=self._run, name="keyboard", daemon=True)

    def start(self) -> None:
        self._stop_read, self._stop_write = os.pipe()
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close what it waited on."""
        os.write(self._stop_write, b".")
        self._thread.join()
        os.close(self._stop_read)
        os.close(self._stop_write)

    def _run(self) -> None:
        with suppress(OSError):  # the terminal is gone
            while self._wait():
                data = os.read(self._fd, 64)
                if not data:
                    return
                self._deliver(data)

    def _wait(self) -> bool:
        """Wait for keys; False when it is time to end."""
        while True:
            # Reading from the background would stop the whole process.
            ours = self._terminal.is_ours
            watched = [self._stop_read, self._fd] if ours else [self._stop_read]
            ready, _, _ = select.select(watched, [], [], None if ours else _LOOK_AGAIN_SECONDS)
            if self._stop_read in ready:
                return False
            if self._fd in ready and self._terminal.is_ours:
                return True

    def _deliver(self, data: bytes) -> None:
        for key in _ESCAPE_SEQUENCE.sub("", data.decode("utf-8", "replace")):
            self._on_key(key)
