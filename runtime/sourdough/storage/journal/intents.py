"""Earlier alarms that the coordinator's index is not known to hold yet (invariant S11).

    noted (a record, before the commit that sets the alarm) --index has kept it--> gone

So no commit waits for the coordinator: whatever crashes, the next owner of the seat, or the next
start of the server, finds the record and tells the index. It may tell too much: an early time wakes
an object for nothing, which decides for itself. A segment with a noted intent is not used again;
where the index is silent for long, intents are noted anew, so that they pin no old segment. There is
one for each object, the newest, and so many that commits wait for the index instead.

Each says up to where the index held everything when it was noted: what is below is told to nobody.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from sourdough.storage.journal.records import RecordType

if TYPE_CHECKING:
    from sourdough.storage.journal.journal import Journal

# 1.5 MB when all are noted anew: a tenth of a segment.
MOST = 10_000

_DUE_BYTES = 8


def encode_due(due: int) -> bytes:
    """Return the payload of a record. due: milliseconds since the Unix epoch."""
    return due.to_bytes(_DUE_BYTES, "little")


def decode_due(payload: memoryview) -> int:
    """Read the payload of a record."""
    return int.from_bytes(payload, "little")


class _Noted(NamedTuple):
    number: int
    """By which it is said to be kept: the lsn of its first record."""
    lsn: int
    use: int
    """The segment of its last record."""
    due: int


class Intents:
    """Those of one journal. Everything runs on the loop."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._noted: dict[bytes, _Noted] = {}
        """By packed key; oldest record first."""
        self._replaced: deque[tuple[int, int]] = deque()
        """Record that replaces another, segment of that one: it counts until the new is durable."""

    def has_room(self, packed: bytes) -> bool:
        """Say whether another may be noted of an object."""
        return len(self._noted) < MOST or packed in self._noted

    def note(self, packed: bytes, due: int, *, sync: bool) -> int:
        """Note an earlier alarm; its commit comes behind. Return the number to say `kept` of.

        Raises OSError where the disk is full.
        """
        lsn = self._append(packed, due, sync=sync)
        self._noted[packed] = _Noted(lsn, lsn, self._journal.use, due)
        return lsn

    def kept(self, packed: bytes, number: int) -> None:
        """The index holds that time or an earlier one, durably."""
        noted = self._noted.get(packed)
        if noted is not None and noted.number == number:
            del self._noted[packed]

    def renew(self, below: int) -> None:
        """Note those anew whose records are in segments below a use number."""
        old = [each for each in self._noted.items() if each[1].use < below]
        with suppress(OSError):  # the disk is full: they stay where they are
            for packed, noted in old:
                lsn = self._append(packed, noted.due, sync=True)
                self._noted[packed] = _Noted(noted.number, lsn, self._journal.use, noted.due)

    def oldest_use(self) -> int | None:
        """Return the segment of the oldest that the index may not hold; None: it holds all."""
        while self._replaced and self._replaced[0][0] <= self._journal.durable:
            self._replaced.popleft()
        uses = [use for _, use in self._replaced]
        uses += [noted.use for noted in self._noted.values()][:1]
        return min(uses, default=None)

    def _append(self, packed: bytes, due: int, *, sync: bool) -> int:
        """Append a record; the object's older one, if any, gives up its place."""
        oldest = next((noted.lsn for noted in self._noted.values()), self._journal.lsn + 1)
        lsn = self._journal.append(
            RecordType.INTENT, packed, encode_due(due), previous=oldest, sync=sync
        )
        noted = self._noted.pop(packed, None)
        if noted is not None:
            self._replaced.append((lsn, noted.use))
        return lsn
