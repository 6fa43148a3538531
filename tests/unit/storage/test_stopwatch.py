"""The time limit of statements, with a clock that stands still (invariant S12)."""

from __future__ import annotations

from sourdough.storage.stopwatch import Stopwatch
from sourdough.testing import FakeClock


def test_a_statement_is_stopped_at_its_limit():
    """The first question begins the time; from the limit on the answer is to stop."""
    clock = FakeClock()
    watch = Stopwatch(2.0, clock.monotonic)
    assert [watch(), watch()] == [False, False]
    clock.advance(1.9)
    assert not watch()
    clock.advance(0.2)
    assert [watch(), watch.expired] == [True, True]


def test_each_statement_has_its_own_time():
    """Setting `begun` back is all that a new statement does."""
    clock = FakeClock()
    watch = Stopwatch(2.0, clock.monotonic)
    watch()
    clock.advance(5)
    assert watch()
    watch.begun = 0.0
    assert [watch(), watch.expired] == [False, False]
    clock.advance(5)
    watch.begun = 0.0
    assert not watch()
