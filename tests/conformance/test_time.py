"""What takes seconds, on a clock that the cases move (semantics 3.6 - 3.8, 3.10, 4.3)."""

from __future__ import annotations

from tests.conformance.world import failure, result

IDLE_SECONDS = 10
SECTION_SECONDS = 30


def seen_by(world, other) -> list:
    return world.new("ACTOR").call("calls", "ACTOR", other.name, "remembered")


def test_an_idle_object_leaves_memory_after_ten_seconds(world):
    """semantics 3.6, 3.8: that is no error, and the next event makes a new instance."""
    actor = world.new("ACTOR")
    actor.call("appends", 1)
    world.advance(IDLE_SECONDS / 2)
    assert [actor.call("constructions"), actor.call("remembered")] == [1, [1]]
    world.advance(IDLE_SECONDS + 0.1)
    assert [actor.call("constructions"), actor.call("remembered")] == [2, []]


def test_an_event_begins_the_idle_time_anew(world):
    """semantics 3.8."""
    actor = world.new("ACTOR")
    for _ in range(4):
        assert actor.call("constructions") == 1
        world.advance(IDLE_SECONDS * 0.6)


def test_background_work_keeps_an_object(world):
    """semantics 3.8, 3.10b, trap 37: the time begins when it has ended."""
    actor = world.new("ACTOR")
    actor.call("works_in_background", "door")
    world.advance(10 * IDLE_SECONDS)
    actor.call("opens", "door")
    world.until(lambda: actor.call("value"), "from the background")
    assert actor.call("constructions") == 1
    world.advance(IDLE_SECONDS + 0.1)
    assert actor.call("constructions") == 2


def test_a_call_under_way_keeps_an_object(world):
    """semantics 3.6: an event in progress."""
    actor = world.new("ACTOR")
    call = world.begin(actor, "waits_at", "door")
    world.until(lambda: actor.call("remembered"), ["waits at door"])
    world.advance(5 * IDLE_SECONDS)
    actor.call("opens", "door")
    assert result(call.result(10)) == "door"
    assert actor.call("constructions") == 1


def test_a_section_that_takes_too_long_resets(world):
    """semantics 4.3, trap 8: after 30 s, who waits is told; `overloaded` advises against trying."""
    actor, witness = world.new("ACTOR"), world.new("ACTOR")
    calls = ["section_that_hangs", witness.name], ["appends", 1]
    running = world.begin_run("one_behind_the_other", "ACTOR", actor.name, *calls)
    world.until(lambda: witness.call("remembered"), ["begun"])
    world.advance(SECTION_SECONDS / 2)
    assert not running.done()
    world.advance(SECTION_SECONDS / 2 + 0.1)
    for seen in result(running.result(10)):
        assert "waited for too long" in seen["text"]
        assert [seen["overloaded"], seen["durable_object_reset"]] == [True, True]
    assert [actor.call("constructions"), actor.call("remembered")] == [2, []]


def test_a_transaction_has_the_time_of_a_section(world):
    """semantics 5.1: it is one; what it wrote is undone."""
    actor, witness = world.new("ACTOR"), world.new("ACTOR")
    held = world.begin(actor, "transaction_that_hangs", witness.name)
    world.until(lambda: witness.call("remembered"), ["begun"])
    world.advance(SECTION_SECONDS + 0.1)
    assert failure(held.result(10)).durable_object_reset
    assert actor.call("value", "in the transaction") is None


def test_a_request_that_takes_too_long_is_given_up(world):
    """`limits.request_timeout`: 504 after 120 s; the object's work goes on (semantics 3.10)."""
    actor = world.new("ACTOR")
    request = world.begin_request("GET", f"/actor/{actor.name}/waits_at/door")
    world.until(lambda: actor.call("remembered"), ["waits at door"])
    world.advance(121)
    assert request.result(10).status == 504
    actor.call("opens", "door")
    assert actor.call("remembered")[-1] == "passed door"
