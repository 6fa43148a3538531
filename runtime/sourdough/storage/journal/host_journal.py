"""The journal of a host put together: batches, ledger, marks, and what dead predecessors left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.storage.engine import Durability
from sourdough.storage.journal.engine import JournalEngine
from sourdough.storage.journal.file import FOLD_BYTES
from sourdough.storage.journal.journal import UNSYNCED_BYTES, Journal
from sourdough.storage.journal.ledger import Ledger
from sourdough.storage.journal.marker import KEEP_SEGMENTS, Marker
from sourdough.storage.journal.segments import SEGMENT_BYTES
from sourdough.storage.limits import DEFAULT_LIMITS, SqlLimits

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from pathlib import Path

    from sourdough.storage.journal.disk import Disk


class HostJournal:
    """One per host and epoch. Everything runs on the loop."""

    def __init__(
        self,
        *,
        root: Path,
        seat: int,
        epoch: int,
        disk: Disk,
        loop: asyncio.AbstractEventLoop,
        on_failed: Callable[[Exception], None],
        on_congested: Callable[[bool], None] | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        unsynced_bytes: int = UNSYNCED_BYTES,
        keep_segments: int = KEEP_SEGMENTS,
    ) -> None:
        """Begin a journal; see `Journal`. Raises OSError."""
        self.journal = Journal(
            root=root,
            seat=seat,
            epoch=epoch,
            disk=disk,
            loop=loop,
            on_failed=on_failed,
            on_congested=on_congested,
            segment_bytes=segment_bytes,
            unsynced_bytes=unsynced_bytes,
        )
        self.ledger = Ledger(root, disk)
        self.marker = Marker(
            journal=self.journal,
            ledger=self.ledger,
            may_recycle=lambda: True,
            keep=keep_segments,
        )

    def engine(
        self,
        *,
        durability: Durability = Durability.DISK,
        limits: SqlLimits = DEFAULT_LIMITS,
        fold_bytes: int = FOLD_BYTES,
    ) -> JournalEngine:
        """Return the engine for objects whose commits must get so far before answers leave."""
        return JournalEngine(self, durability=durability, limits=limits, fold_bytes=fold_bytes)

    def repair(self, path: Path) -> None:
        """Have an object's file hold all that journals say of it, before it is looked at."""

    def close(self) -> None:
        """End the threads and close the files; what is live stays for the next owner."""
        self.marker.wait()
        self.journal.close()
        self.ledger.close()
