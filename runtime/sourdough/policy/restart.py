"""Whether and when a child that ended is started again: a pure function (design section 6).

A streak is a row of runs that all ended before `healthy_after` seconds and began within `window` of
each other. The first end of a streak is answered at once, the second after `base` seconds, and each
further one after `factor` times as long, up to `maximum`. A run of `healthy_after` seconds is answered
at once and ends the streak, and so does a run that somebody asked to end. Nobody counts restarts to a limit: a child that
crashes for ever is tried for ever, every `maximum` seconds, and says so.
"""

from __future__ import annotations

import math
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """How patiently a child is started again. All times are seconds.

    Raises ValueError for figures under which pauses could shrink or a streak could tear.
    """

    base: float = 0.1
    factor: float = 2.0
    maximum: float = 10.0
    jitter: float = 0.25
    """The share of a pause that chance may take away, so that children do not start in step."""
    window: float = 30.0
    """Starts that are further apart do not belong to one streak."""
    healthy_after: float = 10.0
    """A child that ran this long has shown that it works."""

    def __post_init__(self) -> None:
        if not 0 < self.base <= self.maximum or self.factor <= 1:
            raise ValueError("pauses have to be positive and to grow up to their maximum")
        if not 0 <= self.jitter < 1:
            raise ValueError(f"jitter is a share from 0 to 1, got {self.jitter}")
        # An unhealthy run plus the longest pause must fit into the window: otherwise the pause
        # itself would end the streak, and the next crash would again be answered at once.
        if self.window < self.maximum + self.healthy_after:
            raise ValueError("window has to cover maximum and healthy_after together")

    @property
    def memory(self) -> int:
        """How many of the last starts can matter; a history may be cut to this many."""
        return math.ceil(math.log(self.maximum / self.base, self.factor)) + 3


@dataclass(frozen=True, slots=True)
class Run:
    """One process from its start to its crash, by a monotonic clock in seconds.

    crashed: None for one that runs, or that was asked to end.
    """

    started: float
    crashed: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Crashed:
    """The process ended unasked; `returncode` as `subprocess` gives it, a signal negative."""

    returncode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StartFailed:
    """The process said why it cannot start: a module that does not import, a class not there."""

    reason: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The process ended because the coordinator asked it to."""


Exit = Crashed | StartFailed | Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """Start it again after so many seconds."""

    after_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """Do not start it again."""

    reason: str
    failed: bool
    """True when something is wrong: an error for `serve`, a wait for the next save in `dev`."""


def decide(
    history: Sequence[Run],
    now: float,
    spec: RestartPolicy,
    exit: Exit,  # noqa: A002 (the word of the domain)
    random: float,
) -> Restart | GiveUp:
    """Decide what follows an exit.

    history: the runs of this child, oldest first; the last is the process that has ended `now`.
    random: from 0.0 to 1.0.
    """
    match exit:
        case Crashed():
            return Restart(after_seconds=_pause(history, now, spec, random))
        case StartFailed(reason=reason):
            return GiveUp(reason=reason, failed=True)
        case Asked():
            return GiveUp(reason="it was asked to end", failed=False)


def _pause(history: Sequence[Run], now: float, spec: RestartPolicy, random: float) -> float:
    streak = _streak(history, now, spec)
    if streak < 2:
        return 0.0
    # The exponent is bounded because a float power overflows in a streak of a thousand.
    exponent = min(streak - 2, spec.memory)
    pause = min(spec.base * spec.factor**exponent, spec.maximum)
    return pause * (1 - spec.jitter * random)


def _streak(history: Sequence[Run], now: float, spec: RestartPolicy) -> int:
    """Return how many unhealthy runs followed each other up to the one that ended now."""
    length, crashed, next_start = 0, now, now
    for run in reversed(history):
        if crashed - run.started >= spec.healthy_after:
            break
        if length and next_start - run.started >= spec.window:
            break
        length, next_start = length + 1, run.started
        before = history[-length - 1].crashed if length < len(history) else None
        if before is None:
            break
        crashed = before
    return length


_MEANING = {
    "SIGKILL": "out of memory?",
    "SIGSEGV": "crash in C code",
    "SIGBUS": "crash in C code, or a file was cut short",
    "SIGILL": "crash in C code",
    "SIGFPE": "crash in C code",
    "SIGABRT": "C code gave up",
    "SIGXCPU": "over its limit of processor time",
    "SIGXFSZ": "over its limit of file size",
}


def describe_exit(returncode: int) -> str:
    """Say in words why a process ended: "SIGKILL (out of memory?)", "exit code 1"."""
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        return f"signal {-returncode}"
    return f"{name} ({_MEANING[name]})" if name in _MEANING else name
