"""Facets on a disk that loses its power: what an object says of them and what they hold agree."""

from __future__ import annotations

import pytest

from tests.power.journal_subject import JournalSubject
from tests.power.nests import explore
from tests.power.subject import WalSubject


@pytest.mark.parametrize("subject", [JournalSubject, WalSubject])
def test_no_cut_parts_an_object_from_its_facets(subject, seeds):
    """What was told is there; a deletion or a clone is there as a whole or not at all (S1, S7)."""
    for seed in seeds(4):
        explore(subject, seed, cuts=8)
