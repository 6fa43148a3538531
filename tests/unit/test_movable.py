"""Clocks that a test moves: order, cancelling, time limits, and the shift of a test mode."""

from __future__ import annotations

import asyncio

import pytest

from sourdough.clock import SYSTEM_CLOCK
from sourdough.movable import ShiftedClock
from sourdough.testing import FakeClock


def test_what_is_due_is_called_in_order_at_its_own_time():
    """Also what is set on the way."""
    clock, seen = FakeClock(), []
    start = clock.monotonic()

    def note(name):
        seen.append((name, clock.monotonic() - start))

    def chain():
        note("first")
        clock.call_later(1.0, note, "chained")

    clock.call_later(5.0, note, "late")
    clock.call_later(1.0, chain)
    clock.call_later(2.0, note, "equal")
    clock.advance(4.0)
    assert seen == [("first", 1.0), ("equal", 2.0), ("chained", 2.0)]
    clock.advance(1.0)
    assert seen[-1] == ("late", 5.0)


def test_what_was_cancelled_is_not_called():
    """Neither before its time nor by another call at the same moment."""
    clock, seen = FakeClock(), []
    second = clock.call_later(1.0, seen.append, "second")
    clock.call_later(0.5, second.cancel)
    clock.advance(10)
    assert seen == []


def test_time_does_not_go_back():
    """But the wall clock may step, and calls nothing then (invariant T1)."""
    clock, seen = FakeClock(), []
    clock.call_later(5.0, seen.append, 1)
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(-1)
    clock.step(1000)
    assert seen == []
    before = clock.monotonic()
    clock.step(-5000)
    assert clock.monotonic() == before


async def test_who_sleeps_wakes_between_the_moments():
    """`elapse` lets each of them go on before the next comes."""
    clock, seen = FakeClock(), []

    async def work():
        for number in range(3):
            await clock.sleep(10)
            seen.append((number, clock.monotonic()))

    start = clock.monotonic()
    task = asyncio.create_task(work())
    await clock.elapse(25)
    assert seen == [(0, start + 10), (1, start + 20)]
    await clock.elapse(5)
    await task


async def test_a_time_limit_ends_what_is_inside():
    """With TimeoutError, and says that it did."""
    clock = FakeClock()
    limit = clock.timeout(5)

    async def work():
        async with limit:
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await clock.elapse(4.9)
    assert not task.done()
    await clock.elapse(0.1)
    with pytest.raises(TimeoutError):
        await task
    assert limit.expired()


async def test_a_time_limit_that_is_not_reached_changes_nothing():
    """What is inside returns or raises what it would without; None is no limit."""
    clock = FakeClock()
    async with clock.timeout(5) as limit:
        await asyncio.sleep(0)
    async with clock.timeout(None):
        clock.advance(100)
    assert not limit.expired()
    with pytest.raises(KeyError):
        async with clock.timeout(5):
            raise KeyError


async def test_a_cancellation_from_outside_stays_one():
    """Also when the time is over as well."""
    clock = FakeClock()

    async def work():
        async with clock.timeout(5):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    clock.advance(5)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_shifted_clock_calls_what_became_due():
    """And is as far ahead as was said, for ever."""
    clock, seen = ShiftedClock(100.0), []
    assert clock.now() - SYSTEM_CLOCK.now() == pytest.approx(100, abs=1)
    clock.call_later(60, seen.append, "late")
    clock.call_later(30, seen.append, "early")
    clock.move_to(150.0)
    assert seen == ["early"]
    clock.move_to(120.0)
    clock.move_to(170.0)
    assert seen == ["early", "late"]
    assert clock.ahead == 170
    assert clock.monotonic() - SYSTEM_CLOCK.monotonic() == pytest.approx(170, abs=1)


async def test_real_time_passes_on_a_shifted_clock():
    """What was set before a move and is due after it comes by itself."""
    clock = ShiftedClock()
    came = asyncio.Event()
    clock.call_later(10.01, came.set)
    clock.move_to(10.0)
    async with asyncio.timeout(5):
        await came.wait()
        await clock.sleep(0.001)
        with pytest.raises(TimeoutError):
            async with clock.timeout(0.001):
                await asyncio.Event().wait()


async def test_a_cancelled_timer_of_a_shifted_clock_never_comes():
    """Neither by a move nor by real time."""
    clock, seen = ShiftedClock(), []
    clock.call_later(0.001, seen.append, 1).cancel()
    clock.call_later(5, seen.append, 2).cancel()
    clock.move_to(10)
    await asyncio.sleep(0.005)
    assert seen == []


async def test_the_system_clock_is_the_loop():
    """Its timers are the loop's own: nothing stands in between."""
    timer = SYSTEM_CLOCK.call_later(60, print)
    assert isinstance(timer, asyncio.TimerHandle)
    timer.cancel()
    assert ShiftedClock.of(None) is SYSTEM_CLOCK
