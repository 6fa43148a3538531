"""One object's open database file under the `JournalEngine`.

After each commit SQLite calls the WAL hook; it reads exactly the new frames from the `-wal` and
appends them to the journal as one record. They are read then and not earlier: a page that was
spilled twice in a transaction is overwritten in place until the commit.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import apsw

from sourdough.errors import StorageError
from sourdough.storage.connection import run
from sourdough.storage.engine import Durability, wait_until_durable
from sourdough.storage.failure import write_error
from sourdough.storage.journal.big import BigCommits
from sourdough.storage.journal.carrying import void_older
from sourdough.storage.journal.folding import WAL_HEADER, Folding, is_recorded
from sourdough.storage.journal.on_medium import OnMedium
from sourdough.storage.journal.page_writer import FRAME_HEADER, size_after
from sourdough.storage.journal.records import IN_PAGES_FILE, RecordType

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sourdough.storage.journal.engine import JournalEngine
    from sourdough.storage.journal.ledger import Entry

# A `-wal` that has grown to this size is folded into its file at the next quiet moment.
FOLD_BYTES = 1024 * 1024

# One that has grown so many times as long is folded by a thread (`folding.py`).
LONG = 4

# A `-wal` that is longer is removed when its file dozes.
_KEPT_BYTES = 64 * 1024

_UNRECORDED = "a commit could not be written to the journal"

_SALT = slice(8, 16)


class JournalFile:
    """Implements `ObjectFile`. Commit numbers are lsns of the journal."""

    __slots__ = (
        "_as_draft", "_dozes", "_ended", "_engine", "_entry", "_error", "_folded", "_frame", "_journal",
        "_page_size", "_salt", "_sync", "_wal_end", "_wal_fd", "commits", "connection", "lent", "rest",
    )  # fmt: skip

    def __init__(self, *, engine: JournalEngine, entry: Entry, connection: apsw.Connection) -> None:
        self.connection = connection
        self.commits = entry.last
        self.lent = False
        self.rest: Callable[[], bool] = lambda: False
        self._engine = engine
        self._journal = engine.journal
        self._sync = engine.durability is Durability.DISK
        self._entry = entry
        self._page_size = int(str(run(connection, "PRAGMA page_size")[0][0]))
        self._frame = FRAME_HEADER + self._page_size
        self._wal_fd: int | None = None
        # Up to where SQLite itself has folded the `-wal` of which salt.
        self._folded = (WAL_HEADER, b"")
        self._ended = False
        self._dozes = False
        self._as_draft = entry.draft
        self._error: Exception | None = None
        entry.file = self
        # SQLite goes on behind the last commit that it finds: the last one recorded.
        self._wal_end, self._salt = entry.kept_end, entry.kept_salt
        connection.set_wal_hook(self._wal_grew)

    @property
    def path(self) -> Path:
        return self._entry.path

    @property
    def durable(self) -> int:
        """The last of the object's commits that is as durable as its class asks for."""
        reached = self._journal.reached(self._engine.durability)
        big = self._entry.big
        if big is not None and big.first is not None and reached >= big.first:
            reached = reached if self._engine.durability is Durability.MEMORY else big.first - 1
        return min(reached, self.commits)

    @property
    def in_order(self) -> bool:
        """Whether its commits are durable when the journal has reached them: none is being copied."""
        return self._entry.big is None or self._entry.big.first is None

    def committed(self) -> int:
        """Return the number of the last commit. Raises StorageError for one that is not recorded."""
        if self._error is not None:
            raise write_error(_UNRECORDED, self._error, path=self.path) from self._error
        return self.commits

    def admit(self) -> None:
        """Raise StorageFullError while no commit can be recorded; then nothing is committed."""
        try:
            self._journal.admit()
        except OSError as error:
            raise write_error(_UNRECORDED, error, path=self.path) from error

    def when_durable(self, commit: int, callback: Callable[[Exception | None], None]) -> None:
        """Call back once; at once where the answer is known already."""
        if self._entry.big is None:
            self._journal.when(commit, self._engine.durability, self, callback)
        else:
            self.when(commit, self._engine.durability, callback)

    def when(
        self, commit: int, level: Durability, callback: Callable[[Exception | None], None]
    ) -> None:
        """Call back once when a commit is as durable as `level` says."""
        big = self._entry.big
        if big is None or big.first is None or commit < big.first or level is Durability.MEMORY:
            self._journal.when(commit, level, self, callback)
        else:
            big.wait(self, lambda: self.when(commit, level, callback), callback)

    async def close(self, *, fold: bool) -> None:
        """Wait until everything is on the medium, fold, close. Nothing is synced for it."""
        await wait_until_durable(OnMedium(self), self.commits)
        await self._copied_beside()
        self._ended = True
        if self._dozes:
            self._engine.leave_wal(self._entry, keep=True)
            return
        folded = self._fold_to_close()
        self.connection.close(True)
        if folded and self._void_wal():
            self._engine.leave_wal(self._entry, keep=True)
        self._close_wal()
        self._closed(kept=not folded)

    def doze(self) -> bool:
        """Fold and close, where the journal holds all of it on the medium already."""
        if self._entry.last > self._journal.durable:
            self._journal.want_sync()  # its class may not, and then nobody would
            return False
        if self._entry.draft or not self._fold_to_close():
            return False
        self._dozes = True
        self.connection.close(True)
        del self.connection  # thousands may doze
        self._void_wal()
        self._close_wal()
        self._closed(kept=False)
        return True

    def wake(self) -> apsw.Connection:
        """Open a file that dozes; nobody has opened it meanwhile. Raises StorageError."""
        entry = self._engine.entry(self.path)
        self.connection = self._engine.connect(entry)
        self._dozes = self._as_draft = False
        self._wal_end, self._salt = 0, b""
        self._entry, entry.file = entry, self
        self.connection.set_wal_hook(self._wal_grew)
        return self.connection

    def abandon(self, error: Exception) -> None:
        """Close now. What was committed stays in the `-wal` until the next opening."""
        if self._ended:
            return
        self._ended = True
        if self._dozes:
            self._engine.leave_wal(self._entry, keep=True)
            return
        self.connection.close(True)
        self._close_wal()
        self._entry.stop_folding()
        empty = not self._wal_end
        if self._error is not None and self.in_order:  # else a thread reads it, `redo` removes it
            self._engine.remove_wal(self._entry)
        elif empty:
            self._engine.leave_wal(self._entry, keep=not self._as_draft)
        self._entry.lost = self._error is not None
        self._closed(kept=not empty and self._error is None)
        self._journal.give_up(self, error)
        if self._entry.big is not None:
            self._entry.big.give_up(self, error)

    def fold(self) -> bool:
        """Write the pages of the `-wal` into the file; say whether all of them are there now.

        Only what the journal holds durably may be folded (invariant S5): a recovery could not
        repair the half of anything else. An open cursor or a lent connection means later, and so
        does a long `-wal`: a thread is at it, and in the end the database has to doze for it.
        """
        if not self._may_fold():
            return False
        if self._is_folded_beside():
            return self._fold_beside() and self.rest()
        return self._checkpoint()

    def carry_over(self) -> None:
        """Record the whole `-wal` again, so that older records of what is in it become void.

        For a database that cannot be folded, because somebody keeps a cursor open or has lent its
        connection: it must not pin the journal for ever (invariant S12). What is not in the `-wal`
        must have been folded and marked before: else a later round does it. The older records are
        void when all of the new one is durable, its file of pages as well, and not before.
        """
        entry, journal = self._entry, self._journal
        if self._error is not None or not self._wal_end or self.is_folding:
            return
        if entry.folded > entry.base or not is_recorded(entry, journal):
            return
        start, self._wal_end = self._wal_end, 0
        try:
            self._record((start - WAL_HEADER) // self._frame)
        except Exception:  # noqa: BLE001 (its records stay live: the next round tries again)
            self._wal_end = start  # or `fold` would take all of it for folded
            return
        void_older(self, entry, journal)

    def is_long(self, times: int) -> bool:
        """Whether the `-wal` holds so many times what it should, not folded."""
        limit = times * self._engine.fold_bytes
        return self.commits > self._entry.folded and self._wal_end >= limit

    @property
    def is_folding(self) -> bool:
        """Whether a thread writes the `-wal` into the file."""
        return self._entry.folding is not None and self._entry.folding.runs

    # --- folding

    def _may_fold(self) -> bool:
        return not self.lent and self._error is None and is_recorded(self._entry, self._journal)

    def _is_folded_beside(self) -> bool:
        return self._entry.folding is not None or self.is_long(LONG)

    def _checkpoint(self) -> bool:
        if self._wal_end:
            try:
                frames, done = self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            except apsw.Error:
                return False
            if frames != done:
                return False
            self._folded = (self._wal_end, self._salt)
        self._entry.fold_ended(self._journal.use)
        return True

    def _fold_beside(self) -> bool:
        """Have a thread go on; say whether what is left is short."""
        entry, folding = self._entry, self._entry.folding
        if folding is None:
            end, salt = self._folded
            try:
                fd = self._engine.descriptor(entry)
            except OSError:
                return False
            begin = end if salt == self._salt else WAL_HEADER
            folding = entry.folding = Folding(self._journal, wal=entry.wal, fd=fd, begin=begin)
        elif folding.runs:
            return False
        elif folding.failed:
            entry.folding = None
            return False
        elif self._wal_end - folding.copied <= self._engine.fold_bytes:
            return True
        folding.begin(self._wal_end, self._copied)
        return False

    async def _copied_beside(self) -> None:
        while self._may_fold() and self._is_folded_beside() and not self._fold_beside():
            if self._entry.folding is None:  # there is no room: it stays in the `-wal`
                return
            await self._entry.folding.wait()

    def _copied(self) -> None:
        if self._entry.file is self and not self._ended:
            self._engine.fold_soon(self)

    def _fold_to_close(self) -> bool:
        """Fold; the connection is closed next, as SQLite does not know what a thread has folded."""
        if not self._may_fold():
            return False
        if not self._is_folded_beside():
            return self._checkpoint()
        entry = self._entry
        if not self._fold_beside() or entry.folding is None:
            return False
        folding, entry.folding = entry.folding, None
        try:
            folding.finish(self._wal_end)
        except (OSError, StorageError):
            return False
        entry.fold_ended(self._journal.use)
        return True

    # --- commits

    def _wal_grew(self, _connection: apsw.Connection, database: str, pages: int) -> int:
        """SQLite's hook: called by every commit that wrote something."""
        if database == "main" and self._error is None:
            try:
                self._record(pages)
            except Exception as error:  # noqa: BLE001 (raised by `committed`; the commit stays)
                self._error = error
        return apsw.SQLITE_OK

    def _record(self, pages: int) -> None:
        entry, journal = self._entry, self._journal
        end = WAL_HEADER + pages * self._frame
        start = self._wal_end
        if end - (start if start < end else WAL_HEADER) > journal.largest:
            self._record_big(end)
            return
        frames = self._new_frames(end)
        self.commits = journal.append(
            RecordType.COMMIT, entry.packed, frames, base=entry.base, previous=entry.last,
            page_size=self._page_size, pages=size_after(frames[-self._frame :]),
            sync=self._sync,
        )  # fmt: skip
        entry.appended(self.commits, journal.use)
        if end >= self._engine.fold_bytes:
            self._engine.fold_soon(self)

    def _record_big(self, end: int) -> None:
        """Append a record whose frames a thread copies into a file of their own."""
        entry, journal, frame = self._entry, self._journal, self._frame
        start = self._wal_end
        if journal.disk.room(journal.folder) < 2 * end:  # for its pages, and others' commits
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fd = self._wal()
        if end <= start or journal.disk.pread(fd, FRAME_HEADER, start)[_SALT] != self._salt:
            start = WAL_HEADER
        last = journal.disk.pread(fd, FRAME_HEADER, end - frame)
        self._salt, self._wal_end = last[_SALT], end
        self.commits = journal.append(
            RecordType.COMMIT, entry.packed, base=entry.base, previous=entry.last,
            page_size=self._page_size, pages=size_after(last), flags=IN_PAGES_FILE,
            sync=self._sync,
        )  # fmt: skip
        entry.appended(self.commits, journal.use)
        if entry.big is None:
            entry.big = BigCommits(entry, journal)
        entry.big.copy(self.commits, start, end)
        self._engine.fold_soon(self)

    def _new_frames(self, end: int) -> bytes:
        """Read what the last commit has written, also where the `-wal` began anew with it."""
        fd = self._wal()
        start = self._wal_end
        frames = self._journal.disk.pread(fd, end - start, start) if end > start > 0 else b""
        if frames[_SALT] != self._salt or not frames:
            start = WAL_HEADER
            frames = self._journal.disk.pread(fd, end - start, start)
            self._salt = frames[_SALT]
        if len(frames) != end - start or frames[-self._frame :][_SALT] != self._salt:
            raise StorageError("the frames of a commit are not where SQLite says they are")
        self._wal_end = end
        return frames

    def _wal(self) -> int:
        if self._wal_fd is None:
            self._wal_fd = self._journal.disk.open(self._entry.wal)
        return self._wal_fd

    def _void_wal(self) -> bool:
        """Make the `-wal` of a closed connection an empty one; say whether it may stay.

        All of it is folded. With a header of zeros SQLite finds nothing in it, and writes into the
        blocks that it has (`scraps.py`).
        """
        entry, disk = self._entry, self._journal.disk
        try:
            keep = not self._as_draft and (disk.size(entry.wal) or 0) <= _KEPT_BYTES
            if self._wal_end:
                disk.pwrite(self._wal(), [bytes(WAL_HEADER)], 0)
        except OSError:
            self._engine.remove_wal(entry)
            return False
        if not keep:
            self._engine.leave_wal(entry, keep=False)
        return keep

    def _close_wal(self) -> None:
        if self._wal_fd is not None:
            self._journal.disk.close(self._wal_fd)
            self._wal_fd = None

    def _closed(self, *, kept: bool) -> None:
        if kept:
            self._engine.keep_wal(self._entry)
        self._entry.file = None
        self._entry.kept_end, self._entry.kept_salt = (
            (self._wal_end, self._salt) if kept else (0, b"")
        )
        self._engine.file_closed(self, self._entry)
