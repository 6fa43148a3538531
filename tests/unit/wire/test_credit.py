"""Credit: never more on the way than the window, and nothing lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sourdough.wire.credit import ReceiveCredit, SendCredit

WINDOW = 1000


class Flow(RuleBasedStateMachine):
    """A sender and a receiver with bytes and credit on the way between them."""

    def __init__(self):
        super().__init__()
        self.sender = SendCredit(WINDOW)
        self.receiver = ReceiveCredit(WINDOW)
        self.bytes_on_the_way = 0
        self.credit_on_the_way = 0

    @rule(wanted=st.integers(0, 3 * WINDOW))
    def send(self, wanted):
        taken = self.sender.take(wanted)
        assert 0 <= taken <= wanted
        self.bytes_on_the_way += taken

    @precondition(lambda self: self.bytes_on_the_way)
    @rule(data=st.data())
    def arrive(self, data):
        amount = data.draw(st.integers(1, self.bytes_on_the_way))
        self.bytes_on_the_way -= amount
        self.receiver.received(amount)

    @precondition(lambda self: self.receiver.outstanding)
    @rule(data=st.data())
    def consume(self, data):
        amount = data.draw(st.integers(1, self.receiver.outstanding))
        self.credit_on_the_way += self.receiver.consumed(amount)

    @rule()
    def credit_arrives(self):
        self.sender.grant(self.credit_on_the_way)
        self.credit_on_the_way = 0

    @invariant()
    def never_more_than_the_window(self):
        assert self.bytes_on_the_way + self.receiver.outstanding <= WINDOW
        assert self.sender.available >= 0

    @invariant()
    def a_reader_that_has_read_everything_lets_the_sender_go_on(self):
        if not self.bytes_on_the_way and not self.receiver.outstanding:
            assert self.sender.available + self.credit_on_the_way > WINDOW // 2


TestFlow = Flow.TestCase


@given(st.lists(st.integers(1, WINDOW), max_size=50))
def test_credit_comes_back_in_portions(amounts):
    """Nothing is lost: what is not granted is owed, and that is less than half a window."""
    receiver = ReceiveCredit(WINDOW)
    granted = 0
    for amount in amounts:
        receiver.received(amount)
        granted += receiver.consumed(amount)
    assert 0 <= sum(amounts) - granted < WINDOW // 2
    assert receiver.outstanding == 0
