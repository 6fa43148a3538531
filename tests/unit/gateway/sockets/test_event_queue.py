"""The events of one hibernating socket: order, one under way, one end (invariant W3)."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sourdough.gateway.sockets.event_queue import End, EventQueue, Said

END = End(1000, "", clean=True)
steps = st.lists(
    st.sampled_from(["say", "say", "say", "end", "next", "heed", "lose", "unsent", "drop"]),
    max_size=60,
)


class Model:
    """A queue and what came out of it."""

    def __init__(self) -> None:
        self.queue = EventQueue()
        self.count = 0
        self.given: list[Said | End] = []
        self.ended = False

    def say(self) -> None:
        self.count += 1
        self.queue.say(Said(b"%d" % self.count, True))

    def end(self) -> None:
        self.ended = True
        self.queue.end(END)

    def next(self) -> None:
        busy = self.queue.under_way is not None
        event = self.queue.next()
        assert not (busy and event is not None), "two are under way"
        if event is not None:
            self.given.append(event)

    def heed(self) -> None:
        if self.queue.under_way is not None:
            self.queue.heeded()

    def lose(self) -> None:
        under_way = self.queue.under_way
        if under_way is not None:
            assert self.queue.lost() == (under_way if isinstance(under_way, Said) else None)

    def unsent(self) -> None:
        if self.queue.under_way is END:
            assert self.given.pop() is END
            self.queue.unsent()

    def drop(self) -> None:
        self.queue.drop()

    def finish(self) -> None:
        self.end()
        while not self.queue.over:
            self.next()
            self.heed()


@settings(max_examples=100, deadline=None)
@given(steps)
def test_any_order_of_steps_keeps_the_order_and_ends_once(taken):
    """Messages go out as they came, none twice, and behind them exactly one end."""
    model = Model()
    for step in taken:
        getattr(model, step)()
    model.finish()
    messages = [int(event.data) for event in model.given if isinstance(event, Said)]
    assert messages == sorted(set(messages))
    assert model.given.count(END) == 1
    assert model.given[-1] is END
    assert model.queue.size == 0
    assert model.queue.next() is None


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["say", "next", "heed", "lose"]), max_size=60))
def test_nothing_is_forgotten(taken):
    """Without a host that is missing, every message is given out."""
    model = Model()
    for step in taken:
        getattr(model, step)()
    model.finish()
    assert len(model.given) == model.count + 1


def test_a_line_is_full_by_number_and_by_size():
    """What is under way does not count: it waits for nobody."""
    queue = EventQueue()
    for _ in range(17):
        assert not queue.full
        queue.say(Said(b"x", True))
        queue.next()
    assert queue.full
    queue = EventQueue()
    queue.say(Said(bytes(100_000), False))
    assert queue.full
    queue.next()
    assert not queue.full
    assert queue.size == 100_000


def test_what_comes_behind_the_end_is_ignored():
    """The client said that nothing would come."""
    queue = EventQueue()
    queue.end(END)
    queue.say(Said(b"x", True))
    queue.end(End(1006, ""))
    assert queue.next() is END
    queue.heeded()
    assert queue.over


def test_a_message_that_never_left_is_dropped_and_the_end_is_not():
    """The client was told that its message is not taken."""
    queue = EventQueue()
    queue.say(Said(b"x", True))
    queue.end(END)
    queue.next()
    queue.unsent()
    assert queue.size == 0
    assert queue.next() is END
    queue.unsent()
    assert queue.next() is END


def test_a_dismissed_line_is_over():
    """Nothing of it is given out any more, and nothing of it is kept."""
    queue = EventQueue()
    queue.say(Said(b"x", True))
    queue.say(Said(b"y", True))
    queue.next()
    queue.dismiss()
    queue.heeded()
    assert (queue.size, queue.next(), queue.over) == (0, None, True)
