"""What anybody prints while the live screen owns the terminal becomes a line of the log."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, TextIO, cast

from sourdough.observe.records import Output

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.clock import Clock
    from sourdough.observe.records import AnyRecord

_MOST_HELD = 64 * 1024


class StrayOutput(io.TextIOBase):
    """Stands in for `sys.stdout` and `sys.stderr`, and records whole lines."""

    def __init__(self, record: Callable[[AnyRecord], None], clock: Clock, level: str) -> None:
        super().__init__()
        self._record = record
        self._clock = clock
        self._level = level
        self._held = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        *lines, rest = (self._held + text).split("\n")
        for line in lines:
            self._send(line)
        self._held = rest
        if len(rest) > _MOST_HELD:
            self.finish()
        return len(text)

    def finish(self) -> None:
        """Record a last line that was never ended."""
        if self._held:
            self._send(self._held)
        self._held = ""

    def _send(self, line: str) -> None:
        self._record(Output(ts=self._clock.now(), level=self._level, text=line))


class StrayStreams:
    """Puts a StrayOutput in the place of both standard streams, and takes it away again."""

    def __init__(self, record: Callable[[AnyRecord], None], clock: Clock) -> None:
        self._ours = (
            StrayOutput(record, clock, "info"),
            StrayOutput(record, clock, "warning"),
        )
        self._theirs: tuple[TextIO, TextIO] | None = None

    def start(self) -> None:
        self._theirs = (sys.stdout, sys.stderr)
        sys.stdout, sys.stderr = (cast("TextIO", stream) for stream in self._ours)

    def stop(self) -> None:
        """Give the streams back, and record what was printed without an end of line."""
        if self._theirs is not None:
            sys.stdout, sys.stderr = self._theirs
            self._theirs = None
            for stream in self._ours:
                stream.finish()
