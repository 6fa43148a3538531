"""Which WebSockets' ends objects have heard of lately (invariant W3: each is told once).

A gateway may die between the handler of an end and the note of it in its ledger. Its successor then
tells that end again: the host, which lives, is the only one to know that it was heard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sourdough.clock import Clock

# Gateways note an end when it is acknowledged, and their successors start in a second or two.
_KEPT_SECONDS = 300.0
_MOST_KEPT = 65_536


class Ends:
    """Numbers of sockets, which are never used again; the oldest are forgotten."""

    __slots__ = ("_clock", "_heard")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard: dict[int, float] = {}

    def __contains__(self, number: int) -> bool:
        """Whether the end of a socket was heard lately."""
        return number in self._heard

    def hear(self, number: int) -> bool:
        """An end begins to be handled. Return whether it is news."""
        if number in self._heard:
            return False
        now = self._clock.monotonic()
        self._heard[number] = now
        while len(self._heard) > _MOST_KEPT or now - self._oldest() > _KEPT_SECONDS:
            del self._heard[next(iter(self._heard))]
        return True

    def clear(self) -> None:
        """Forget all of them."""
        self._heard.clear()

    def _oldest(self) -> float:
        return next(iter(self._heard.values()))
