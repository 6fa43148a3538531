"""The `WalEngine` on a disk that loses its power, and on one whose syncs fail."""

from __future__ import annotations

from tests.power.exploration import explore
from tests.power.lives import Plan
from tests.power.subject import WalSubject


def test_no_cut_takes_what_was_told(seeds):
    """Commits, creations and deletions that somebody was told of are there (S1, S6, S7)."""
    found = explore(WalSubject, seeds(24), Plan())
    assert not found.failures, found


def test_no_cut_takes_what_was_told_though_syncs_fail(seeds):
    """What a failed sync left in the cache is not believed to be on the disk (S2)."""
    found = explore(WalSubject, seeds(12, 10_000), Plan(failing_syncs=0.03))
    assert not found.failures, found
