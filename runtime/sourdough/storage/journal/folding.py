"""Writes the pages of a long `-wal` into its database file in a thread, while the object goes on.

    long --copied (thread)--> what came meanwhile is short --copied (loop), connection closed--> folded

SQLite's checkpoint needs the connection: for a `-wal` of 100 MB the loop would stand still for 0.2
to 0.5 s. A thread can do without: SQLite looks for a page in its file only where the `-wal` has no
frame of it that it takes for unfolded, so of what is written here it reads nothing. It does not
learn of it either; therefore the end of it is that the connection is closed, with a `-wal` that is
made empty, and opened again by the next use (it *dozes*, `connected.py`).

Only what the journal holds on the medium may be copied (invariant S5); nothing is synced. Where it is
cut short nothing is lost: the frames are where they were.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from sourdough.errors import StorageError
from sourdough.storage.journal.page_writer import FRAME_HEADER, PageWriter, size_after

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from sourdough.storage.journal.journal import Journal
    from sourdough.storage.journal.ledger import Entry

WAL_HEADER = 32

_PAGE_SIZE = slice(8, 12)
# Between two of them it can be stopped, and the interpreter is free.
_CHUNK = 512 * 1024
# So much of a closed database's is copied on the loop, in some ms.
_AT_ONCE = 4 * 1024 * 1024


class Folding:
    """That of one `-wal` until it begins anew. Runs on the loop; only `_copy` runs in a thread."""

    __slots__ = ("_fd", "_journal", "_running", "_size", "_stopped", "_wal", "copied")

    def __init__(self, journal: Journal, *, wal: Path, fd: int, begin: int) -> None:
        """fd: of the database file, open as long as this runs. begin: SQLite has folded so far."""
        self._journal = journal
        self._wal = wal
        self._fd = fd
        self._running: Future[None] | None = None
        self._stopped = False
        self._size = 0
        self.copied = begin
        """Up to here the `-wal` is in the file."""

    @property
    def runs(self) -> bool:
        """Whether a thread is at it."""
        return self._running is not None and not self._running.done()

    @property
    def failed(self) -> bool:
        """Whether a thread could not do it: the disk is full, or a file is gone."""
        return self._running is not None and self._running.exception() is not None

    def begin(self, end: int, ended: Callable[[], None]) -> None:
        """Copy up to the end of a commit, in a thread; `ended` is called on the loop."""

        def told(_: Future[None]) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._journal.loop.call_soon_threadsafe(ended)

        self._running = self._journal.folds.submit(self._copy, end)
        self._running.add_done_callback(told)

    async def wait(self) -> None:
        """Return when the thread has ended, whatever became of it."""
        if self._running is not None:
            ended = asyncio.wrap_future(self._running)
            await asyncio.wait([ended])
            ended.exception()

    def finish(self, end: int) -> None:
        """Copy what is left now, and set the file's size. Raises OSError, StorageError."""
        self._copy(end)
        if self.copied != end or not self._size:
            raise StorageError("the journal has ended", place=str(self._wal))
        self._journal.disk.truncate(self._fd, self._size)

    def stop(self) -> None:
        """Return when no thread is at it any more."""
        self._stopped = True
        if self._running is not None:
            self._running.exception()

    def _copy(self, end: int) -> None:
        disk = self._journal.disk
        wal = disk.open(self._wal)
        try:
            page_size = int.from_bytes(disk.pread(wal, WAL_HEADER, 0)[_PAGE_SIZE], "big")
            frame = FRAME_HEADER + page_size
            pages = PageWriter(self._fd, disk)
            step = max(1, _CHUNK // frame) * frame
            while self.copied < end:
                if self._stopped or self._journal.closed:
                    return
                size = min(step, end - self.copied)
                frames = disk.pread(wal, size, self.copied)
                if len(frames) != size:
                    raise StorageError("the frames of a commit are gone", place=str(self._wal))
                pages.take_frames(memoryview(frames), page_size)
                pages.flush(page_size)
                self.copied += size
                if self.copied == end:
                    self._size = size_after(frames[-frame:]) * page_size
        finally:
            disk.close(wal)


def is_recorded(entry: Entry, journal: Journal) -> bool:
    """Say whether the journal holds all of an object on the medium (invariant S5)."""
    copied = entry.big is None or entry.big.first is None
    return copied and entry.last <= journal.durable


def fold_closed(entry: Entry, journal: Journal, fd: int) -> bool:
    """Fold what an abandoned connection has left in the `-wal`; say whether all is in the file.

    fd: of the database file. A long one is left to a thread: then later. Raises OSError,
    StorageError.
    """
    if not entry.kept_end:
        return True
    if not is_recorded(entry, journal):
        return False
    folding = entry.folding
    if folding is None:
        folding = Folding(journal, wal=entry.wal, fd=fd, begin=WAL_HEADER)
        if entry.kept_end > _AT_ONCE:
            entry.folding = folding
            folding.begin(entry.kept_end, lambda: None)
            return False
    elif folding.runs:
        return False
    entry.folding = None
    folding.finish(entry.kept_end)
    journal.disk.unlink(entry.wal)
    entry.kept_end = 0
    entry.fold_ended(journal.use)
    return True
