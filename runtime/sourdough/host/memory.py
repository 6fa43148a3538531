"""What the process of a host takes, looked at once a second."""

from __future__ import annotations

from sourdough.observe.usage import give_back, resident_bytes


class Memory:
    """Above its limit the host evicts; what that has freed must be given back to count."""

    def __init__(self, limit: int) -> None:
        """limit: resident bytes; 0 is none."""
        self._limit = limit
        self._evicted = 0

    def look(self, evicted: int) -> int:
        """Return the resident bytes. evicted: how many objects have left so far."""
        memory = resident_bytes()
        if self._limit and memory > self._limit and evicted != self._evicted:
            self._evicted = evicted
            give_back()
            memory = resident_bytes()
        return memory
