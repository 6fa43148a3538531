"""Writing to a descriptor that may block, break or vanish.

Written without Python's buffered files on purpose: a thread that hangs in one of those holds a
lock that the interpreter needs at its end.
"""

from __future__ import annotations

import os
import select
from typing import Protocol


class Output(Protocol):
    """The part of a text file that screens and rich need."""

    def write(self, text: str, /) -> int: ...

    def flush(self) -> None: ...


class DescriptorOutput:
    """Collects text and writes it in one piece when flushed.

    Once the reader is gone (a closed pipe, a vanished terminal) everything is swallowed: the
    server does not end because nobody looks.
    """

    def __init__(self, fd: int, encoding: str = "utf-8") -> None:
        self.encoding = encoding
        self.broken = False
        self._fd = fd
        self._parts: list[str] = []
        self._held = False

    def write(self, text: str, /) -> int:
        self._parts.append(text)
        return len(text)

    def flush(self) -> None:
        """Write what was collected, unless it is being held."""
        if self._held or not self._parts:
            return
        data = "".join(self._parts).encode(self.encoding, "backslashreplace")
        self._parts.clear()
        if not self.broken:
            self._write(data)

    def hold(self) -> None:
        """Collect until `release`, whatever asks for a flush in between."""
        self._held = True

    def release(self) -> None:
        self._held = False
        self.flush()

    def isatty(self) -> bool:
        return os.isatty(self._fd)

    def fileno(self) -> int:
        return self._fd

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._fd, view) :]
            except BlockingIOError:  # somebody who shares the terminal made it non-blocking
                select.select([], [self._fd], [])
            except OSError:
                self.broken = True
                return
