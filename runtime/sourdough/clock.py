"""Where time comes from. Logic takes a Clock; only this file reads the real one (invariant T1)."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """A source of time."""

    def now(self) -> float:
        """Seconds since the Unix epoch, by the wall clock, which may step."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> float:
        return time.time()  # noqa: TID251 (the one place that may)

    def monotonic(self) -> float:
        return time.monotonic()
