"""Who is quarantined, for how long, and who is forgotten."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sourdough.policy.quarantine import QuarantineBook, QuarantinePolicy

BAD, GOOD = ("Room", b"bad"), ("Room", b"good")


def crash(book, *moments, key=BAD):
    """Let hosts end at these moments; return the quarantines."""
    return [book.crashed(key, moment) for moment in moments]


def test_the_third_crash_within_a_minute_quarantines():
    """Two may be chance."""
    assert crash(QuarantineBook(), 0, 20, 40) == [None, None, 60.0]
    assert crash(QuarantineBook(), 0, 20, 61, 122) == [None, None, None, None]


def test_crashes_of_others_do_not_count():
    """Each object answers for itself."""
    book = QuarantineBook()
    crash(book, 0, 1)
    assert crash(book, 2, 3, key=GOOD) == [None, None]


def test_a_quarantine_ends_by_itself():
    """Once, when its time is over."""
    book = QuarantineBook()
    crash(book, 0, 1, 2)
    assert book.over(61.9) == []
    assert book.over(62.0) == [BAD]
    assert book.over(63.0) == []


def test_on_probation_one_crash_is_enough_and_the_time_grows():
    """Neighbours do not pay for three crashes again."""
    book, now, seconds = QuarantineBook(), 2.0, []
    crash(book, 0, 1)
    for _ in range(8):
        seconds.append(book.crashed(BAD, now))
        now += seconds[-1]
        assert book.over(now) == [BAD]
        now += 1
    assert seconds == [60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_who_kept_the_peace_is_forgotten():
    """After probation an object has three crashes again, and nothing is kept of it."""
    book = QuarantineBook()
    crash(book, 0, 1, 2)
    book.over(62)
    book.over(62 + 600)
    assert len(book) == 0
    assert crash(book, 700, 701, 702) == [None, None, 60.0]


def test_a_crash_during_the_quarantine_changes_nothing():
    """It is of an event that was let in before."""
    book = QuarantineBook()
    assert crash(book, 0, 1, 2, 3) == [None, None, 60.0, None]
    assert book.over(62) == [BAD]


def test_lifting_ends_the_suspicion_too():
    """By hand for one, by new code for all."""
    book = QuarantineBook()
    crash(book, 0, 1, 2)
    assert book.lift(BAD)
    assert not book.lift(BAD)
    assert crash(book, 3, 4) == [None, None]
    crash(book, 0, 1, 2, key=GOOD)
    assert book.lift_all() == [GOOD]
    assert len(book) == 0


@pytest.mark.parametrize("crashes", [1, 2, 5])
def test_the_policy_says_how_many(crashes):
    """The number is a figure of the policy."""
    book = QuarantineBook(QuarantinePolicy(crashes=crashes))
    assert [each is not None for each in crash(book, *range(crashes))] == [
        *[False] * (crashes - 1), True,
    ]  # fmt: skip


@given(st.lists(st.floats(0.0, 2000.0), max_size=60))
def test_a_quarantine_is_never_longer_than_the_maximum(gaps):
    """Nor shorter than the base, whatever happens when."""
    book, now = QuarantineBook(), 0.0
    for gap in gaps:
        now += gap
        book.over(now)
        found = book.crashed(BAD, now)
        assert found is None or 60 <= found <= 3600
