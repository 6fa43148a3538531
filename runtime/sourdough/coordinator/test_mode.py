"""The test mode of a server: all of its processes run on a clock that its tests move.

It is on when the environment says how far ahead the clock begins (`SOURDOUGH_TEST_CLOCK=+0`), and
never otherwise. Children move first: an alarm that is due for the coordinator is due for the host
that it is sent to.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from sourdough.clock import SYSTEM_CLOCK, Clock
from sourdough.coordinator.control import Moved
from sourdough.errors import ConfigError, SourdoughError
from sourdough.movable import ShiftedClock
from sourdough.observe.status import State
from sourdough.wire.messages import ClockMoved, MoveClock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sourdough.coordinator.alarms import Alarms
    from sourdough.coordinator.supervisor import Supervisor
    from sourdough.coordinator.worker import Worker

VARIABLE = "SOURDOUGH_TEST_CLOCK"

# Real time: for children to move their clocks, and for runs of alarms that became due to end.
_MOVE_SECONDS = 5.0
_RUN_SECONDS = 1.0
_LOOK_SECONDS = 0.002


def clock_of(environment: Mapping[str, str]) -> Clock:
    """Return the clock of a server: the machine's, or in test mode one that can be moved.

    Raises ConfigError when the variable is set and does not say how far ahead.
    """
    text = environment.get(VARIABLE)
    if text is None:
        return SYSTEM_CLOCK
    if re.fullmatch(r"\+\d+(\.\d+)?", text) is None:
        raise ConfigError(
            f"{VARIABLE} is {text!r}, which does not say how far ahead the clock begins.",
            hint="Write seconds with a plus sign, as in +0, for tests; else leave it unset.",
        )
    return ShiftedClock(float(text))


# ruff: noqa: ASYNC110 (whoever waits here is a test, and does not wait for long)


class TestMode:
    """Moves the clocks of a server, if it is in test mode."""

    __test__ = False  # for pytest, which collects names like this one

    def __init__(self, *, clock: Clock, supervisor: Supervisor, alarms: Alarms) -> None:
        self._clock = clock
        self._supervisor = supervisor
        self._alarms = alarms
        self._turn = asyncio.Lock()
        self._waiting: set[Worker] = set()

    async def advance(self, seconds: float) -> Moved:
        """Move all clocks ahead; return when every process has called what became due.

        Alarms that became due have been sent to their objects then, and their runs have ended, but
        for those that take longer than a real second. Raises SourdoughError outside of test
        mode, for a step back, and when a process does not answer.
        """
        clock = self._clock
        if not isinstance(clock, ShiftedClock):
            raise SourdoughError(
                "This server runs on the real clock, which cannot be moved.",
                hint=f"For tests, start it with {VARIABLE}=+0 in its environment.",
            )
        if not 0 <= seconds < float("inf"):
            raise SourdoughError("A clock is moved ahead, by a number of seconds from 0 on.")
        async with self._turn:
            ahead = clock.ahead + seconds
            # What a child tells of a moment on its way is not older than our clock, which may be
            # ahead of theirs meanwhile: so it sends them nothing that would not be due for them.
            self._alarms.on_hold = True
            try:
                clock.shift_to(ahead)
                await self._move_children(ahead)
            finally:
                self._alarms.on_hold = False
            clock.move_to(ahead)
            self._alarms.step()
            await self._run_alarms()
        return Moved(now=clock.now(), ahead=ahead, running=self._alarms.running)

    def moved(self, worker: Worker, message: ClockMoved) -> None:
        """A child has moved its clock."""
        del message
        self._waiting.discard(worker)

    async def _move_children(self, ahead: float) -> None:
        # A child that is not there yet is told with its first message.
        asked = [each for each in self._supervisor.workers if each.state is not State.STOPPED]
        self._waiting = {each for each in asked if each.child and not each.is_client}
        for worker in self._waiting:
            worker.send(MoveClock(ahead=ahead))
        try:
            async with asyncio.timeout(_MOVE_SECONDS):
                while self._waiting & {*self._supervisor.workers}:
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError:
            raise SourdoughError("A process of this server did not move its clock.") from None

    async def _run_alarms(self) -> None:
        try:
            async with asyncio.timeout(_RUN_SECONDS):
                while not self._alarms.idle:
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError:
            return
