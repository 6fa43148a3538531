"""What the process of a host takes, looked at once a second."""

from __future__ import annotations

from sourdough.observe.usage import give_back, resident_bytes

# Giving back walks the allocator's lists, some milliseconds in which nothing else runs. What fewer
# objects leave behind is used again soon enough.
_WAVE = 256


class Memory:
    """What objects that left have freed goes back to the system when it is worth it.

    Above the limit it has to at once, or the host would evict on. Below, when a wave of objects
    has gone to sleep and the last of them is gone.
    """

    def __init__(self, limit: int) -> None:
        """limit: resident bytes above which the host evicts; 0 is none."""
        self._limit = limit
        self._evicted = 0
        self._settled = 0

    def look(self, evicted: int) -> int:
        """Return the resident bytes. evicted: how many objects have left so far."""
        memory = resident_bytes()
        above = bool(self._limit) and memory > self._limit
        ebbed = evicted == self._evicted and evicted - self._settled >= _WAVE
        if ebbed or (above and evicted != self._settled):
            self._settled = evicted
            give_back()
            memory = resident_bytes()
        self._evicted = evicted
        return memory
