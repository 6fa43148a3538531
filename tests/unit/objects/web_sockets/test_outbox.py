"""What is said on WebSockets leaves in order, and never before its commit (semantics 7.14, S1)."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sourdough.errors import StorageError
from sourdough.objects.web_sockets.outbox import Outbox


class Journal:
    """Commits that become durable, in order, when a test says so."""

    def __init__(self) -> None:
        self.dirty = False
        self.commits = 0
        self.durable = 0
        self.error: Exception | None = None
        self._waiting: deque = deque()

    def write(self) -> None:
        self.dirty = True

    def flush(self) -> int:
        if self.error is not None:
            raise self.error
        if self.dirty:
            self.dirty = False
            self.commits += 1
        return self.commits if self.durable < self.commits else 0

    def when_durable(self, commit, callback) -> None:
        self._waiting.append((commit, callback))

    def sync(self, up_to: int) -> None:
        """Make commits durable, and tell whoever waits, in the order of their commits."""
        self.durable = max(self.durable, min(up_to, self.commits))
        while self._waiting and self._waiting[0][0] <= self.durable:
            self._waiting.popleft()[1](None)

    def fail(self) -> None:
        self.error = StorageError("the disk failed")
        while self._waiting:
            self._waiting.popleft()[1](self.error)


class Instance:
    """An outbox, its commits, and the turns of a loop."""

    def __init__(self) -> None:
        self.journal = Journal()
        self.turns: list = []
        self.failures: list = []
        self.left: list[tuple[int, int]] = []
        """(what was said, the commit that was pending then)"""
        self.said: list[tuple[int, int]] = []
        self.outbox = Outbox(self.journal, schedule=self.turns.append, failed=self.failures.append)

    def say(self) -> None:
        pending = self.journal.flush()
        what = (len(self.said), pending)
        self.said.append(what)

        def leave() -> None:
            assert pending <= self.journal.durable, "said before its commit was durable"
            self.left.append(what)

        self.outbox.post(leave)

    def turn(self) -> None:
        turns, self.turns[:] = list(self.turns), []
        for each in turns:
            each()

    def take(self, step: str | int) -> None:
        """Take a step of `STEPS`."""
        if step == "write":
            self.journal.write()
        elif step == "say":
            self.say()
        elif step == "turn":
            self.turn()
        else:
            self.journal.sync(self.journal.durable + step)


STEPS = st.lists(
    st.one_of(
        st.sampled_from(["write", "say", "say", "turn"]), st.integers(min_value=1, max_value=9)
    ),
    max_size=40,
)


@given(STEPS)
def test_the_order_is_kept_and_nothing_overtakes_its_commit(steps):
    """Whatever is pending when, what has left is the beginning of what was said."""
    instance = Instance()
    for step in steps:
        instance.take(step)
        assert instance.left == instance.said[: len(instance.left)]
    instance.journal.flush()
    instance.journal.sync(instance.journal.commits)
    instance.turn()
    assert instance.left == instance.said
    assert len(instance.outbox) == 0


@given(STEPS)
def test_a_commit_that_fails_drops_what_waits_for_it(steps):
    """And all behind it; what had left by then was confirmed."""
    instance = Instance()
    for step in steps:
        instance.take(step)
    confirmed = [what for what in instance.said if what[1] <= instance.journal.durable]
    waiting = len(confirmed) < len(instance.said)
    instance.journal.fail()
    instance.turn()
    assert bool(instance.failures) == waiting
    if waiting:
        assert instance.left == instance.said[: len(instance.left)]
        assert len(instance.left) <= len(confirmed)


def test_a_later_write_delays_nothing():
    """semantics 4.2.1: only commits made by the call count."""
    instance = Instance()
    instance.say()
    instance.journal.write()
    instance.turn()
    assert len(instance.left) == 1


def test_nothing_leaves_in_the_call_itself():
    """semantics 3.11: a reset in the same step takes it back."""
    instance = Instance()
    instance.say()
    assert instance.left == []
    instance.outbox.drop()
    instance.turn()
    assert instance.left == []


def test_what_cannot_be_sent_harms_nothing_else(caplog):
    """An error of one message is logged; the next one leaves."""
    instance = Instance()

    def broken() -> None:
        raise ValueError("not to be sent")

    instance.outbox.post(broken)
    instance.say()
    instance.turn()
    assert len(instance.left) == 1
    assert "could not be sent" in caplog.text


def test_an_instance_that_has_ended_says_nothing():
    """semantics 3.11: the call raises as one of its storage does."""
    instance = Instance()
    instance.journal.fail()
    with pytest.raises(StorageError):
        instance.outbox.post(lambda: None)


def test_the_end_of_an_instance():
    """What is durable leaves at once; what is not, when it is; and what is said behind, behind."""
    instance = Instance()
    instance.say()
    instance.journal.write()
    instance.say()
    instance.outbox.finish()
    instance.outbox.behind(lambda: instance.left.append((9, 0)))
    assert [what for what, _ in instance.left] == [0]
    instance.journal.sync(1)
    instance.turn()
    assert [what for what, _ in instance.left] == [0, 1, 9]
    instance.outbox.behind(lambda: instance.left.append((10, 0)))
    assert instance.left[-1] == (10, 0)
