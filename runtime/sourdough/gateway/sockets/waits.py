"""What a client's WebSocket may take its time for; without a timer for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.gateway.edge.timeouts import Timeout

if TYPE_CHECKING:
    from sourdough.gateway.edge import Edge

_PONG_SECONDS = 20.0
_CLOSE_SECONDS = 10.0
_BIND_SECONDS = 10.0
_STALLED_SECONDS = 3.0
_LEAVING_SECONDS = 1.0


class Waits:
    """The kinds of wait, in the timeouts of the edge."""

    def __init__(self, edge: Edge, *, quiet_seconds: float) -> None:
        self._edge = edge
        self.quiet = Timeout(quiet_seconds)
        """Without a byte from the client: it gets a ping."""
        self.pongs = Timeout(_PONG_SECONDS)
        """Without a byte after the ping: it is gone."""
        self.closes = Timeout(_CLOSE_SECONDS)
        """Without the client's Close frame, or without its end: it is dropped."""
        self.stalled = Timeout(_STALLED_SECONDS)
        """The same for a client that does not read."""
        self.leaving = Timeout(_LEAVING_SECONDS)
        """The same while the server stops: a tab that sleeps must not hold it up."""
        self.binds = Timeout(_BIND_SECONDS)
        """With a 101 that nobody has accepted: it was told by a host that is gone."""
        edge.timeouts += (
            self.quiet,
            self.pongs,
            self.closes,
            self.stalled,
            self.leaving,
            self.binds,
        )

    @property
    def now(self) -> float:
        """The time that waits count from."""
        return self._edge.now
