"""Folds, syncs and marks dirty objects in the background, so that segments become void.

    dirty, in old segments --fold (loop)--> folded --sync (thread)--> mark appended --durable--> clean

Folding is SQLite's checkpoint, without a sync, 20 us for a short WAL: some objects per turn of the
loop; a long WAL is left to a thread (`folding.py`). A mark is written after the file, and once for a
new file its directories, are synced (invariant S6); commits may go on meanwhile.
"""

from __future__ import annotations

import logging
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

import apsw

from sourdough.errors import StorageError
from sourdough.storage.engine import Durability
from sourdough.storage.journal.file import LONG
from sourdough.storage.journal.folding import fold_closed
from sourdough.storage.journal.places import directories_of
from sourdough.storage.journal.records import RecordType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future
    from pathlib import Path

    from sourdough.storage.journal.file import JournalFile
    from sourdough.storage.journal.intents import Intents
    from sourdough.storage.journal.journal import Journal
    from sourdough.storage.journal.ledger import Entry, Ledger
    from sourdough.storage.journal.pages import PagesName

log = logging.getLogger("sourdough.storage")

# So many segments stand behind the current one before the objects in the oldest are marked.
KEEP_SEGMENTS = 2

# Objects folded in one turn of the loop, and synced and marked in one go.
_FOLDED_AT_ONCE = 32
_MARKED_AT_ONCE = 256
# So many times what is kept, and people are told (once for a journal).
_TOO_MANY = 4
# An object whose cursor stays open is looked at again after this, in seconds.
_AGAIN = 0.25


class Marker:
    """The background work of one journal. Runs on the loop; only syncs run in threads."""

    def __init__(
        self,
        *,
        journal: Journal,
        ledger: Ledger,
        intents: Intents,
        may_recycle: Callable[[], bool],
        keep: int = KEEP_SEGMENTS,
    ) -> None:
        """may_recycle: whether no journal of an earlier epoch leans on our records any more."""
        self._journal = journal
        self._ledger = ledger
        self._intents = intents
        self._may_recycle = may_recycle
        self._keep = keep
        self._todo: deque[Entry] = deque()
        self._round: list[tuple[Entry, int, int]] = []
        self._pinned: list[Entry] = []
        self._wanting: dict[JournalFile, None] = {}
        self._sync: Future[Exception | None] | None = None
        self._busy = False
        self._again = False
        self._told = False
        self._synced_directories: set[Path] = set()
        self._ended: Callable[[], None] = lambda: None
        journal.on_segment = self._segment_begun
        journal.on_full = self._make_room
        journal.on_durable = self._fold_wanting

    # --- folding long WALs

    def fold_soon(self, file: JournalFile) -> None:
        """Fold a file's WAL when the journal holds all of it on the medium."""
        self._wanting[file] = None
        self._journal.want_sync()

    def forget(self, file: JournalFile) -> None:
        """A file was closed."""
        self._wanting.pop(file, None)

    def _fold_wanting(self) -> None:
        if self._wanting:
            self._wanting = {
                each: None for each in list(self._wanting) if not self._fold_long(each)
            }

    def _fold_long(self, file: JournalFile) -> bool:
        if not file.fold() and file.is_long(LONG) and not (file.lent or file.is_folding):
            self._journal.flush()  # its object never pauses
            file.fold()
        return not file.is_long(1)

    # --- rounds

    def begin(self, below: int) -> bool:
        """Begin to mark all objects with live records below a use number; False: nothing to do."""
        if self._busy or self._journal.error is not None:
            return self._busy
        self._todo.extend(self._ledger.dirty(below))
        if not self._todo:
            self._recycle()
            return False
        self._busy = True
        self._journal.loop.call_soon(self._step)
        return True

    async def finish(self) -> None:
        """Mark everything; returns when that is done, or cannot go on."""
        while self._busy or self.begin(self._journal.use + 1):
            ended = self._journal.loop.create_future()
            self._ended = lambda: None if ended.done() else ended.set_result(None)  # noqa: B023
            dirty = self._ledger.oldest_use()
            await ended
            if self._ledger.oldest_use() == dirty or self._journal.error is not None:
                return

    def wait(self) -> None:
        """Return when no thread syncs a database."""
        if self._sync is not None:
            self._sync.result()

    def _segment_begun(self) -> None:
        if self._journal.use - self._journal.segments.oldest > self._keep:
            self._renew(self._journal.use - self._keep + 1)

    def _make_room(self) -> None:
        """The disk is full: what was marked can be written again."""
        if not self._journal.closed:
            self._renew(self._journal.use)

    def _renew(self, below: int) -> None:
        """Have what is live in old segments marked, or recorded anew."""
        self._intents.renew(below)
        self.begin(below)

    def _step(self) -> None:
        """Fold some objects; when enough are folded, or all, sync them."""
        if self._journal.closed:
            return
        for _ in range(min(_FOLDED_AT_ONCE, len(self._todo))):
            entry = self._todo.popleft()
            if not entry.first_use or entry.lost:
                continue
            try:
                folded = self._fold(entry)
                if not entry.deleted:
                    self._ledger.descriptor(entry)
            except (OSError, StorageError, apsw.Error):
                continue  # no space, or no file: its records stay live, and it is looked at again
            if not folded:
                self._pinned.append(entry)
            entry.marking = True
            self._round.append((entry, entry.folded, entry.folded_use))
        if self._todo and len(self._round) < _MARKED_AT_ONCE:
            self._journal.loop.call_soon(self._step)
        elif self._round:
            self._sync_round()
        else:
            self._end_round()

    def _fold(self, entry: Entry) -> bool:
        """Have everything of an object so far in its file, as far as that can be now."""
        file = entry.file
        if entry.last > self._journal.durable:
            # It commits without pause. One sync, and no commit before the fold.
            self._journal.flush()
        if self._journal.error is not None:
            return False
        if entry.draft:
            self._ledger.name(entry)
        if file is not None:
            if not file.fold():
                return False
        elif not fold_closed(entry, self._journal, self._ledger.descriptor(entry)):
            return False
        return True

    def _sync_round(self) -> None:
        files: list[int] = []
        directories: dict[Path, None] = {}
        for entry, lsn, _ in self._round:
            if 0 < entry.born <= lsn:
                directories.update(dict.fromkeys(self._unsynced_directories(entry)))
            if not entry.deleted:
                files.append(self._ledger.descriptor(entry))
        self._sync = self._journal.background.submit(self._sync_all, files, list(directories))
        self._sync.add_done_callback(self._synced_in_thread)

    def _unsynced_directories(self, entry: Entry) -> Iterable[Path]:
        slot, *above = directories_of(entry.path)
        return [slot] if slot in self._synced_directories else [slot, *above]

    def _sync_all(self, files: list[int], directories: list[Path]) -> Exception | None:
        """In a thread: contents and names."""
        try:
            self._journal.disk.sync_many(files, directories)
        except Exception as error:  # noqa: BLE001 (it travels to the loop)
            return error
        self._synced_directories.update(directories)
        return None

    def _synced_in_thread(self, sync: Future[Exception | None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._journal.loop.call_soon_threadsafe(self._synced, sync)

    def _synced(self, sync: Future[Exception | None]) -> None:
        error, self._sync = sync.result(), None
        if self._journal.closed:
            return
        if error is not None:
            self._journal.fail(error)
            return
        lsn = count = 0
        with suppress(OSError):  # the journal is full: the others stay live
            for entry, covered, _ in self._round:
                lsn = self._journal.append(
                    RecordType.MARK, entry.packed, covered.to_bytes(8, "little"), base=covered
                )
                count += 1
        for entry, *_ in self._round[count:]:
            entry.marking = False
        del self._round[count:]
        self._journal.when(lsn, Durability.DISK, self, self._marked)

    def _marked(self, error: Exception | None) -> None:
        if error is not None or self._journal.closed:
            return
        done, self._round = self._round, []
        void: list[PagesName] = []
        for entry, lsn, use in done:
            entry.marking = False
            entry.marked(lsn, use)
            void += entry.big.marked(lsn) if entry.big is not None else ()
            self._ledger.tidy(entry)
        pinned, self._pinned = self._pinned, []
        for entry in pinned:
            if entry.file is not None:
                entry.file.carry_over()
        if void:
            self._journal.background.submit(self._remove_pages, void)
        if self._todo:
            self._journal.loop.call_soon(self._step)
        else:
            self._end_round()

    def _remove_pages(self, names: list[PagesName]) -> None:
        with suppress(OSError):  # then the next life removes them
            for name in names:
                self._journal.disk.unlink(self._journal.folder / str(name))

    def _end_round(self) -> None:
        self._busy = False
        self._recycle()
        self._ended()

    def _recycle(self) -> None:
        """Give up the segments whose every record is void; see again later what is held up."""
        below = min(
            self._ledger.oldest_use() or self._journal.use,
            self._intents.oldest_use() or self._journal.use,
        )
        if self._may_recycle() and below > self._journal.segments.oldest:
            self._journal.background.submit(self._journal.segments.recycle, below)
        if self._journal.use - below > _TOO_MANY * (self._keep + 1) and not self._told:
            self._told = True
            log.warning(
                "the journal holds %d segments: objects in the oldest cannot be folded",
                self._journal.use - below,
            )
        if self._journal.use - below > self._keep and not self._again:
            self._again = True
            self._journal.loop.call_later(_AGAIN, self._look_again)

    def _look_again(self) -> None:
        self._again = False
        if not self._journal.closed:
            self._segment_begun()
