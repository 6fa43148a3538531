"""What the records of journals, taken together, say about each object. Pure.

Records come in the order of (epoch, lsn). A record voids all of earlier epochs, since an owner
begins only when those are in the synced file; its base, a mark, a new image or a deletion void what
came before in its own epoch. What is left is live: to be redone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sourdough.storage.journal.intents import decode_due
from sourdough.storage.journal.records import RecordType

if TYPE_CHECKING:
    from pathlib import Path

    from sourdough.storage.journal.records import Record


_UNKNOWN_DUE = 0


class Live(msgspec.Struct, frozen=True, gc=False):
    """A record that has to be redone, and where its payload is."""

    type: int
    seat: int
    epoch: int
    lsn: int
    previous: int
    page_size: int
    pages: int
    flags: int
    segment: Path
    offset: int
    size: int


class Fate:
    """One object's records so far."""

    __slots__ = ("_damage", "_damaged_at", "_live", "_void", "epoch", "intent", "intent_at")

    def __init__(self) -> None:
        self.epoch = 0
        self._damage = ""
        self._damaged_at = 0
        self._void = 0
        self._live: list[Live] = []
        self.intent: int | None = None
        """The last alarm that was noted ahead of its commit, in ms (invariant S11)."""
        self.intent_at = (0, 0, 0)
        """Seat, epoch, lsn of the record that says so."""

    def take(self, record: Record, segment: Path) -> None:
        """Take the next record."""
        if record.epoch > self.epoch:
            self.epoch, self._void, self._damaged_at = record.epoch, 0, 0
            self._live = []
        self._void = max(self._void, record.base)
        if record.type == RecordType.MARK:
            if record.intact:  # its base says the same
                self._void = max(self._void, int.from_bytes(record.payload, "little"))
        elif record.type == RecordType.INTENT:
            # Which time it was the object's database knows: it is woken, and decides.
            self.intent = decode_due(record.payload) if record.intact else _UNKNOWN_DUE
            self.intent_at = (record.seat, record.epoch, record.lsn)
        else:
            if record.type != RecordType.COMMIT:
                self._live, self._damaged_at = [], 0
            self._live.append(_live(record, segment))

    def live(self) -> list[Live]:
        """Return what is to be redone, in order.

        A journal that was adopted goes oldest segment first, when all of it is redone. So a commit
        whose predecessor is neither void nor there is one of those: it may even have been given up.
        """
        live = [each for each in self._live if each.lsn > self._void]
        if live and live[0].type == RecordType.COMMIT and live[0].previous > self._void:
            return []
        return live

    def cut(self, lsn: int) -> None:
        """Give up a record and those after it: nobody was told of them."""
        self._live = [each for each in self._live if each.lsn < lsn]

    @property
    def damage(self) -> str | None:
        """Why its database cannot be repaired; None where it can be."""
        return self._damage if self._damaged_at > self._void else None

    def damaged(self, lsn: int, reason: str) -> None:
        """Note that a record cannot be read; a later mark, image or deletion makes up for it."""
        self._damaged_at, self._damage = lsn, reason

    def missing(self, lost: range, reason: str, *, seat: int) -> None:
        """Note that records of a seat are not there; the object's own follow each other by number."""
        for each in self._live:
            if each.seat == seat and each.type == RecordType.COMMIT and each.previous in lost:
                self.damaged(each.previous, reason)


def _live(record: Record, segment: Path) -> Live:
    return Live(
        record.type, record.seat, record.epoch, record.lsn, record.previous, record.page_size,
        record.pages, record.flags, segment, record.begin, len(record.payload),
    )  # fmt: skip
