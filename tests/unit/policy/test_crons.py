"""When crons are due, and what becomes of their runs."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sourdough.policy.crons import (
    ATTEMPTS,
    CronBook,
    Occurrence,
    latest_until,
    next_after,
)

FIVE = "*/5 * * * *"


def at(text: str) -> int:
    """Return a moment of 1 January 2026."""
    return int(datetime.fromisoformat(f"2026-01-01T{text}+00:00").timestamp() * 1000)


def book(*crons, missed="once", now="00:02"):
    """A book that was configured at `now`, for the first time."""
    made = CronBook()
    made.configure(crons or (FIVE,), skips=missed == "skip")
    made.begin(made.due(at(now)))
    return made


def due(made, now):
    """Let time pass; return the moments that have become due."""
    turn = made.due(at(now))
    made.begin(turn)
    return [each.due for each in turn.occurrences]


@pytest.mark.parametrize(
    ("cron", "now", "before", "after"),
    [
        (FIVE, "00:05", "00:05", "00:10"),
        (FIVE, "00:05:59.999", "00:05", "00:10"),
        (FIVE, "00:04:59.999", "00:00", "00:05"),
        ("30 3 * * *", "12:00", "03:30", None),
        ("0 0 * * THU", "12:00", "00:00", None),
    ],
)
def test_times_are_those_of_the_expression_in_utc(cron, now, before, after):
    """1 January 2026 is a Thursday."""
    assert latest_until(cron, at(now)) == at(before)
    if after is not None:
        assert next_after(cron, at(now)) == at(after)


def test_a_new_cron_has_missed_nothing():
    """It begins with the first time behind its configuration."""
    made = book(now="00:02")
    assert due(made, "00:04:59") == []
    assert due(made, "00:05") == [at("00:05")]
    assert due(made, "00:05:01") == []
    assert due(made, "00:10:30") == [at("00:10")]


@pytest.mark.parametrize(
    ("missed", "now", "expected"),
    [("once", "09:02", ["09:00"]), ("skip", "09:02", []), ("skip", "09:00:59", ["09:00"])],
)
def test_of_missed_times_the_latest_runs_or_none(missed, now, expected):
    """After a night without a server; what is late by less than a minute was not missed."""
    made = book("0 * * * *", missed=missed)
    assert due(made, now) == [at(each) for each in expected]
    assert due(made, now) == []
    assert due(made, "10:00") == [at("10:00")]


def test_a_step_of_the_clock_repeats_nothing_and_is_never_early():
    """T1: back by an hour, an hour passes again without a run."""
    made = book()
    assert due(made, "02:05") == [at("02:05")]
    assert due(made, "01:05") == []
    assert due(made, "02:05:30") == []
    assert due(made, "02:10") == [at("02:10")]


def test_a_clock_that_was_wrong_by_days_is_not_waited_for():
    """What was noted under it counts for nothing."""
    made = CronBook()
    made.configure([FIVE], skips=False)
    made.load({FIVE: at("00:00") + 40 * 24 * 3_600_000}, [])
    assert due(made, "00:01") == []
    assert due(made, "00:05") == [at("00:05")]


def test_what_had_not_ended_is_run_again():
    """At least once: with the same time, whatever `missed` says."""
    made = CronBook()
    made.load({FIVE: at("00:05")}, [Occurrence(FIVE, at("00:05"))])
    assert made.configure([FIVE], skips=True) == []
    assert [each.occurrence.due for each in made.start(0.0, lambda: 1)] == [at("00:05")]


def test_runs_of_a_cron_that_is_gone_are_dropped():
    """And forgotten by the catalogue; what runs already may end."""
    made = CronBook()
    gone = Occurrence("0 0 * * *", at("00:00"))
    made.load({}, [gone])
    assert made.configure([FIVE], skips=False) == [gone]
    made = book()
    due(made, "00:05")
    (start,) = made.start(0.0, lambda: 1)
    assert made.configure([], skips=False) == []
    assert made.ended(start.number) == (Occurrence(FIVE, at("00:05")), False)
    assert made.idle


def test_without_a_host_a_run_waits():
    """It is not lost, and begins when there is one."""
    made = book()
    due(made, "00:05")
    assert made.start(0.0, lambda: None) == []
    assert len(made.start(0.0, lambda: 7)) == 1
    assert made.start(0.0, lambda: 7) == []


def test_a_lost_run_is_tried_again_more_slowly_and_then_given_up():
    """A handler that ends every host must not do so for ever."""
    made, now, pauses = book(), 0.0, []
    due(made, "00:05")
    for attempt in range(1, ATTEMPTS + 1):
        (start,) = made.start(now, lambda: 1)
        given_up = made.lost(lambda _: False, now)
        assert made.ended(start.number) is None
        if attempt == ATTEMPTS:
            assert given_up == [(0, Occurrence(FIVE, at("00:05")))]
            break
        pause = 2.0 ** (attempt - 1)
        assert made.start(now + pause - 0.1, lambda: 1) == []
        now += pause
        pauses.append(pause)
    assert pauses == [1, 2, 4, 8, 16]
    assert made.start(now + 999, lambda: 1) == []


def test_a_run_by_hand_is_not_repeated():
    """Whoever wanted it is told, and asks again."""
    made = book()
    number = made.trigger(Occurrence(FIVE, 1))
    assert [each.number for each in made.start(0.0, lambda: 1)] == [number]
    assert made.lost(lambda _: False, 0.0) == [(number, Occurrence(FIVE, 1))]
    number = made.trigger(Occurrence(FIVE, 2))
    made.start(0.0, lambda: 1)
    assert made.running(FIVE) == 1
    assert made.ended(number) == (Occurrence(FIVE, 2), True)


@given(st.lists(st.integers(0, 4 * 3_600_000), max_size=30), st.sampled_from(["once", "skip"]))
def test_no_occurrence_is_due_twice_or_early(steps, missed):
    """However the time passes."""
    made, now, seen = book(missed=missed, now="00:00"), at("00:00"), []
    for step in steps:
        now += step
        turn = made.due(now)
        made.begin(turn)
        assert all(each.due <= now for each in turn.occurrences)
        seen += [each.due for each in turn.occurrences]
    assert len(set(seen)) == len(seen)
    assert seen == sorted(seen)
