"""What is remembered of one seat, or of one gateway, from one occupant to the next."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from sourdough.policy.restart import Crashed, Restart, RestartPolicy, Run, decide, describe_exit

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.clock import Clock, Timer

_POLICY = RestartPolicy()


class Lane:
    """Starts, restarts and the last exit; and the pause before the next start, if one runs."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.runs: list[Run] = []
        self.restarts = 0
        self.last_exit: str | None = None
        self.crashed_at: float | None = None
        self.pending: Timer | None = None

    def started(self, now: float) -> None:
        """An occupant has begun, at `now` (monotonic seconds)."""
        self.runs = [*self.runs[-_POLICY.memory :], Run(now)]

    def crashed(self, code: int, now: float) -> None:
        """The occupant has ended unasked."""
        self.last_exit = describe_exit(code)
        self.restarts += 1
        self.crashed_at = now

    def after_crash(self, code: int, now: float, act: Callable[[], None]) -> float:
        """Do what starts the next occupant, now or after a pause; return the pause in seconds."""
        chance = random.random()  # noqa: S311 (jitter)
        decision = decide(self.runs, now, _POLICY, Crashed(returncode=code), chance)
        assert isinstance(decision, Restart)
        if self.runs:
            self.runs[-1] = Run(self.runs[-1].started, now)
        self.cancel()
        if not decision.after_seconds:
            act()
            return 0.0

        def due() -> None:
            self.pending = None
            act()

        self.pending = self._clock.call_later(decision.after_seconds, due)
        return decision.after_seconds

    def cancel(self) -> None:
        """Forget the start that is due."""
        if self.pending is not None:
            self.pending.cancel()
            self.pending = None
