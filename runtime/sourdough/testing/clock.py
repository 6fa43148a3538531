"""A clock that stands still until it is told (invariant T1)."""

from __future__ import annotations


class FakeClock:
    """Implements `sourdough.clock.Clock`; both clocks move together unless the wall clock steps."""

    def __init__(self, *, now: float = 1_700_000_000.0, monotonic: float = 1_000.0) -> None:
        self._now = now
        self._monotonic = monotonic

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass. Raises ValueError for a step back, which time itself never does."""
        if seconds < 0:
            raise ValueError("time does not go back; step() moves the wall clock alone")
        self._now += seconds
        self._monotonic += seconds

    def step(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an administrator or NTP does."""
        self._now += seconds
