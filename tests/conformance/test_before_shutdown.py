"""What an instance does before it leaves memory (semantics 3.14)."""

from __future__ import annotations

import pytest

from tests.conformance.world import Thing, result

IDLE = 10.1
"""Seconds without an event, after which an object leaves memory."""
BUDGET = 10.1
"""Seconds after which nobody waits for last words any more."""


@pytest.fixture
def leaver(world):
    return world.new("LEAVER")


def leaves(leaver, plan) -> None:
    """Have an object leave memory with last words as planned."""
    leaver.call("plan", plan)
    leaver.world.advance(IDLE)


def test_an_idle_object_is_told(leaver):
    """semantics 3.14: the reason is `inactive`; what it wrote, its next constructor finds."""
    leaves(leaver, "writes")
    assert leaver.call("finds") == ["inactive", 1]
    assert leaver.call("noted") == ["inactive"]
    leaver.world.advance(IDLE)
    assert leaver.call("finds") == ["inactive", 2]


def test_the_handler_may_be_a_plain_function(leaver):
    """semantics 3.14: sync or async."""
    leaves(leaver, "writes_at_once")
    assert leaver.call("finds") == "at once, inactive"


@pytest.mark.parametrize("plan", ["raises", "exits"])
def test_an_error_stops_nothing(leaver, plan):
    """semantics 3.14: it is logged, the shutdown goes on, what was written is kept."""
    leaves(leaver, plan)
    assert leaver.call("constructions") == 2
    assert leaver.call("finds") == ("raised" if plan == "raises" else None)
    said = leaver.world.server.everything
    leaver.world.until(lambda: f"before_shutdown() of Leaver:{leaver.name} failed" in said(), True)


def test_its_web_sockets_hear_it(leaver, lines):
    """semantics 3.14, 7.16: what it says on those that outlive it arrives, and they stay open."""
    line = lines.open(leaver, "hibernate")
    leaves(leaver, "sends")
    assert line.receive() == "good night"
    assert line.exchange("and on") == "and on"
    assert leaver.call("constructions") == 2


def test_it_may_call_others(leaver):
    """semantics 3.14: as any event may."""
    other = Thing(leaver.world, "LEAVER", f"{leaver.name}-other")
    leaves(leaver, "calls")
    assert leaver.call("finds") == "called"
    assert other.call("noted") == ["called by a leaver"]


@pytest.mark.parametrize("plan", ["waits", "will_not_end", "calls_itself"])
def test_it_has_ten_seconds(leaver, plan):
    """semantics 3.14: who comes meanwhile waits for the next instance, and no longer than that."""
    leaves(leaver, plan)
    waiting = leaver.world.begin(leaver, "constructions")
    leaver.world.advance(BUDGET - 1)
    assert not waiting.done()
    leaver.world.advance(1)
    assert result(waiting.result(10)) == 2
    assert leaver.call("noted") == ["inactive"]
    assert leaver.call("finds") == {"waits": "waits", "will_not_end": "would not end"}.get(plan)
    leaver.call("plan", "writes")


def test_what_it_begins_ends_with_it(leaver):
    """semantics 3.14: only what it awaits is waited for."""
    leaves(leaver, "begins_more")
    assert leaver.call("constructions") == 2
    leaver.call("plan", "writes")
    leaver.world.advance(200_000)
    assert leaver.call("noted") == ["inactive", "inactive"]


@pytest.mark.parametrize("plan", ["aborts", "aborts_and_clings"])
def test_abort_in_it_is_a_reset(leaver, plan):
    """semantics 3.14, 3.11: what was not durable is lost, the next instance begins at once."""
    leaves(leaver, plan)
    assert leaver.call("finds") == "durable"
    assert leaver.call("constructions") == 2


def test_a_reset_has_no_last_words(leaver):
    """semantics 3.14: there is nobody left to speak."""
    assert leaver.fails("writes_and_aborts").text == "as asked"
    assert leaver.call("finds") == "before the abort"
    assert leaver.call("noted") == []


def test_nobody_else_calls_it(leaver):
    """semantics 2.4: it is a name of the runtime."""
    assert "reserved method" in leaver.fails("before_shutdown", "inactive").text
