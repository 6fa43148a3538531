"""Whether the next batch is synced on the loop or in a thread. Pure.

A sync of 0.1 ms costs less than handing it to a thread and being told of its end, above all while
other tasks compute: a thread waits for the interpreter up to its switch interval, 5 ms. A sync of
10 ms on the loop would stop every object of the host. So what the disk did lately decides.
"""

from __future__ import annotations

# The loop may stand still so long for a batch; beside the time to run the handlers of one it is
# little, and everybody in the batch waits for it anyway.
_INLINE_BELOW = 0.0005
# Back from the thread only when it is clearly fast again.
_INLINE_AGAIN_BELOW = 0.0003
_WEIGHT = 0.125


class Pace:
    """Learns from the duration of each sync."""

    __slots__ = ("_mean", "inline")

    def __init__(self) -> None:
        self._mean = 0.0
        self.inline = True

    def took(self, seconds: float) -> None:
        """Note how long a sync took."""
        self._mean += (seconds - self._mean) * _WEIGHT
        limit = _INLINE_BELOW if self.inline else _INLINE_AGAIN_BELOW
        self.inline = self._mean < limit
