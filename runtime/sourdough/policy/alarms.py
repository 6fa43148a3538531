"""When an alarm whose run failed runs again, and how many begin at once: pure (semantics 6.7, 6.8).

A failure *counts* when the object's own code caused it. The first retry comes after 2 s, each
further one after twice as long, plus up to a quarter by chance. After six counted retries the alarm
is given up. What does not count (the disk failed, the host was killed) is retried for ever.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_RETRIES = 6
FIRST_SECONDS = 2.0
MAX_EXPONENT = 9
"""Pauses do not grow beyond 2 s * 2^9 = 1,024 s."""
JITTER = 0.25
"""The share by which chance may lengthen a pause, so that failed alarms do not return in step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What has become of an alarm since it was due."""

    retries: int = 0
    """How many counted retries there were: `info.retry_count` of the next run."""
    exponent: int = 0
    counted: bool = True
    """Whether the last failure counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Run it again after so many seconds."""

    after_seconds: float
    history: History


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The alarm has failed too often; the object is told to forget it."""


def after_failure(history: History, *, counted: bool, chance: float) -> Retry | GiveUp:
    """Return what follows a failed run. chance: a number from 0 to 1."""
    if counted and history.retries >= MAX_RETRIES:
        return GiveUp()
    # A counted failure after others begins anew: the pauses so far were not its own.
    exponent = 0 if counted and not history.counted else history.exponent
    seconds = FIRST_SECONDS * 2 ** min(exponent, MAX_EXPONENT)
    return Retry(
        after_seconds=seconds * (1 + JITTER * chance),
        history=History(
            retries=history.retries + counted,
            exponent=min(exponent + 1, MAX_EXPONENT),
            counted=counted,
        ),
    )


class Pace:
    """Spreads what is due at once, after a stop or a step of the clock (invariant T1).

    A bucket of `burst` permits, refilled with `rate` a second of monotonic time.
    """

    def __init__(self, *, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._permits = burst
        self._at: float | None = None

    def allows(self, monotonic: float) -> bool:
        """Take one permit, if there is one."""
        if self._at is not None:
            elapsed = max(0.0, monotonic - self._at)
            self._permits = min(self._burst, self._permits + elapsed * self._rate)
        self._at = monotonic
        if self._permits < 1:
            return False
        self._permits -= 1
        return True
