"""A clock that stands still until it is told (invariant T1)."""

from __future__ import annotations

import asyncio

from sourdough.movable import MovableClock

# What is woken at one moment may wake others; so many turns of the loop they have before the next.
_TURNS = 20


class FakeClock(MovableClock):
    """Implements `sourdough.clock.Clock`; both clocks move together unless the wall clock steps."""

    def __init__(self, *, now: float = 1_700_000_000.0, monotonic: float = 1_000.0) -> None:
        super().__init__()
        self._now = now
        self._monotonic = monotonic

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass: what becomes due is called in order, each at its own moment.

        Raises ValueError for a step back, which time itself never does.
        """
        end = self._end(seconds)
        while (timer := self.due(end)) is not None:
            self._pass(timer.when)
            timer.fire()
        self._pass(end)

    async def elapse(self, seconds: float) -> None:
        """Let time pass as `advance` does; what is woken runs before the next moment comes."""
        end = self._end(seconds)
        await _settle()
        while (timer := self.due(end)) is not None:
            self._pass(timer.when)
            timer.fire()
            await _settle()
        self._pass(end)
        await _settle()

    def step(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an administrator or NTP does."""
        self._now += seconds

    def _end(self, seconds: float) -> float:
        if seconds < 0:
            raise ValueError("time does not go back; step() moves the wall clock alone")
        return self._monotonic + seconds

    def _pass(self, monotonic: float) -> None:
        self._now += max(0.0, monotonic - self._monotonic)
        self._monotonic = max(self._monotonic, monotonic)


async def _settle() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)
