"""The journal on a disk that loses its power."""

from __future__ import annotations

from tests.power.exploration import explore
from tests.power.journal_subject import JournalSubject
from tests.power.lives import Plan


def test_no_cut_takes_what_was_told(seeds):
    """Two seats, take-over, hand-over, deletion, lives after lives: invariants S1 to S8."""
    found = explore(JournalSubject, seeds(70), Plan())
    assert not found.failures, found


def test_no_cut_takes_what_was_told_though_syncs_fail(seeds):
    """The host ends with the first failed sync, and its successor relies on nothing of it (S2)."""
    found = explore(JournalSubject, seeds(16, 10_000), Plan(failing_syncs=0.01))
    assert not found.failures, found


def test_no_cut_takes_what_was_told_though_writes_fail(seeds):
    """No space, or an error of the medium, at any write and any name: what was told stays."""
    found = explore(JournalSubject, seeds(10, 20_000), Plan(failing_writes=0.02))
    assert not found.failures, found
