"""How much may wait in front of the objects of a host."""

from __future__ import annotations

from sourdough.objects.backlog import Backlog, QueueLimits
from sourdough.objects.gates import InputGate
from sourdough.objects.refusal import TOO_MANY, TOO_MUCH


def shut(backlog) -> InputGate:
    """Return the gate of an object in a section."""
    gate = InputGate(backlog)
    gate.lock()
    return gate


def test_too_many_events_are_refused():
    """By number, for each object (semantics 10.14)."""
    backlog = Backlog(QueueLimits(events=2))
    first, second = shut(backlog), shut(backlog)
    for event in "ab":
        assert first.refuses() is None
        first.enter(event)
    assert first.refuses() == TOO_MANY
    assert second.refuses() is None


def test_too_many_bytes_are_refused():
    """By size, for each object; less still fits."""
    backlog = Backlog(QueueLimits(size=10))
    gate = shut(backlog)
    gate.enter("a", 6)
    assert gate.refuses(5) == TOO_MUCH
    assert gate.refuses(4) is None
    assert shut(backlog).refuses(10) is None


def test_the_first_may_wait_whatever_its_size():
    """A call that is as large as a call may be is not refused for a gate that is shut."""
    assert shut(Backlog(QueueLimits(size=10, host_size=10))).refuses(1000) is None


def test_all_objects_of_a_host_share_a_limit():
    """By size, for all: many queues that are allowed by themselves are too much together."""
    backlog = Backlog(QueueLimits(size=10, host_size=12))
    shut(backlog).enter("a", 9)
    assert shut(backlog).refuses(4) == TOO_MUCH
    assert shut(backlog).refuses(3) is None


def test_what_goes_in_or_is_drained_makes_room():
    """Nothing of it is counted any more."""
    backlog = Backlog(QueueLimits(size=10, host_size=10))
    entering, drained = shut(backlog), shut(backlog)
    entering.enter("a", 5)
    drained.enter("b", 5)
    assert drained.refuses(1) == TOO_MUCH
    assert entering.unlock() == ["a"]
    assert drained.drain() == ["b"]
    assert backlog.size == 0
    assert drained.refuses(10) is None


def test_who_has_waited_for_too_long_is_taken_out_in_order():
    """Those that came later stay, and so do those that had entered before the section."""
    backlog = Backlog(QueueLimits())
    gate = shut(backlog)
    for since, event in enumerate("abc"):
        gate.enter(event, 2, float(since))
    gate.postpone("z")
    assert gate.overdue(1.0) == ["a", "b"]
    assert gate.overdue(1.0) == []
    assert backlog.size == 2
    assert gate.unlock() == ["z", "c"]
