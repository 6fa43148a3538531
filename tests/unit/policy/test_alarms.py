"""What follows a failed run of an alarm, and how what is due at once is spread out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sourdough.policy.alarms import MAX_RETRIES, GiveUp, History, Pace, Retry, after_failure


def pauses(*counted: bool, chance: float = 0.0) -> list[float | None]:
    """Return the pause after each failure of a series; None where the alarm is given up."""
    history, found = History(), []
    for each in counted:
        decision = after_failure(history, counted=each, chance=chance)
        if isinstance(decision, GiveUp):
            found.append(None)
            break
        found.append(decision.after_seconds)
        history = decision.history
    return found


def test_six_counted_retries_and_then_no_more():
    """Seven runs, the pauses between them doubling from 2 s (semantics 6.7, trap 16)."""
    assert pauses(*[True] * 9) == [2, 4, 8, 16, 32, 64, None]


def test_chance_lengthens_a_pause_by_a_quarter_at_the_most():
    """0 - 25 % at random (semantics 6.7)."""
    assert pauses(True, True, chance=1.0) == [2.5, 5.0]


def test_what_does_not_count_is_retried_for_ever():
    """The pause stops growing at 2 s * 2^9, and no retry is counted (semantics 6.7, 6.8)."""
    history = History()
    for _ in range(50):
        decision = after_failure(history, counted=False, chance=0.0)
        assert isinstance(decision, Retry)
        history = decision.history
    assert decision.after_seconds == 1024
    assert history.retries == 0


def test_a_counted_failure_after_others_begins_again_at_two_seconds():
    """The pauses of failures that were nobody's fault do not count for it (semantics 6.8)."""
    assert pauses(False, False, False, True, True) == [2, 4, 8, 2, 4]


@given(st.lists(st.booleans(), max_size=60), st.floats(0, 1))
def test_an_alarm_is_given_up_after_seven_counted_failures_and_never_before(series, chance):
    """Whatever happens in between; every pause is from 2 s to 1,280 s (semantics 6.7, 6.8)."""
    found = pauses(*series, chance=chance)
    if None in found:
        assert sum(series[: len(found)]) == MAX_RETRIES + 1
    else:
        assert sum(series) <= MAX_RETRIES
    assert all(2 <= each <= 1280 for each in found if each is not None)


@given(st.lists(st.floats(0, 5), max_size=200), st.integers(1, 20), st.integers(1, 50))
def test_no_more_than_the_rate_allows(steps, burst, rate):
    """In any stretch of time, a burst and what the rate gives (invariant T1)."""
    pace, now, allowed = Pace(rate=rate, burst=burst), 0.0, 0
    for step in steps:
        now += step
        allowed += pace.allows(now)
    assert allowed <= burst + rate * now + 1e-6


def test_permits_come_back_with_time():
    """An empty bucket fills again."""
    pace = Pace(rate=10, burst=2)
    assert [pace.allows(0.0) for _ in range(3)] == [True, True, False]
    assert pace.allows(0.1)
    assert not pace.allows(0.1)
