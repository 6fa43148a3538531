"""The restart decision as a table, and what must hold for every history."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sourdough.policy.restart import (
    Asked,
    Crashed,
    GiveUp,
    Restart,
    RestartPolicy,
    StartFailed,
    decide,
    describe_exit,
)

SPEC = RestartPolicy()
CRASH = Crashed(returncode=1)


def quick_starts(count: int) -> list[float]:
    """Starts half a second apart."""
    return [n * 0.5 for n in range(count)]


@pytest.mark.parametrize(
    ("starts", "after"),
    [(1, 0.0), (2, 0.1), (3, 0.2), (4, 0.4), (5, 0.8), (8, 6.4), (9, 10.0), (2000, 10.0)],
)
def test_pauses_double_from_the_second_crash_on(starts, after):
    """The first crash is answered at once, then pauses double up to the maximum."""
    history = quick_starts(starts)
    decision = decide(history, history[-1] + 0.1, SPEC, CRASH, 0.0)
    assert decision == Restart(after_seconds=pytest.approx(after))


def test_a_child_that_never_started_is_tried_at_once():
    """An empty history is the first start of all."""
    assert decide([], 5.0, SPEC, CRASH, 0.5) == Restart(after_seconds=0.0)


def test_a_healthy_run_is_followed_by_a_start_at_once():
    """Ten seconds of life outweigh any number of earlier crashes."""
    history = quick_starts(8)
    assert decide(history, history[-1] + 10, SPEC, CRASH, 0.0) == Restart(after_seconds=0.0)
    assert decide(history, history[-1] + 9.9, SPEC, CRASH, 0.0) != Restart(after_seconds=0.0)


def test_a_streak_ends_where_starts_are_far_apart():
    """Crashes of half a minute ago are forgotten."""
    history = [0.0, 0.5, 1.0, 31.0]
    assert decide(history, 31.1, SPEC, CRASH, 0.0) == Restart(after_seconds=0.0)
    assert decide([0.0, 0.5, 1.0, 30.9], 31.0, SPEC, CRASH, 0.0) != Restart(after_seconds=0.0)


def test_the_longest_pause_does_not_end_the_streak():
    """A child that crashes for ever stays at the longest pause instead of starting over."""
    history = quick_starts(9)
    for _ in range(20):
        crash = history[-1] + 9.9
        decision = decide(history, crash, SPEC, CRASH, 0.0)
        assert decision == Restart(after_seconds=10.0)
        history.append(crash + 10.0)


def test_a_start_failure_is_final_and_keeps_its_reason():
    """A module that does not import will not import a second time."""
    decision = decide([1.0], 2.0, SPEC, StartFailed(reason="No module named 'countr'"), 0.0)
    assert decision == GiveUp(reason="No module named 'countr'", failed=True)


def test_a_child_that_was_asked_to_end_stays_ended():
    """An end that was asked for is no failure."""
    decision = decide(quick_starts(4), 9.0, SPEC, Asked(), 0.0)
    assert isinstance(decision, GiveUp)
    assert not decision.failed


@given(st.integers(1, 60), st.floats(0, 1), st.floats(0.01, 9.9))
def test_one_more_crash_never_shortens_the_pause(starts, random, ran_for):
    """The longer the streak, the longer the pause."""
    shorter, longer = quick_starts(starts), quick_starts(starts + 1)
    first = decide(shorter, shorter[-1] + ran_for, SPEC, CRASH, random)
    second = decide(longer, longer[-1] + ran_for, SPEC, CRASH, random)
    assert first.after_seconds <= second.after_seconds


@given(st.lists(st.floats(0.0, 60.0), max_size=40), st.floats(0.0, 60.0), st.floats(0, 1))
def test_a_pause_is_bounded_whatever_the_history(gaps, ran_for, random):
    """No pause is negative, above the maximum or below its share after jitter."""
    history = [sum(gaps[: n + 1]) for n in range(len(gaps))]
    now = (history[-1] if history else 0.0) + ran_for
    pause = decide(history, now, SPEC, CRASH, random).after_seconds
    assert pause == 0 or SPEC.base * (1 - SPEC.jitter) <= pause <= SPEC.maximum


@given(st.lists(st.floats(0.0, 29.0), max_size=60), st.floats(0, 1))
def test_a_history_may_be_cut_to_the_memory(gaps, random):
    """Only the last `memory` starts can change the decision."""
    history = [sum(gaps[: n + 1]) for n in range(len(gaps))]
    now = (history[-1] if history else 0.0) + 1
    whole = decide(history, now, SPEC, CRASH, random)
    assert decide(history[-SPEC.memory :], now, SPEC, CRASH, random) == whole


@given(st.integers(2, 12), st.floats(0, 1), st.floats(0, 1))
def test_chance_only_takes_away(starts, one, other):
    """A larger draw gives a shorter pause, by no more than the share."""
    history = quick_starts(starts)
    low, high = sorted((one, other))
    long = decide(history, history[-1], SPEC, CRASH, low).after_seconds
    short = decide(history, history[-1], SPEC, CRASH, high).after_seconds
    assert long * (1 - SPEC.jitter) - 1e-9 <= short <= long


@pytest.mark.parametrize(
    "wrong",
    [{"base": 0}, {"factor": 1}, {"base": 11}, {"jitter": 1}, {"jitter": -0.1}, {"window": 19.9}],
)
def test_figures_that_cannot_work_are_refused(wrong):
    """A policy whose pauses would shrink, or whose streaks would tear, is not made."""
    with pytest.raises(ValueError, match=r".+"):
        RestartPolicy(**wrong)


@pytest.mark.parametrize(
    ("returncode", "words"),
    [
        (0, "exit code 0"),
        (1, "exit code 1"),
        (-9, "SIGKILL (out of memory?)"),
        (-11, "SIGSEGV (crash in C code)"),
        (-15, "SIGTERM"),
        (-99, "signal 99"),
    ],
)
def test_an_exit_is_told_in_words(returncode, words):
    """A signal has its name, and a guess where the guess is mostly right."""
    assert describe_exit(returncode) == words
