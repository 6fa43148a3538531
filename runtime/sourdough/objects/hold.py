"""A hold: why an object that does nothing stays in memory all the same.

What only refers to an object (a live RPC reference, an ASGI app, a socket that cannot hibernate)
is no work, so it keeps the object for a bounded time (semantics 3.9):

    with container.keep("a live reference"):    # or hold = container.keep(...); hold.release()
        ...

While a hold lasts, nothing evicts the object but a release of its host. A hold that nobody
renewed for 15 minutes is worth less: the object counts as idle then, although as one that cannot
hibernate, and the next sweep for those evicts it (semantics 3.7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from sourdough.objects.work import Work

HOLD_SECONDS = 15 * 60.0


class Hold:
    """One reason to stay; made by `Container.keep`."""

    __slots__ = ("_work", "reason", "until")

    def __init__(self, work: Work, reason: str, until: float) -> None:
        """until: by the monotonic clock of the container."""
        self._work = work
        self.reason = reason
        self.until = until

    def renew(self) -> None:
        """Count the 15 minutes from now; for those who can tell that somebody is still there."""
        self.until = self._work.now() + HOLD_SECONDS

    def release(self) -> None:
        """Let go: from now on the object is idle, if nothing else keeps it. More than once is fine."""
        self._work.released(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
