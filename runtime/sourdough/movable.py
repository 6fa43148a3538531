"""Clocks that a test moves: what is due is called in order, at its own time.

`MovableClock` has the timers; whoever derives from it says what time it is. `ShiftedClock` is the
test mode of a server: real time, plus how far it was moved ahead (`SOURDOUGH_TEST_CLOCK`).
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
from typing import TYPE_CHECKING, Self

from sourdough.clock import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    from collections.abc import Callable


class MovableTimer:
    """Implements `clock.Timer`."""

    __slots__ = ("_call", "handle", "when")

    def __init__(self, when: float, call: Callable[[], object]) -> None:
        self.when = when
        self._call: Callable[[], object] | None = call
        self.handle: asyncio.TimerHandle | None = None
        """What calls it when real time passes."""

    @property
    def pending(self) -> bool:
        return self._call is not None

    def cancel(self) -> None:
        self._call = None
        if self.handle is not None:
            self.handle.cancel()
            self.handle = None

    def fire(self) -> None:
        call = self._call
        self.cancel()
        if call is not None:
            call()


class MovableTimeout:
    """Implements `clock.Timeout` as `asyncio.timeout` does, by another clock."""

    def __init__(self, clock: MovableClock, seconds: float | None) -> None:
        self._clock = clock
        self._seconds = seconds
        self._expired = False
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._timer: MovableTimer | None = None

    def expired(self) -> bool:
        return self._expired

    async def __aenter__(self) -> Self:
        self._task = asyncio.current_task()
        if self._task is None:
            raise RuntimeError("a timeout is used inside of a task")
        self._cancelling = self._task.cancelling()
        if self._seconds is not None:
            self._timer = self._clock.call_later(self._seconds, self._expire)
        return self

    async def __aexit__(self, kind: object, error: object, trace: object, /) -> None:
        if self._timer is not None:
            self._timer.cancel()
        assert self._task is not None
        # Somebody else's cancellation, if there is one as well, goes on.
        mine = self._expired and self._task.uncancel() <= self._cancelling
        if mine and isinstance(error, asyncio.CancelledError):
            raise TimeoutError from error

    def _expire(self) -> None:
        assert self._task is not None
        self._expired = True
        self._task.cancel()


class MovableClock:
    """The timers of a clock that is moved."""

    def __init__(self) -> None:
        self._order = itertools.count()
        self._timers: list[tuple[float, int, MovableTimer]] = []

    def now(self) -> float:
        raise NotImplementedError

    def monotonic(self) -> float:
        raise NotImplementedError

    def call_later(
        self, seconds: float, callback: Callable[..., object], *args: object
    ) -> MovableTimer:
        timer = MovableTimer(self.monotonic() + max(0.0, seconds), lambda: callback(*args))
        heapq.heappush(self._timers, (timer.when, next(self._order), timer))
        return timer

    async def sleep(self, seconds: float) -> None:
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not over.done():
                over.set_result(None)

        timer = self.call_later(seconds, wake)
        try:
            await over
        finally:
            timer.cancel()

    def timeout(self, seconds: float | None) -> MovableTimeout:
        return MovableTimeout(self, seconds)

    def due(self, until: float) -> MovableTimer | None:
        """Take out the next timer that is due at `until` or before, by the monotonic clock."""
        timers = self._timers
        while timers and (timers[0][0] <= until or not timers[0][2].pending):
            timer = heapq.heappop(timers)[2]
            if timer.pending:
                return timer
        return None


class ShiftedClock(MovableClock):
    """Real time, moved ahead on demand. Its processes agree by saying how far ahead they are."""

    def __init__(self, ahead: float = 0.0) -> None:
        """ahead: seconds."""
        super().__init__()
        self._ahead = ahead

    @property
    def ahead(self) -> float:
        return self._ahead

    def now(self) -> float:
        return SYSTEM_CLOCK.now() + self._ahead

    def monotonic(self) -> float:
        return SYSTEM_CLOCK.monotonic() + self._ahead

    def call_later(
        self, seconds: float, callback: Callable[..., object], *args: object
    ) -> MovableTimer:
        timer = super().call_later(seconds, callback, *args)
        self._arm(timer)
        self.due(-math.inf)  # those that real time has called are only in the way
        return timer

    def move_to(self, ahead: float) -> None:
        """Be so far ahead, calling what is due on the way; does nothing for a step back."""
        while (timer := self.due(SYSTEM_CLOCK.monotonic() + ahead)) is not None:
            self._ahead = max(self._ahead, timer.when - SYSTEM_CLOCK.monotonic())
            timer.fire()
        self.shift_to(ahead)
        for _, _, timer in self._timers:
            if timer.pending:
                self._arm(timer)

    def shift_to(self, ahead: float) -> None:
        """Be so far ahead, and leave what is due to the `move_to` that follows."""
        self._ahead = max(self._ahead, ahead)

    @classmethod
    def of(cls, ahead: float | None) -> Clock:
        """Return the clock of a process that was told so: None means the machine's own."""
        return SYSTEM_CLOCK if ahead is None else cls(ahead)

    def _arm(self, timer: MovableTimer) -> None:
        if timer.handle is not None:
            timer.handle.cancel()
        loop = asyncio.get_running_loop()
        timer.handle = loop.call_later(max(0.0, timer.when - self.monotonic()), timer.fire)
