"""The test mode: on when it is asked for, refused otherwise, and all clocks move together."""

from __future__ import annotations

import asyncio

import pytest

from sourdough.clock import SYSTEM_CLOCK
from sourdough.coordinator.test_mode import TestMode, clock_of
from sourdough.errors import ConfigError, SourdoughError
from sourdough.movable import ShiftedClock
from sourdough.wire.messages import ClockMoved, MoveClock


class Quiet:
    """Alarms of which none is due."""

    running = 0
    idle = True
    on_hold = False

    def step(self) -> None: ...


def mode_of(server, clock) -> TestMode:
    return TestMode(clock=clock, supervisor=server.supervisor, alarms=Quiet())


def test_the_clock_is_the_machines_unless_the_environment_says_otherwise():
    """Never on by default."""
    assert clock_of({}) is SYSTEM_CLOCK
    clock = clock_of({"SOURDOUGH_TEST_CLOCK": "+2.5"})
    assert isinstance(clock, ShiftedClock)
    assert clock.ahead == 2.5


@pytest.mark.parametrize("text", ["", "0", "1", "-5", "+", "yes", "+1e9"])
def test_a_variable_that_says_something_else_is_an_error(text):
    """Who means to turn it off must not turn it on, nor the other way round."""
    with pytest.raises(ConfigError, match="does not say how far ahead"):
        clock_of({"SOURDOUGH_TEST_CLOCK": text})


async def test_a_server_on_the_real_clock_refuses(make):
    """In one sentence that says what to do."""
    with pytest.raises(SourdoughError, match="real clock, which cannot be moved") as caught:
        await mode_of(make().start(), SYSTEM_CLOCK).advance(5)
    assert "SOURDOUGH_TEST_CLOCK=+0" in caught.value.hint


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf")])
async def test_a_step_back_is_refused(make, seconds):
    """Time goes on."""
    with pytest.raises(SourdoughError, match="moved ahead"):
        await mode_of(make().start(), ShiftedClock()).advance(seconds)


async def test_it_is_done_when_every_process_has_moved(make):
    """Or has ended meanwhile; our own timers come last, and not before."""
    server, clock, seen = make(hosts=2, standby=False).start(), ShiftedClock(), []
    clock.call_later(60, seen.append, 1)
    mode = mode_of(server, clock)
    moving = asyncio.ensure_future(mode.advance(100))
    await asyncio.sleep(0)
    workers = [*server.supervisor.workers]
    assert [each.child.last(MoveClock).ahead for each in workers] == [100] * 3
    for worker in workers[:2]:
        mode.moved(worker, ClockMoved(ahead=100))
    await asyncio.sleep(0)
    assert [moving.done(), seen] == [False, []]
    server.crash(workers[2])
    moved = await moving
    assert [moved.ahead, moved.running, seen, clock.ahead] == [100, 0, [1], 100]
