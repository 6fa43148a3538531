"""Whether the next batch is synced on the loop or in a thread. Pure.

A sync of 0.1 ms costs less than handing it to a thread and being told of its end, above all while
handlers compute: a thread waits for the interpreter up to its switch interval, 5 ms, twice. A sync
of 10 ms on the loop would stop every object of the host. So what syncs on the loop took lately
decides; in a thread their time cannot be told from the wait for the interpreter, therefore one of
many is tried on the loop again, ever more rarely while the disk stays slow.
"""

from __future__ import annotations

# The loop may stand still so long for a batch, on average: everybody in it waits for that anyway.
_BELOW = 0.0005
# Back from the thread only when it is clearly fast again.
_AGAIN_BELOW = 0.0003
# One hiccup of a fast disk is not a slow disk; a sync of this is, at once.
_COUNTED_AT_MOST = 0.001
_SLOW = 0.05
_WEIGHT = 0.125

_FIRST_TRIAL = 32
_LAST_TRIAL = 4096


class Pace:
    """Learns from the duration of each sync."""

    __slots__ = ("_mean", "_next_trial", "_until_trial", "inline")

    def __init__(self) -> None:
        self.inline = True
        """Whether the next sync is to run on the loop."""
        self._mean = 0.0
        self._until_trial = 0
        self._next_trial = _FIRST_TRIAL

    def took(self, seconds: float) -> None:
        """Note how long a sync took."""
        if not self.inline:
            self._until_trial -= 1
            self.inline = self._until_trial <= 0
        elif self._mean >= _BELOW:
            self._tried(seconds)
        else:
            self._mean += (min(seconds, _COUNTED_AT_MOST) - self._mean) * _WEIGHT
            if self._mean >= _BELOW or seconds >= _SLOW:
                self._leave()

    def _tried(self, seconds: float) -> None:
        if seconds < _AGAIN_BELOW:
            self._mean = seconds
            self._next_trial = _FIRST_TRIAL
        else:
            self._next_trial = min(self._next_trial * 2, _LAST_TRIAL)
            self._leave()

    def _leave(self) -> None:
        self.inline = False
        self._mean = _BELOW
        self._until_trial = self._next_trial
