"""Credit: how much of a body may be on its way (invariant D5).

A sender may have `available` more bytes in flight on a stream, and so many on the whole link. The
receiver gives credit back as its reader consumes, in portions of half a window, so a slow reader
slows its writer down and nothing else.
"""

from __future__ import annotations

STREAM_WINDOW = 256 * 1024
# What readers that take nothing may hold of a link before its streams are kept short.
LINK_WINDOW = 64 * 1024 * 1024
# A stream with at least so much of its own window left goes on, in small pieces, on a link without
# credit: readers that take nothing slow the others down, but never stall them.
SPARE_WINDOW = STREAM_WINDOW // 2
SPARE_PIECE = 16 * 1024


class SendCredit:
    """What a sender may still send; that of a link may be below zero (`SPARE_WINDOW`)."""

    __slots__ = ("available",)

    def __init__(self, available: int) -> None:
        self.available = available

    def grant(self, amount: int) -> None:
        self.available += amount

    def take(self, wanted: int) -> int:
        """Take up to `wanted` bytes of credit; return how many there were."""
        taken = min(wanted, self.available)
        self.available -= taken
        return taken


class ReceiveCredit:
    """What a receiver has taken in, and what it owes the sender."""

    __slots__ = ("_owed", "_portion", "outstanding")

    def __init__(self, window: int) -> None:
        self._portion = window // 2
        self._owed = 0
        self.outstanding = 0
        """Bytes received and not yet consumed."""

    def received(self, amount: int) -> None:
        self.outstanding += amount

    def consumed(self, amount: int) -> int:
        """Note that the reader took `amount` bytes; return the credit to send now, often 0."""
        self.outstanding -= amount
        self._owed += amount
        if self._owed < self._portion:
            return 0
        owed, self._owed = self._owed, 0
        return owed
