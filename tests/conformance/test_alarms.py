"""Alarms on a clock that the cases move (semantics 6)."""

from __future__ import annotations

import pytest

from tests.conformance.steps import Raised, storage
from tests.conformance.world import CallFailedError, failure, result

# The pauses before the six retries (6.7); chance makes each longer by up to a quarter.
PAUSES = (2, 4, 8, 16, 32, 64)
SECOND = 1000


@pytest.fixture
def sleeper(world):
    return world.new("SLEEPER")


def runs(sleeper) -> int:
    return len(sleeper.call("saw"))


def fail_once(world, sleeper, *scripts: str) -> int:
    """Let the first run do as the scripts say; return when it was due."""
    sleeper.call("plans", *scripts)
    due = world.advance() + 5 * SECOND
    sleeper.call("sets", due)
    world.advance(5.1)
    return due


def ran_none_before(world, sleeper, moment: float, *, but: int = 0) -> None:
    """Fail when more than `but` runs began before a moment; who asks after it cannot tell."""
    assert runs(sleeper) == but or world.advance() >= moment


def test_an_alarm_fires_when_it_is_due_and_not_before(world, sleeper):
    """semantics 6.1, 6.6: once; afterwards there is none."""
    due = world.advance() + 60 * SECOND
    sleeper.call("sets", due)
    assert sleeper.call("gets") == due
    world.advance(55)
    ran_none_before(world, sleeper, due)
    world.advance(5.1)
    assert [sleeper.call("saw"), sleeper.call("gets")] == [[[0, False, due]], None]
    world.advance(3600)
    assert runs(sleeper) == 1


def test_an_alarm_is_replaced_by_the_next(world, sleeper):
    """semantics 6.1: by a later one and by a sooner one."""
    now = world.advance()
    for seconds in (60, 120, 30):
        sleeper.call("sets", now + seconds * SECOND)
    world.advance(31)
    assert sleeper.call("saw") == [[0, False, now + 30 * SECOND]]
    world.advance(200)
    assert runs(sleeper) == 1


def test_a_time_that_is_past_means_now(world, sleeper):
    """semantics 6.1, trap 17: it is clamped, and fires at once."""
    now = world.advance()
    sleeper.call("sets", 1)
    world.until(lambda: runs(sleeper), 1)
    [[_, _, scheduled]] = sleeper.call("saw")
    assert scheduled >= now


@pytest.mark.parametrize("when", [0, -1])
def test_no_time_before_the_epoch(sleeper, when):
    """semantics 6.1, trap 17."""
    failure = sleeper.fails("sets", when)
    assert [failure.type, "<= 0" in failure.text] == ["TypeError", True]


def test_a_class_without_a_handler_cannot_set_an_alarm(world):
    """semantics 6.2."""
    [outcome] = world.new("KEEPER").steps(storage.set_alarm(1))
    assert outcome == Raised("TypeError", "must have an alarm() handler")


def test_an_alarm_is_rolled_back_with_its_transaction(world, sleeper):
    """semantics 6.3, trap 2: it is a write like any other."""
    due = world.advance() + 60 * SECOND
    sleeper.call("sets", due)
    sleeper.call("sets_and_rolls_back", due + SECOND)
    assert sleeper.call("gets") == due


def test_alarms_are_set_seen_and_deleted_through_txn(world, sleeper):
    """semantics 5.1, 6.3: as through the storage."""
    now = world.advance()
    first, second = now + 60 * SECOND, now + 90 * SECOND
    assert sleeper.call("sets_in_a_transaction", first, second) == [first, None]
    assert sleeper.call("gets") == second


def test_a_deleted_alarm_does_not_fire(world, sleeper):
    """semantics 6.10."""
    sleeper.call("sets", world.advance() + 30 * SECOND)
    sleeper.call("deletes")
    world.advance(60)
    assert [sleeper.call("gets"), runs(sleeper)] == [None, 0]


def test_delete_all_deletes_the_alarm(world, sleeper):
    """semantics 5.1, trap 39."""
    sleeper.call("sets", world.advance() + 30 * SECOND)
    sleeper.call("deletes_all")
    world.advance(60)
    assert [sleeper.call("gets"), runs(sleeper)] == [None, 0]


def test_a_running_alarm_is_not_shown(world, sleeper):
    """semantics 6.4."""
    fail_once(world, sleeper, "looks")
    assert sleeper.call("saw")[-1] is None


def test_after_a_failure_the_alarm_shows_again(world, sleeper):
    """semantics 6.4: with its own time, until the retry begins."""
    due = fail_once(world, sleeper, "looks and fails", "looks")
    assert sleeper.call("gets") == due
    world.advance(2.6)
    assert sleeper.call("saw") == [[0, False, due], None, [1, True, due], None]
    assert sleeper.call("gets") is None


def test_a_failed_alarm_is_retried_six_times_and_then_dropped(world, sleeper):
    """semantics 6.7, 6.5, trap 16: after 2, 4, 8, 16, 32 and 64 s, and a quarter of it at most."""
    earliest = due = fail_once(world, sleeper, "fails")
    for number, pause in enumerate(PAUSES, start=1):
        earliest += pause * SECOND
        world.advance(pause * 0.9)
        ran_none_before(world, sleeper, earliest, but=number)
        world.advance(pause * 0.36)
        assert runs(sleeper) == number + 1
    expected = [[number, number > 0, due] for number in range(7)]
    world.until(lambda: sleeper.call("gets"), None)
    for _ in range(3):
        world.advance(2000)
    assert sleeper.call("saw") == expected


def test_what_a_failed_run_wrote_stays(world, sleeper):
    """semantics 6.7: a failure undoes nothing, it is no transaction."""
    fail_once(world, sleeper, "fails", "looks")
    assert sleeper.call("value") == "written by a run that failed"


def test_a_new_alarm_replaces_the_retry(world, sleeper):
    """semantics 6.9: with counters of its own."""
    due = fail_once(world, sleeper, "sets anew and fails", "fine")
    assert sleeper.call("gets") == due + 60_000
    world.advance(50)
    assert runs(sleeper) == 1
    world.advance(12)
    assert sleeper.call("saw") == [[0, False, due], [0, False, due + 60_000]]


def test_an_alarm_set_in_a_good_run_stays(world, sleeper):
    """semantics 6.6."""
    due = fail_once(world, sleeper, "sets anew", "fine")
    assert sleeper.call("gets") == due + 60_000
    world.advance(62)
    assert [runs(sleeper), sleeper.call("gets")] == [2, None]


def test_an_alarm_deleted_in_its_run_is_not_retried(world, sleeper):
    """semantics 6.10."""
    fail_once(world, sleeper, "deletes and fails")
    world.advance(1000)
    assert [runs(sleeper), sleeper.call("gets")] == [1, None]


def test_a_run_has_fifteen_minutes(world, sleeper):
    """semantics 6.11: then the object is reset, calls beside it are told why (error flags); it
    counts as a failure, and is retried.
    """
    due = fail_once(world, sleeper, "waits", "fine")
    assert [runs(sleeper), sleeper.call("constructions")] == [1, 1]
    world.advance(890)
    assert [runs(sleeper), sleeper.call("constructions")] == [1, 1]
    call = world.begin(sleeper, "waits_for_the_door")
    world.until(lambda: sleeper.call("value"), "at the door")
    world.advance(15)
    seen = failure(call.result(10))
    assert seen.text == "Alarm exceeded its allowed execution time"
    assert [seen.overloaded, seen.durable_object_reset, seen.retryable] == [True, True, False]
    assert [runs(sleeper), sleeper.call("constructions")] == [1, 2]
    world.advance(2.6)
    assert sleeper.call("saw") == [[0, False, due], [1, True, due]]


def test_abort_in_a_run_is_a_failure_that_counts(world, sleeper):
    """semantics 6.12."""
    due = fail_once(world, sleeper, "aborts", "fine")
    world.advance(2.6)
    assert sleeper.call("saw") == [[0, False, due], [1, True, due]]


def test_abort_may_give_the_alarm_up(world, sleeper):
    """semantics 6.12: with `retry_alarm=False`."""
    fail_once(world, sleeper, "aborts for good")
    for _ in range(3):
        world.advance(1000)
    assert [runs(sleeper), sleeper.call("gets")] == [1, None]


def test_a_run_meets_requests_and_no_other_run(world, sleeper):
    """semantics 6.14: an alarm set for now waits until the run has ended."""
    fail_once(world, sleeper, "waits", "fine")
    sleeper.call("sets", 1)
    world.advance(30)
    assert runs(sleeper) == 1
    sleeper.call("opens")
    world.until(lambda: runs(sleeper), 3)
    assert sleeper.call("saw")[1] == "the door is open"


def test_an_alarm_that_was_made_later_does_not_fire_at_its_old_time(world, sleeper):
    """semantics 6.15, 4.4.3: the object's own storage decides."""
    now = world.advance()
    sleeper.call("sets", now + 30 * SECOND)
    sleeper.call("sets", now + 600 * SECOND)
    world.advance(300)
    assert [runs(sleeper), sleeper.call("gets")] == [0, now + 600 * SECOND]


def test_the_constructor_runs_first_and_may_postpone_the_alarm(world, sleeper):
    """semantics 6.16: one that always does postpones it for ever."""
    due = world.advance() + 60 * SECOND
    sleeper.call("plans", "postponed by the constructor")
    sleeper.call("sets", due)
    world.advance(30)  # idle for so long, it is evicted
    world.advance(31)
    assert sleeper.call("gets") == due + 60_000
    assert [runs(sleeper), sleeper.call("constructions")] == [0, 2]


def test_a_woken_object_knows_its_name(world, sleeper):
    """semantics 1.13, trap 38: also when nobody has called it since it left memory."""
    sleeper.call("sets", world.advance() + 60 * SECOND)
    world.advance(30)
    world.advance(31)
    assert [sleeper.call("value"), sleeper.call("constructions")] == [sleeper.name, 2]


def test_an_alarm_survives_a_reset(world, sleeper):
    """semantics 6.17: it is in the storage, not in the instance."""
    sleeper.call("sets", world.advance() + 60 * SECOND)
    sleeper.fails("aborts")
    world.advance(61)
    assert runs(sleeper) == 1


def test_a_long_call_sees_the_run_that_comes_meanwhile(world, sleeper):
    """semantics 6.14: alarms and requests share the instance."""
    call = world.begin(sleeper, "waits_for_the_alarm")
    sleeper.call("sets", world.advance() + SECOND)
    world.advance(2)
    assert result(call.result(10)) == 1
    with pytest.raises(CallFailedError):
        sleeper.call("alarm")
