"""Gates, coalescing and critical sections (semantics section 4)."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("method", ["increments", "increments_sql"])
def test_a_read_and_a_write_belong_together(world, method):
    """semantics 4.1.2, trap 1: a hundred at once give a hundred, awaiting every storage call."""
    assert world.run("together", world.name(), method, 100) == list(range(1, 101))


def test_events_of_one_stub_enter_in_order(world):
    """semantics 4.1.3: first come, first served."""
    assert world.run("adds", world.name(), 200) is True


def test_an_exception_keeps_what_was_written(world):
    """semantics 4.2.2, trap 5: the write before it is committed, the error tells no other story."""
    actor = world.new("ACTOR")
    assert actor.fails("writes_and_raises", "value", 1).type == "ValueError"
    assert actor.call("value") == 1


def test_an_unconfirmed_write_and_sync(world):
    """semantics 4.2.3, 4.2.5: `sync` returns when it is durable."""
    actor = world.new("ACTOR")
    actor.call("writes_unconfirmed", "value", 1)
    assert actor.call("value") == 1


def test_a_constraint_that_fails_at_commit_resets(world):
    """semantics 4.4.4, 4.2.4, trap 3: the caller gets the commit's error, everything is undone."""
    actor = world.new("ACTOR")
    failure = actor.fails("breaks_a_constraint_at_commit")
    assert "constraints were violated" in failure.text
    assert failure.durable_object_reset
    assert actor.call("entries") == {"before": 1}
    assert actor.call("constructions") == 2


def test_a_call_comes_after_the_callers_commit(world):
    """semantics 4.2.2: and the caller goes on with what it wrote."""
    assert world.new("ACTOR").call("writes_then_calls", world.name()) == 1


def test_a_section_holds_other_events_back(world):
    """semantics 3.15, 4.3, trap 8, trap 9: work begun inside goes on, its end comes before the queue."""
    result, seen, written = world.run("around_a_section", world.name())
    assert result == "of the section"
    assert seen == ["section begins", "section ends", "after the section", 0, 1, 2]
    assert written == 1


def test_a_queue_that_is_full_refuses(world):
    """semantics section 2 (overload), 10: whoever comes then is told not to try again at once."""
    count = 1500
    [refused], answered, in_order = world.run("floods", world.name(), count)
    assert "overloaded" in refused["text"]
    flags = ("overloaded", "remote", "retryable", "durable_object_reset")
    assert [refused[flag] for flag in flags] == [True, False, False, False]
    assert [answered, in_order] == [count, True]


def test_a_section_that_raises_resets(world):
    """semantics 4.3, trap 8: its caller and who waits get the error; the next is constructed anew."""
    first, second, constructions, value = world.run("section_raises", world.name())
    for error in (first, second):
        assert "in the section" in error["text"]
        assert error["durable_object_reset"]
    assert [constructions, value] == [2, None]


@pytest.mark.parametrize("depth", [1, 2, 64])
def test_sections_nest(world, depth):
    """semantics 4.3, trap 8: to a depth of 64."""
    assert world.new("ACTOR").call("nests", depth) == depth


def test_sections_do_not_nest_deeper_than_64(world):
    """semantics 4.3: the 65th raises."""
    failure = world.new("ACTOR").fails("nests", 65)
    assert "nested too deeply" in failure.text


def test_sections_begun_together_run_one_after_another(world):
    """semantics 4.3: in the order in which they began."""
    expected = [f"{what} {number}" for number in range(3) for what in ("begin", "end")]
    assert world.new("ACTOR").call("three_sections") == expected


def test_a_section_may_call_another_object(world):
    """semantics 4.3: what it waits for outside comes back into it."""
    assert world.new("ACTOR").call("section_with_a_call", world.name()) == 1
