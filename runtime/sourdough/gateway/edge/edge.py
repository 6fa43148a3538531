"""What all connections of one gateway share: limits, clock, upstream, timeouts, counters."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sourdough.gateway.edge.answers import Openings
from sourdough.gateway.edge.forwarded import is_trusted, parse_networks
from sourdough.gateway.edge.limits import EdgeLimits
from sourdough.gateway.edge.timeouts import Timeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.clock import Clock
    from sourdough.gateway.edge.upstream import Client, Finished, Upstream


class Edge:
    """The shared state of a gateway's connections. `tick` must be called once per second."""

    def __init__(
        self,
        *,
        upstream: Upstream,
        clock: Clock,
        on_finished: Finished,
        limits: EdgeLimits | None = None,
        prefix: str = "",
        trusted_proxies: tuple[str, ...] = (),
        origins: tuple[str, ...] = (),
    ) -> None:
        self.upstream = upstream
        self.on_finished = on_finished
        self.limits = limits or EdgeLimits()
        self.prefix = prefix
        """What every request id begins with; unlike that of any other gateway, past or present."""
        self.number = 0
        """Of the latest request."""
        self.draining = False
        self.origins = _encoded(origins)
        """Whose pages may open WebSockets; none: those of any origin."""
        self.connections: set[Client] = set()
        self.on_left: Callable[[], None] = _nothing
        """Called when a connection is gone."""
        self.monotonic = clock.monotonic
        self.now = clock.monotonic()
        """The time of the last tick: what timeouts count from."""
        self.openings = Openings(clock.now())
        self.idle = Timeout(self.limits.idle_timeout)
        self.heads = Timeout(self.limits.head_timeout)
        self.bodies = Timeout(self.limits.body_timeout)
        self.stalled = Timeout(self.limits.body_timeout)
        self.closing = Timeout(self.limits.linger_timeout)
        self.timeouts = [self.idle, self.heads, self.bodies, self.stalled, self.closing]
        """All that `tick` looks at; whoever takes a connection over may add his own."""
        self._clock = clock
        self._trusted = parse_networks(trusted_proxies)

    def configure(self, limits: EdgeLimits, origins: tuple[str, ...]) -> None:
        """Take changed bounds, for what is read and waited for from now on."""
        self.limits = limits
        self.origins = _encoded(origins)
        self.idle.seconds = limits.idle_timeout
        self.heads.seconds = limits.head_timeout
        self.bodies.seconds = self.stalled.seconds = limits.body_timeout

    def tick(self) -> None:
        """Take note of the time and end the waits that have been too long."""
        self.now = self._clock.monotonic()
        self.openings.tick(self._clock.now())
        for timeout in self.timeouts:
            for waiter in timeout.expire(self.now):
                waiter.timed_out()

    def trusts(self, peer: str) -> bool:
        """Say whether a peer is a proxy that may speak for its clients."""
        return is_trusted(peer, self._trusted)

    def report(self, error: Exception) -> None:
        """Tell the loop's exception handler about a defect in the upstream."""
        asyncio.get_running_loop().call_exception_handler(
            {"message": "the upstream raised while a request was opened", "exception": error}
        )


def _encoded(origins: tuple[str, ...]) -> frozenset[bytes]:
    return frozenset(origin.encode() for origin in origins)


def _nothing() -> None:
    """Stand in for a listener."""
