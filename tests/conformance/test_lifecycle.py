"""One live instance for each id: made, reset, kept busy (semantics section 3)."""

from __future__ import annotations

import json


def test_the_constructor_runs_once_before_the_first_event(world):
    """semantics 3.2, trap 10: and what it began in a section has ended by then."""
    actor = world.new("ACTOR")
    assert world.run("together", actor.name, "is_prepared", 20) == [True] * 20
    assert actor.call("constructions") == 1


def test_events_share_the_instance(world):
    """semantics 3.1, 3.4: what one leaves in memory the next finds."""
    actor = world.new("ACTOR")
    actor.call("appends", 1)
    actor.call("appends", 2)
    assert actor.call("remembered") == [1, 2]


def test_objects_share_nothing(world):
    """semantics 3.1: neither memory nor storage."""
    first, second = world.new("ACTOR"), world.new("ACTOR")
    first.call("appends", 1)
    first.call("writes", "value", 1)
    assert second.call("remembered") == []
    assert second.call("value") is None


def test_a_failing_constructor_fails_who_waits_and_the_next_caller_gets_a_new_instance(world):
    """semantics 3.3, trap 10: what it wrote is gone."""
    first, second, constructions, entries = world.run("constructor_fails", world.name("1"))
    for error in (first, second):
        assert "not today" in error["text"]
        assert error["remote"]
        assert error["durable_object_reset"]
    assert constructions == 2
    assert entries == ["from construction 2"]


def test_a_constructor_may_fail_often(world):
    """semantics 3.3: each event tries again."""
    moody = world.new("MOODY", "3")
    for _ in range(3):
        assert "not today" in moody.fails("constructions").text
    assert moody.call("constructions") == 4


def test_a_failing_constructor_is_a_500_to_a_client(world):
    """semantics 3.3: the next request is served."""
    moody = world.new("MOODY", "1")
    answer = moody.request("GET", "")
    assert answer.status == 500
    assert b"not today" not in answer.body
    assert json.loads(moody.request("GET", "").body) == 2


def test_abort_tells_its_reason(world):
    """semantics 3.11: to the caller, marked as a reset."""
    failure = world.new("ACTOR").fails("aborts", "because")
    assert failure.text == "because"
    assert failure.durable_object_reset
    assert not failure.retryable


def test_abort_without_a_reason(world):
    """semantics 3.11: has a text of its own."""
    failure = world.new("ACTOR").fails("aborts")
    assert failure.text == "Application called abort() to reset Durable Object."


def test_abort_tells_every_caller_in_flight(world):
    """semantics 3.11: not only the one whose event aborted."""
    errors = world.run("all_in_flight", world.name())
    assert [error["text"] for error in errors] == ["all of you"] * 4
    assert all(error["durable_object_reset"] for error in errors)


def test_abort_loses_what_is_not_committed(world):
    """semantics 3.11: what was durable before stays."""
    actor = world.new("ACTOR")
    assert actor.fails("writes_and_aborts", "kept", "lost").text == "as asked"
    assert actor.call("entries") == {"kept": 1}
    assert actor.call("tables") == []
    assert actor.call("constructions") == 2


def test_abort_loses_the_memory(world):
    """semantics 3.11: the next instance begins anew."""
    actor = world.new("ACTOR")
    actor.call("appends", 1)
    actor.fails("aborts")
    assert actor.call("remembered") == []


def test_nothing_of_the_instance_works_after_abort(world):
    """semantics 3.11, trap 13: who catches it finds the storage closed, in an earlier task as well."""
    actor = world.new("ACTOR")
    assert actor.fails("aborts_and_catches").text == "caught?"
    assert actor.call("entries") == {}
    assert "wrote" not in actor.call("left_behind")
    assert "Durable Object storage is no longer accessible." in actor.call("left_behind")


def test_events_meet_at_awaits(world):
    """semantics 3.4, 4.1.4, trap 6: one that waits for something else blocks nobody."""
    order = ["waits at door", "opens door", "passed door"]
    assert world.run("meets", world.name()) == ["door", order]


def test_the_objects_work_goes_on_when_its_caller_leaves(world):
    """semantics 3.10, trap 12: what a request has begun is not cancelled; calls of stubs are."""
    found = world.run("gives_up", world.name())
    assert found == ["waits at door", "opens door", "passed door"]


def test_background_work_outlives_its_event(world):
    """semantics 3.10: the answer does not wait for `wait_until`."""
    assert world.run("background", world.name()) == ["answered", None, "from the background"]


def test_background_work_that_raises_ends_nothing(world):
    """semantics 3.10: the instance goes on."""
    actor = world.new("ACTOR")
    actor.call("background_raises")
    assert actor.call("constructions") == 1
