"""The journal of a host put together: batches, ledger, marks, and what dead predecessors left."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sourdough.errors import StorageError
from sourdough.storage.engine import Durability
from sourdough.storage.failure import is_full
from sourdough.storage.journal.adoption import Adoption
from sourdough.storage.journal.damage import RESTORE, read_damaged, write_damaged
from sourdough.storage.journal.engine import JournalEngine
from sourdough.storage.journal.file import FOLD_BYTES
from sourdough.storage.journal.intents import Intents
from sourdough.storage.journal.journal import UNSYNCED_BYTES, Journal
from sourdough.storage.journal.ledger import Ledger
from sourdough.storage.journal.marker import KEEP_SEGMENTS, Marker
from sourdough.storage.journal.places import key_of
from sourdough.storage.journal.reader import read_journals
from sourdough.storage.journal.redo import redo
from sourdough.storage.journal.scraps import Scraps
from sourdough.storage.journal.segments import SEGMENT_BYTES
from sourdough.storage.limits import DEFAULT_LIMITS, SqlLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sourdough.storage.journal.disk import Disk
    from sourdough.storage.journal.ledger import Entry

# A seat is given away after this, in seconds, whether everything is marked or not.
RELEASE_SECONDS = 1.0


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
        void_before: int = 0,
    ) -> None:
        """Begin a journal, and adopt what is left of the seat's earlier ones; see `Journal`.

        void_before: as in `Life`. Raises OSError, StorageError.
        """
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
        self.scraps = Scraps(disk, self.journal.background)
        self.intents = Intents(self.journal)
        self.marker = Marker(
            journal=self.journal,
            ledger=self.ledger,
            intents=self.intents,
            may_recycle=lambda: self.adoption.done,
            keep=keep_segments,
        )
        self._damaged = read_damaged(root, disk)
        self.adoption = Adoption(self.journal, void_before, self._damaged)
        self.adoption.start()

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
        """Have an object's file hold all that journals say of it, before it is looked at.

        Raises StorageError for one that is damaged, OSError.
        """
        self._adopt(path)
        if self._damaged:
            reason = self._damaged.get(key_of(path).packed())
            if reason is not None:
                raise StorageError(
                    f"the object is damaged: {reason}", place=str(path), hint=RESTORE
                )
        entry = self.ledger.get(path)
        if entry is not None and entry.lost:
            with self._final():
                self._redo_own(entry)

    def repair_for_removal(self, path: Path) -> None:
        """The same, where it does not matter whether it can be repaired. Raises OSError."""
        self._adopt(path)
        if self._damaged.pop(key_of(path).packed(), None) is not None:
            write_damaged(self.journal.root, dict(self._damaged), self.journal.disk)

    def _adopt(self, path: Path) -> None:
        if not self.adoption.done:
            if self.journal.error is not None:
                raise StorageError(f"the disk failed: {self.journal.error}", place=str(path))
            with self._final():
                self.adoption.repair(path)

    @contextmanager
    def _final(self) -> Iterator[None]:
        """What fails while pages are redone is not tried again (invariant S2).

        But for want of room: another redo writes, and syncs, all of them anew.
        """
        try:
            yield
        except OSError as error:
            if not is_full(error):
                self.journal.fail(error)
            raise

    def _redo_own(self, entry: Entry) -> None:
        """The database has a commit that the journal has not: go back to what the journal has."""
        self.journal.flush()
        entry.stop_folding()
        if entry.big is not None:
            entry.big.block()
        if self.journal.error is not None:
            raise StorageError(str(self.journal.error), place=str(entry.path))
        if entry.draft:
            self.ledger.name(entry)
        mine = (self.journal.seat, self.journal.epoch)
        with self.journal.segments.unchanged():
            reading = read_journals(
                self.journal.folder, self.journal.disk, lambda name: (name.seat, name.epoch) == mine
            )
        fate = reading.fates.get(entry.packed)
        if fate is not None:
            redo(entry.path, fate.live(), self.journal.disk)
        entry.lost = False
        entry.fold_ended(self.journal.use)

    async def release(self) -> None:
        """End the journal; every database is closed.

        Where all of it can be marked in time nothing is left; else the next owner redoes the rest.
        """
        self.scraps.clear()
        try:
            async with asyncio.timeout(RELEASE_SECONDS):
                await self.marker.finish()
        except TimeoutError:
            pass
        clean = self.adoption.done and self.journal.error is None
        marked = self.ledger.oldest_use() is None and self.intents.oldest_use() is None
        if clean and marked:
            try:
                self.journal.end(discard=True)
            except OSError as error:
                self.journal.fail(error)
            self.ledger.close()
        else:
            self.close()

    def close(self) -> None:
        """End the threads and close the files; what is live stays for the next owner."""
        self.marker.wait()
        self.journal.end()
        self.ledger.close()
