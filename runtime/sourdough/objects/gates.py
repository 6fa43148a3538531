"""The gates of one object (semantics 4.1, 4.2).

The *input gate* says which events may enter: all of them at any `await`, none while a critical
section (the constructor, `block_concurrency_while`) runs. Events that may not enter wait in
order. The *output gate* is the database's commit number: what an object says leaves when the
commits it had made by then are durable; it is kept in `storage`, since only the storage knows.
"""

from __future__ import annotations

from collections import deque
from contextvars import ContextVar
from typing import Generic, TypeVar

E = TypeVar("E")

# Depth of the critical sections that the running task is inside of (semantics 4.3).
section_depth: ContextVar[int] = ContextVar("sourdough_section_depth", default=0)

MAX_SECTION_DEPTH = 64


class InputGate(Generic[E]):
    """Which events may enter now. Pure: it returns what may run, the caller runs it."""

    __slots__ = ("_limit", "_sections", "_waiting")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._sections = 0
        self._waiting: deque[E] = deque()

    @property
    def open(self) -> bool:
        return self._sections == 0

    @property
    def full(self) -> bool:
        """Whether another waiting event must be refused (overloaded)."""
        return len(self._waiting) >= self._limit

    def __len__(self) -> int:
        return len(self._waiting)

    def enter(self, event: E) -> bool:
        """Say whether `event` may run now; if not it waits in order."""
        if self._sections == 0 and not self._waiting:
            return True
        self._waiting.append(event)
        return False

    def lock(self) -> None:
        """A critical section begins."""
        self._sections += 1

    def unlock(self) -> list[E]:
        """A critical section ends; return the events that may run now."""
        self._sections -= 1
        if self._sections:
            return []
        return self.drain()

    def drain(self) -> list[E]:
        """Take every waiting event out, in order."""
        waiting = list(self._waiting)
        self._waiting.clear()
        return waiting
