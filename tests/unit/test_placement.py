"""Slots and seats: golden tables, balance, and how little moves."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sourdough.placement import SLOTS, seat_of, seat_table, slot_of, slot_of_key

# Which seat a slot has under how many seats is a format: these never change.
GOLDEN = {
    1: "c28ea274f11d5631",
    2: "aa48c1675b079dc5",
    3: "f79443e6d37f057e",
    8: "4d7e2e2ec895bee7",
    64: "c69609451ea2044e",
    1024: "c53331da886da31c",
}


@pytest.mark.parametrize(("seats", "digest"), GOLDEN.items())
def test_golden_tables(seats, digest):
    """The seats of all 4096 slots are the same for ever (invariant P1)."""
    text = ",".join(map(str, seat_table(seats)))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == digest


def test_golden_seats():
    """The first slots under eight seats, in the open."""
    assert [seat_of(slot, 8) for slot in range(8)] == [4, 6, 4, 3, 7, 3, 7, 6]


@pytest.mark.parametrize(
    ("start", "slot"), [("000", 0), ("001", 1), ("fff", 4095), ("a5c", 0xA5C), ("0f0", 0x0F0)]
)
def test_a_slot_is_the_first_twelve_bits(start, slot):
    """Three hex digits of the id, for ever (invariant S14)."""
    raw = bytes.fromhex(start + "7" * 61)
    assert slot_of(raw) == slot
    assert slot_of_key(b"Counter" + raw) == slot


@settings(max_examples=60)
@given(st.integers(1, 1023))
def test_growth_moves_only_what_must_move(seats):
    """With one seat more a slot stays, or goes to the new seat (invariant P1)."""
    before, after = seat_table(seats), seat_table(seats + 1)
    moved = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert all(new == seats + 1 for _, new in moved)
    # And not too many of them: the new seat's share, give or take.
    assert len(moved) <= 2 * SLOTS / (seats + 1) + 30


@settings(max_examples=40)
@given(st.integers(2, 1024), st.integers(1, 1024))
def test_shrinking_moves_only_the_slots_of_the_seats_that_go(seats, fewer):
    """Slots of seats that stay do not move."""
    fewer = min(fewer, seats)
    before, after = seat_table(seats), seat_table(fewer)
    for old, new in zip(before, after, strict=True):
        assert new == old if old <= fewer else 1 <= new <= fewer


@pytest.mark.parametrize("seats", [2, 3, 4, 8, 16, 32])
def test_seats_have_about_as_many_slots(seats):
    """No seat carries much more than its share."""
    table = seat_table(seats)
    share = SLOTS / seats
    for seat in range(1, seats + 1):
        assert 0.7 * share < table.count(seat) < 1.35 * share


def test_there_is_at_least_one_seat():
    """A table without seats is an error of ours."""
    with pytest.raises(ValueError, match="at least one seat"):
        seat_table(0)
