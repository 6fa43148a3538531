"""Which objects leave memory: those that were idle for long enough, or, for room, for the longest.

Two clocks (semantics 3.6, 3.7). What can hibernate goes `hibernate_after` seconds after the last
thing that kept it. What cannot (a hold of it is overdue) goes by a slower sweep, once in
`evict_after` seconds, when it has been idle for as long: so after one to two times that. What has
anything to do, or is held, never goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import nsmallest
from typing import TYPE_CHECKING

from sourdough.objects.container import Rest

if TYPE_CHECKING:
    from collections.abc import Collection

    from sourdough.clock import Clock
    from sourdough.objects.container import Container

# Who must make room looks at all objects, so it makes room for several: this share of the limit.
_SHARE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Residency:
    """How many objects live in a host, and how long those that are idle."""

    resident_limit: int = 10_000
    """Objects that live; idle ones beyond are evicted, busy ones stay."""
    open_limit: int | None = None
    """Databases that may be open at all, those that are closing included."""
    memory_limit: int = 0
    """Resident bytes of the process above which idle objects are evicted; 0 is no limit."""
    hibernate_after: float = 10.0
    """Seconds."""
    evict_after: float = 70.0
    """Seconds."""


class Eviction:
    """Chooses; `Registry` closes what was chosen."""

    def __init__(self, residency: Residency, clock: Clock) -> None:
        self._residency = residency
        self._clock = clock
        self._next_slow_sweep = clock.monotonic() + residency.evict_after

    def for_room(self, containers: Collection[Container], facets: int) -> list[Container]:
        """Return who has to go before one more may come: none, or several at once.

        facets: how many live in all of them; each takes as much room as an object.
        """
        limit = self._residency.resident_limit
        if len(containers) + facets < limit:
            return []
        return _longest_idle(containers, max(1, limit // _SHARE))

    def due(self, containers: Collection[Container], facets: int, memory: int) -> list[Container]:
        """Return who has to go now. facets: as above. memory: resident bytes of the process."""
        limits = self._residency
        now = self._clock.monotonic()
        slowly = now >= self._next_slow_sweep
        if slowly:
            self._next_slow_sweep = now + limits.evict_after
        due: dict[Container, None] = {}
        for container in containers:
            idle = now - container.idle_since
            if idle >= limits.hibernate_after and (
                container.rest is Rest.HIBERNATABLE
                or (slowly and idle > limits.evict_after and container.rest is Rest.IDLE)
            ):
                due[container] = None
        excess = len(containers) + facets - limits.resident_limit
        excess = max(excess, self._too_many(containers, memory))
        if excess > len(due):
            due.update(dict.fromkeys(_longest_idle(containers, excess)))
        return list(due)

    def _too_many(self, containers: Collection[Container], memory: int) -> int:
        """Return how many have to go for the memory that is used beyond the limit."""
        limit = self._residency.memory_limit
        if not limit or memory <= limit:
            return 0
        return -(-len(containers) * (memory - limit) // memory)


def _longest_idle(containers: Collection[Container], count: int) -> list[Container]:
    idle = [each for each in containers if each.rest is not Rest.NONE]
    return nsmallest(count, idle, key=lambda each: each.idle_since)
