"""Whether a batch is synced on the loop or in a thread."""

from __future__ import annotations

from sourdough.storage.journal.pace import Pace


def test_a_fast_disk_is_synced_on_the_loop():
    """A sync of 0.1 ms costs less than handing it to a thread."""
    pace = Pace()
    for _ in range(1000):
        pace.took(0.0001)
    assert pace.inline


def test_a_slow_disk_is_left_to_a_thread_soon():
    """The loop stands still for a few slow syncs at most."""
    pace = Pace()
    for _ in range(4):
        pace.took(0.005)
    assert not pace.inline


def test_it_does_not_change_its_mind_at_every_sync():
    """Back to the loop only when the disk is clearly fast again."""
    pace = Pace()
    pace.took(0.01)
    assert not pace.inline
    for _ in range(1000):
        pace.took(0.0004)
    assert not pace.inline
    for _ in range(1000):
        pace.took(0.0001)
    assert pace.inline
