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
    Run,
    StartFailed,
    decide,
    describe_exit,
)

SPEC = RestartPolicy()
CRASH = Crashed(returncode=1)


def quick_runs(count: int) -> list[Run]:
    """Runs that began half a second apart and ended soon; the last has ended now."""
    return [Run(n * 0.5, n * 0.5 + 0.1) for n in range(count)]


def pause(history: list[Run], now: float, random: float = 0.0) -> float:
    return decide(history, now, SPEC, CRASH, random).after_seconds


@pytest.mark.parametrize(
    ("starts", "after"),
    [(1, 0.0), (2, 0.1), (3, 0.2), (4, 0.4), (5, 0.8), (8, 6.4), (9, 10.0), (2000, 10.0)],
)
def test_pauses_double_from_the_second_crash_on(starts, after):
    """The first crash is answered at once, then pauses double up to the maximum."""
    history = quick_runs(starts)
    decision = decide(history, history[-1].started + 0.1, SPEC, CRASH, 0.0)
    assert decision == Restart(after_seconds=pytest.approx(after))


def test_a_child_that_never_started_is_tried_at_once():
    """An empty history is the first start of all."""
    assert pause([], 5.0) == 0.0


def test_a_healthy_run_is_followed_by_a_start_at_once():
    """Ten seconds of life outweigh any number of earlier crashes."""
    history = quick_runs(8)
    assert pause(history, history[-1].started + 10) == 0.0
    assert pause(history, history[-1].started + 9.9) != 0.0


def test_a_healthy_run_ends_the_streak():
    """What crashed before it does not count against what crashes after it."""
    history = [*quick_runs(8), Run(5.0, 15.0), Run(15.1)]
    assert pause(history, 16.0) == 0.0
    assert pause([*history[:-1], Run(15.1, 16.0), Run(16.1)], 17.0) == pytest.approx(0.1)


def test_kills_of_healthy_runs_never_add_up():
    """Twenty hosts that are killed every twelve seconds, and one after nine: none has to wait."""
    history = [Run(n * 12.1, n * 12.1 + 12.0) for n in range(20)]
    assert pause([*history, Run(242.0)], 251.0) == 0.0


def test_an_end_that_was_asked_for_ends_the_streak():
    """New code has not crashed yet."""
    history = [*quick_runs(8), Run(5.0), Run(6.0)]
    assert pause(history, 6.1) == 0.0


def test_a_streak_ends_where_starts_are_far_apart():
    """Crashes of half a minute ago are forgotten."""
    quick = [Run(0.0, 0.1), Run(0.5, 0.6), Run(1.0, 1.1)]
    assert pause([*quick, Run(31.0)], 31.1) == 0.0
    assert pause([*quick, Run(30.9)], 31.0) != 0.0


def test_the_longest_pause_does_not_end_the_streak():
    """A child that crashes for ever stays at the longest pause instead of starting over."""
    history = quick_runs(9)
    for _ in range(20):
        last = history.pop()
        crash = last.started + 9.9
        history.append(Run(last.started, crash))
        assert pause(history, crash) == 10.0
        history.append(Run(crash + 10.0))


def test_a_start_failure_is_final_and_keeps_its_reason():
    """A module that does not import will not import a second time."""
    decision = decide([Run(1.0)], 2.0, SPEC, StartFailed(reason="No module named 'countr'"), 0.0)
    assert decision == GiveUp(reason="No module named 'countr'", failed=True)


def test_a_child_that_was_asked_to_end_stays_ended():
    """An end that was asked for is no failure."""
    decision = decide(quick_runs(4), 9.0, SPEC, Asked(), 0.0)
    assert isinstance(decision, GiveUp)
    assert not decision.failed


RUNS = st.lists(st.tuples(st.floats(0.0, 29.0), st.floats(0.0, 12.0)), max_size=40)


def history_of(gaps: list[tuple[float, float]]) -> tuple[list[Run], float]:
    """Return runs with these pauses before them and these lengths, and when the last has ended."""
    history, now = [], 0.0
    for before, length in gaps:
        history.append(Run(now + before, now + before + length))
        now += before + length
    return history, now


@given(st.integers(1, 60), st.floats(0, 1), st.floats(0.01, 9.9))
def test_one_more_crash_never_shortens_the_pause(starts, random, ran_for):
    """The longer the streak, the longer the pause."""
    shorter, longer = quick_runs(starts), quick_runs(starts + 1)
    first = pause(shorter, shorter[-1].started + ran_for, random)
    assert first <= pause(longer, longer[-1].started + ran_for, random)


@given(RUNS, st.floats(0, 1))
def test_a_pause_is_bounded_whatever_the_history(gaps, random):
    """No pause is negative, above the maximum or below its share after jitter."""
    found = pause(*history_of(gaps), random)
    assert found == 0 or SPEC.base * (1 - SPEC.jitter) <= found <= SPEC.maximum


@given(RUNS, st.floats(0, 1))
def test_a_history_may_be_cut_to_the_memory(gaps, random):
    """Only the last `memory` runs can change the decision."""
    history, now = history_of(gaps)
    assert pause(history[-SPEC.memory :], now, random) == pause(history, now, random)


@given(st.integers(2, 12), st.floats(0, 1), st.floats(0, 1))
def test_chance_only_takes_away(starts, one, other):
    """A larger draw gives a shorter pause, by no more than the share."""
    history = quick_runs(starts)
    low, high = sorted((one, other))
    long = pause(history, history[-1].started, low)
    short = pause(history, history[-1].started, high)
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
