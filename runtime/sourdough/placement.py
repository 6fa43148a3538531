"""Where an id lives: id -> slot -> seat, by pure functions (invariants P1, S14).

A slot is the first 12 bits of an id, for ever. Seats divide the slots among themselves by jump
consistent hashing, so a change of the number of seats moves only the slots that must move.
"""

from __future__ import annotations

SLOTS = 4096


def slot_of(raw: bytes) -> int:
    """Return the slot (0..4095) of an id."""
    return raw[0] << 4 | raw[1] >> 4


def slot_of_key(key: bytes) -> int:
    """Return the slot of the object under a key: storage name, then the 32 bytes of the id."""
    return key[-32] << 4 | key[-31] >> 4


def seat_of(slot: int, seats: int) -> int:
    """Return the seat (1..seats) that owns a slot.

    Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm". The slot is spread
    first by a 64-bit multiplication, so that neighbouring slots do not go together.
    """
    key = (slot + 1) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
    bucket, candidate = 0, 0
    while candidate < seats:
        bucket = candidate
        key = (key * 2862933555777941757 + 1) & 0xFFFFFFFFFFFFFFFF
        candidate = int((bucket + 1) * ((1 << 31) / ((key >> 33) + 1)))
    return bucket + 1


def seat_table(seats: int) -> list[int]:
    """Return the seat of every slot; the look-up table of gateways and hosts."""
    if seats < 1:
        raise ValueError(f"at least one seat is needed, got {seats}")
    return [seat_of(slot, seats) for slot in range(SLOTS)]
