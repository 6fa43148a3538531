"""Timeouts without timers: all waits of one kind have one length, so they expire in order.

A kind is one insertion-ordered dict of who waits since when. The tick, once per second, takes
the expired from its front and stops at the first that is not: starting and stopping a wait costs
one dictionary operation each, and a tick costs only what has expired.
"""

from __future__ import annotations

from typing import Protocol


class Waiter(Protocol):
    """Who waits; `timed_out` is called when it was too long."""

    def timed_out(self) -> None: ...


class Timeout:
    """All waits of one kind. A wait is as exact as the tick, and never ends early."""

    __slots__ = ("seconds", "waiting")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.waiting: dict[Waiter, float] = {}
        """Who waits, with the tick at which the wait began; the longest waiting first."""

    def expire(self, now: float) -> list[Waiter]:
        """Take out and return those who have waited longer than allowed."""
        # A wait began at any moment after its tick: one second of grace keeps it from ending early.
        latest = now - self.seconds
        expired = []
        for waiter, since in self.waiting.items():
            if since >= latest:
                break
            expired.append(waiter)
        for waiter in expired:
            del self.waiting[waiter]
        return expired
