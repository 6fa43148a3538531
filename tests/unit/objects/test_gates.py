"""The input gate beside a model of it."""

from __future__ import annotations

from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sourdough.objects.backlog import Backlog, QueueLimits
from sourdough.objects.gates import InputGate
from sourdough.objects.refusal import TOO_MANY


def room(events):
    """Return a host's backlog in which so many events may wait for an object."""
    return Backlog(QueueLimits(events=events))


class Machine(RuleBasedStateMachine):
    """An input gate beside a model: a list of who waits, and who may run."""

    def __init__(self):
        super().__init__()
        self.gate = InputGate(room(5))
        self.sections = 0
        self.waiting = []
        self.entered = []
        self.number = 0

    @rule()
    def deliver(self):
        if self.gate.refuses():
            return
        self.number += 1
        if self.gate.enter(self.number):
            self.entered.append(self.number)
        else:
            self.waiting.append(self.number)

    @rule()
    def lock(self):
        self.gate.lock()
        self.sections += 1

    @precondition(lambda self: self.sections)
    @rule()
    def unlock(self):
        self.sections -= 1
        released = self.gate.unlock()
        if self.sections:
            assert released == []
        else:
            assert released == self.waiting
            self.entered += released
            self.waiting = []

    @precondition(lambda self: self.sections and self.entered)
    @rule()
    def postpone(self):
        # Events that had entered in the turn in which a section began go before all others.
        returning, self.entered = self.entered, []
        for event in returning:
            self.gate.postpone(event)
        self.waiting = sorted([*returning, *self.waiting])

    @rule()
    def everything_entered_has_begun(self):
        self.entered = []

    @invariant()
    def it_is_open_exactly_when_no_section_runs(self):
        assert self.gate.open is (self.sections == 0)
        assert len(self.gate) == len(self.waiting)
        assert self.gate.open is False or not self.waiting


TestInputGate = Machine.TestCase


def test_a_drained_gate_gives_everybody_back_in_order():
    """A reset tells all who wait."""
    gate = InputGate(room(10))
    gate.lock()
    for event in "abc":
        assert not gate.enter(event)
    gate.postpone("z")
    assert gate.drain() == ["z", "a", "b", "c"]
    assert len(gate) == 0


def test_a_full_gate_says_so():
    """The limit counts those who wait, not those who run."""
    gate = InputGate(room(1))
    assert gate.enter("runs")
    assert gate.refuses() is None
    gate.lock()
    assert not gate.enter("waits")
    assert gate.refuses() == TOO_MANY
