"""When the objects of a seat that is given up run their `before_shutdown` (semantics 3.14).

When nothing else runs, so that a handler may still call others; or earlier, so that those at rest do
not lose their time to those that are not. An object that the handler of another calls behind its own
is made again, and is told again, so that nothing that it was given is lost: a few times.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sourdough.objects.shutdown import SHUTDOWN_SECONDS

if TYPE_CHECKING:
    import asyncio

    from sourdough.objects.registry import Registry
    from sourdough.objects.shutdown import ShutdownReason

# Enough for those that pass on what others give them; two that call each other never end.
_MOST_ROUNDS = 3


class LastWords:
    """Of one release."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        registry: Registry,
        reason: ShutdownReason,
        version: int,
    ) -> None:
        """version: of the calls that handlers make."""
        self._loop = loop
        self._began = loop.time()
        self._registry = registry
        self._reason = reason
        self._version = version
        self._rounds = 0
        self.objects = 0
        """How many have left memory by it."""

    def begin(self, deadline: float) -> bool:
        """Have those at rest run their handlers; return whether there are any.

        deadline: of the drain, by the loop's clock.
        """
        if self._rounds == _MOST_ROUNDS or self._loop.time() >= deadline:
            return False
        self._rounds += 1
        leaving = self._registry.shut_down(self._reason, self._version)
        self.objects += leaving
        return leaving > 0

    def begin_early(self, deadline: float) -> float:
        """Do so once although others still run, when a handler might else not have its time; return
        in how many seconds that will be.
        """
        if self._rounds:
            return math.inf
        latest = max(deadline - SHUTDOWN_SECONDS, (self._began + deadline) / 2)
        left = latest - self._loop.time()
        if left <= 0:
            self.begin(deadline)
        return max(0.0, left)
