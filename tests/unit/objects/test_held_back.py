"""Events that wait in front of all objects."""

from __future__ import annotations

import pytest

from sourdough.errors import DurableObjectError
from sourdough.objects.backlog import Backlog, QueueLimits
from sourdough.objects.event import Event
from sourdough.objects.held_back import HeldBack


class Reply:
    def __init__(self):
        self.error = None

    def failed(self, error):
        self.error = error


def event(size: int = 0) -> Event:
    return Event(Reply(), 1, 1, None, "call", b"x" * size)


@pytest.fixture
def passed() -> list:
    return []


@pytest.fixture
def backlog() -> Backlog:
    return Backlog(QueueLimits(host_size=100))


@pytest.fixture
def barrier(backlog, passed) -> HeldBack:
    def onward(key, name, event):
        passed.append(key)

    return HeldBack(backlog, onward, lambda key: key != b"free")


def test_an_open_barrier_takes_nothing(barrier):
    """Whoever comes goes on by himself."""
    assert not barrier.takes(b"a", None, event())
    assert not barrier.active


def test_what_waits_passes_in_order(barrier, backlog, passed):
    """Its bytes are counted while it waits."""
    barrier.shut(shut=True)
    for key in (b"a", b"b", b"a"):
        assert barrier.takes(key, None, event(10))
    assert (len(barrier), backlog.size) == (3, 30)
    barrier.shut(shut=False)
    assert passed == [b"a", b"b", b"a"]
    assert (len(barrier), backlog.size, barrier.active) == (0, 0, False)


def test_whom_it_does_not_concern_goes_on(barrier):
    """Only the objects that are meant wait."""
    barrier.shut(shut=True)
    assert not barrier.takes(b"free", None, event())


def test_one_that_comes_while_others_pass_does_not_overtake_them(backlog):
    """Until the last of those that waited has passed, whoever comes waits behind them."""
    passed, again = [], []

    def onward(key, name, event):
        passed.append(key)
        if key == b"first":
            again.append(barrier.takes(b"new", None, event))

    barrier = HeldBack(backlog, onward)
    barrier.shut(shut=True)
    for key in (b"first", b"second"):
        barrier.takes(key, None, event())
    barrier.shut(shut=False)
    assert again == [True]
    assert passed == [b"first", b"second", b"new"]


def test_it_may_be_shut_again_by_those_that_pass(backlog):
    """What one of them did makes the others wait on."""
    passed = []

    def onward(key, name, event):
        passed.append(key)
        barrier.shut(shut=True)

    barrier = HeldBack(backlog, onward)
    barrier.shut(shut=True)
    for key in (b"first", b"second"):
        barrier.takes(key, None, event())
    barrier.shut(shut=False)
    assert (passed, len(barrier)) == ([b"first"], 1)


def test_too_much_is_refused(barrier):
    """What waits is bounded by the bytes of the host."""
    barrier.shut(shut=True)
    assert barrier.takes(b"a", None, event(90))
    refused = event(20)
    assert barrier.takes(b"a", None, refused)
    assert refused.reply.error.overloaded
    assert len(barrier) == 1


def test_everything_may_be_refused(barrier, backlog):
    """The host gives its seat up: nobody will take what waits."""
    barrier.shut(shut=True)
    waiting = event(5)
    barrier.takes(b"a", None, waiting)
    told = DurableObjectError("over")
    barrier.refuse_all(told)
    assert waiting.reply.error is told
    assert (len(barrier), backlog.size) == (0, 0)
