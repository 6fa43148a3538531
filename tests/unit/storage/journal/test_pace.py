"""Whether a batch is synced on the loop or in a thread."""

from __future__ import annotations

from sourdough.storage.journal.pace import Pace


def on_loop(pace, seconds, count):
    """Feed syncs of one duration; return how many of them ran on the loop."""
    found = 0
    for _ in range(count):
        found += pace.inline
        pace.took(seconds)
    return found


def test_a_fast_disk_is_synced_on_the_loop():
    """A sync of 0.1 ms costs less than handing it to a thread."""
    assert on_loop(Pace(), 0.0001, 1000) == 1000


def test_one_hiccup_is_not_a_slow_disk():
    """A sync of some ms now and then stays on the loop."""
    pace = Pace()
    for _ in range(50):
        assert on_loop(pace, 0.0001, 20) == 20
        assert on_loop(pace, 0.008, 1) == 1


def test_a_slow_disk_is_left_to_a_thread():
    """The loop stands still for a few slow syncs, and for one of those that are very slow."""
    assert on_loop(Pace(), 0.005, 30) <= 8
    assert on_loop(Pace(), 1.0, 30) == 1


def test_a_slow_disk_is_tried_ever_more_rarely():
    """The loop is not held up for ever by a disk that stays slow."""
    pace = Pace()
    assert on_loop(pace, 1.0, 10_000) <= 10
    assert on_loop(pace, 1.0, 10_000) <= 3


def test_a_disk_that_is_fast_again_comes_back():
    """What syncs take in a thread says little, as the thread waits for the interpreter."""
    pace = Pace()
    on_loop(pace, 0.01, 10)
    assert not pace.inline
    assert on_loop(pace, 0.0001, 1000) > 900
