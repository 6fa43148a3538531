"""The answers whose bodies are on their way, and how long a host that is replaced waits for them.

Whoever else wants an object of the seat waits as long as the host. So what has no end of its own is
ended at once, and any other body is cut short when its request is older than the time that running
requests get (invariant D6): a request that is shorter never fails.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sourdough.host.incoming import Incoming

log = logging.getLogger("sourdough.host")


class Streams:
    """The bodies of one host that have begun to leave and have not all left."""

    def __init__(self) -> None:
        self._leaving: dict[Incoming, bool] = {}
        self.whole = True
        """Whether none was cut short."""

    def add(self, incoming: Incoming, *, endless: bool) -> None:
        """A head has left. endless: streams of events, and WebSockets of stubs in other hosts."""
        self._leaving[incoming] = endless

    def discard(self, incoming: Incoming) -> None:
        self._leaving.pop(incoming, None)

    def end_endless(self) -> None:
        """End properly what has no end of its own."""
        for incoming in [each for each, endless in self._leaving.items() if endless]:
            incoming.end_stream()

    def cut_older(self, seconds: float) -> float | None:
        """Cut those short whose requests are older; return when the next will be, in seconds."""
        oldest = time.monotonic() - seconds
        late = [each for each in self._leaving if each.started <= oldest]
        for incoming in late:
            incoming.cut_short()
        if late:
            self.whole = False
            what = "response" if len(late) == 1 else "responses"
            log.warning("cut %d %s short: older than drain_timeout", len(late), what)
        return min((each.started - oldest for each in self._leaving), default=None)
