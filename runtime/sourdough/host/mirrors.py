"""Which gateways have told a host of their WebSockets, and what waits until all have (W4).

    waiting --every gateway that lives has ended its mirror, or 5 s are over--> complete

A host begins to wait when it gets its seat. Its objects get no event meanwhile: an instance that
was made without its sockets would miss them in its constructor, and in its first broadcast.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.clock import Clock, Timer

log = logging.getLogger("sourdough.host")

# A gateway links to a host and mirrors in milliseconds. One that does not must not stop the host.
_MIRROR_SECONDS = 5.0


class Mirrors:
    """Which mirrors have come."""

    def __init__(
        self,
        *,
        clock: Clock,
        hold_back: Callable[[bool], None],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """hold_back: has events for objects wait, or go on. changed: others live than before."""
        self._clock = clock
        self._hold_back = hold_back
        self._changed = changed
        self._living: frozenset[int] = frozenset()
        self._ended: set[int] = set()
        self._timer: Timer | None = None

    @property
    def living(self) -> frozenset[int]:
        """The serial numbers of the gateways that live."""
        return self._living

    @property
    def waiting(self) -> bool:
        """Whether objects wait for a mirror."""
        return self._timer is not None

    def begin(self) -> None:
        """The host has got its seat."""
        if self._timer is None and self._missing():
            self._timer = self._clock.call_later(_MIRROR_SECONDS, self._expire)
            self._hold_back(True)

    def live(self, serials: tuple[int, ...]) -> None:
        """These gateways live; the mirror of one that is gone will not come."""
        self._living = frozenset(serials)
        self._look()
        self._changed()

    def ended(self, serial: int) -> None:
        """A gateway has told everything."""
        self._ended.add(serial)
        self._look()

    def lost(self, serial: int) -> None:
        """There is no link to a gateway any more; on the next one it begins again."""
        self._ended.discard(serial)

    def stop(self) -> None:
        """The host has no seat any more: what waits may go on, to be refused."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._hold_back(False)

    def _missing(self) -> frozenset[int]:
        return self._living - self._ended

    def _look(self) -> None:
        if not self._missing():
            self.stop()

    def _expire(self) -> None:
        missing = ", ".join(str(serial) for serial in sorted(self._missing()))
        log.warning(
            "gateway %s has not told of its WebSockets within %g s; objects go on without them",
            missing,
            _MIRROR_SECONDS,
        )
        self.stop()
