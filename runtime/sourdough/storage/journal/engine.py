"""Implements `Engine` on the journal of the host, for one level of durability."""

from __future__ import annotations

import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

import apsw

from sourdough.errors import StorageError
from sourdough.storage.connection import open_file
from sourdough.storage.engine import Durability
from sourdough.storage.facet_files import below
from sourdough.storage.failure import write_error
from sourdough.storage.journal.file import FOLD_BYTES, JournalFile
from sourdough.storage.journal.places import draft_path, wal_path
from sourdough.storage.journal.records import DEFLATED, RecordType
from sourdough.storage.limits import DEFAULT_LIMITS, SqlLimits
from sourdough.storage.stopwatch import Stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sourdough.storage.awake import Awake
    from sourdough.storage.engine import CommitOrder
    from sourdough.storage.journal.host_journal import HostJournal
    from sourdough.storage.journal.journal import Journal
    from sourdough.storage.journal.ledger import Entry

_WAL_FLAGS = slice(18, 20)  # file format write and read version: 2 = WAL
_PAGE_SIZE = slice(16, 18)


class LevelOrder:
    """Implements `CommitOrder`: the journal has one, and each level of durability its place in it."""

    __slots__ = ("_journal", "_level")

    def __init__(self, journal: Journal, level: Durability) -> None:
        self._journal = journal
        self._level = level

    def reached(self) -> int:
        """Return the last record that is as durable as the level says."""
        return self._journal.reached(self._level)

    def when(
        self, commit: int, owner: object, callback: Callable[[Exception | None], None]
    ) -> None:
        """Call back once, when a record is that durable or never will be."""
        self._journal.when(commit, self._level, owner, callback)


class JournalEngine:
    """One per level of durability; all of a host share its journal."""

    def __init__(
        self,
        host: HostJournal,
        *,
        durability: Durability = Durability.DISK,
        limits: SqlLimits = DEFAULT_LIMITS,
        fold_bytes: int = FOLD_BYTES,
    ) -> None:
        """See `HostJournal.engine`."""
        self.journal = host.journal
        self.order: CommitOrder | None = LevelOrder(host.journal, durability)
        self.awake: Awake | None = None
        self.limits = limits
        self.stopwatch = Stopwatch(limits.seconds, host.journal.loop.time)
        self.durability = durability
        self.fold_bytes = fold_bytes
        self._host = host
        self._disk = host.journal.disk
        self._ledger = host.ledger
        self._scraps = host.scraps

    def exists(self, path: Path) -> bool:
        """Say whether there is an object; clear away a creation that was never acknowledged."""
        entry = self._ledger.get(path)
        if entry is not None and entry.last:
            return not entry.deleted
        try:
            self._host.repair(path)
            size = self._disk.size(path)
            if size is None:
                return False
            if size:
                return True
            self._remove_files(path)
        except OSError as error:
            raise write_error("an object's database cannot be read", error, path=path) from error
        return False

    def open(self, path: Path) -> JournalFile:
        """Open an existing file. Raises StorageError."""
        try:
            self._host.repair(path)
            entry = self._ledger.entry(path)
            entry.stop_folding()
            if entry.kept_end:
                self._ledger.keep_wal(entry)
            elif not self._scraps.take(wal_path(entry.place)):
                self._disk.unlink(wal_path(entry.place))
        except OSError as error:
            raise write_error("an object's database cannot be opened", error, path=path) from error
        return self._file(entry)

    def connect(self, entry: Entry) -> apsw.Connection:
        """Return a connection to an object's file. Raises StorageError."""
        entry.wal = wal_path(entry.place)
        self._scraps.take(entry.wal)
        try:
            return open_file(entry.place, self.limits, vfs=self._disk.vfs, synchronous="OFF")
        except StorageError:
            self._ledger.tidy(entry)
            raise

    def entry(self, path: Path) -> Entry:
        """Return the entry of an object in the ledger, a new one where it is clean."""
        return self._ledger.entry(path)

    def descriptor(self, entry: Entry) -> int:
        """Return the descriptor of an object's database file beside its connection.

        Raises OSError.
        """
        return self._ledger.descriptor(entry)

    def create(self, path: Path, image: bytes) -> JournalFile:
        """Make a file of a serialised database; its record holds the image (invariant S7).

        It has a draft's name until that record is durable: no recovery may take a file for whole
        that was never synced, and that the journal does not know. Raises StorageError.
        """
        data = bytearray(image)
        data[_WAL_FLAGS] = b"\x02\x02"
        entry = self._ledger.entry(path)
        try:
            self._disk.make_directories(path.parent)
            self._remove_files(path)
            self._ledger.let_go(entry)
            entry.draft = True
            entry.fd = self._disk.open(entry.place, create=True)
            self._disk.pwrite(entry.fd, [data], 0)
            self._append(entry, RecordType.CREATE, bytes(data))
        except OSError as error:
            with suppress(OSError):
                self._disk.unlink(entry.place)
            entry.draft = False
            self._ledger.tidy(entry)
            raise write_error("an object's database cannot be created", error, path=path) from error
        entry.deleted = False
        entry.fold_ended(self.journal.use)
        lsn = entry.last
        self.journal.when(lsn, Durability.DISK, entry, lambda error: self._name(entry, lsn, error))
        try:
            return self._file(entry)
        except StorageError:
            self.remove(path)
            raise

    def remove(self, path: Path) -> int:
        """Delete an object for good; return how many bytes that freed. Nobody has it open.

        Waits, with the loop, until the record of it is durable: the name must not be gone before
        (invariant S7). Raises StorageError.
        """
        try:
            self._host.repair_for_removal(path)
            if not self.exists(path):
                return 0
            entry = self._ledger.entry(path)
            freed = sum(self._disk.size(each) or 0 for each in (entry.place, entry.wal))
            self._host.marker.wait()
            entry.stop_folding()
            if entry.big is not None:
                entry.big.finish()  # a thread that does not find the `-wal` would end the host
            self._append(entry, RecordType.DELETE)
            self.journal.flush()
            if self.journal.error is not None:
                raise StorageError(str(self.journal.error), place=str(path))
            self._remove_deleted(path)
        except OSError as error:
            raise StorageError(
                f"the object cannot be deleted: {error.strerror}", place=str(path)
            ) from error
        entry.deleted, entry.draft = True, False
        entry.kept_end, entry.lost = 0, False
        entry.fold_ended(self.journal.use)
        self._ledger.let_go(entry)
        return freed

    def facets(self, path: Path) -> list[Path]:
        """Return the databases of all facets below one, in the order in which to remove them.

        Those as well that an earlier owner's journal makes when they are repaired.
        """
        waiting = [each.name for each in list(self._host.adoption.waiting)]
        return below(path, [*waiting, *self._disk.names(path.parent)])

    def fail(self, error: Exception) -> None:
        """Note a sync that failed elsewhere: final for the host (invariant S2)."""
        self.journal.fail(error)

    def fold_soon(self, file: JournalFile) -> None:
        """Fold a file's WAL when the journal holds all of it."""
        self._host.marker.fold_soon(file)

    def remove_wal(self, entry: Entry) -> None:
        """Remove the WAL of a closed database whose commits do not count."""
        with suppress(OSError):  # then the next opening does it
            self._disk.unlink(entry.wal)

    def leave_wal(self, entry: Entry, *, keep: bool) -> None:
        """Give up the WAL of a closed database, which is void; it may be used again with `keep`."""
        self._scraps.leave(entry.wal, keep=keep)

    def keep_wal(self, entry: Entry) -> None:
        """Keep the WAL of a closed database whose commits are not all folded."""
        with suppress(OSError):  # then who opens or folds it does
            self._ledger.keep_wal(entry)

    def file_closed(self, file: JournalFile, entry: Entry) -> None:
        """Forget what a closed file no longer needs."""
        self._host.marker.forget(file)
        self._ledger.tidy(entry)

    def _append(self, entry: Entry, type_: RecordType, image: bytes = b"") -> None:
        payload = zlib.compress(image, 1) if image else b""
        page_size = int.from_bytes(image[_PAGE_SIZE], "big") if image else 0
        page_size = 65536 if page_size == 1 else page_size
        lsn = self.journal.append(
            type_, entry.packed, payload, base=entry.base, previous=entry.last,
            page_size=page_size, pages=len(image) // page_size if image else 0,
            flags=DEFLATED if image else 0,
            sync=self.durability is Durability.DISK,
        )  # fmt: skip
        entry.appended(lsn, self.journal.use)
        entry.born = lsn

    def _name(self, entry: Entry, lsn: int, error: Exception | None) -> None:
        if error is None and entry.draft and entry.born == lsn:
            try:
                self._ledger.name(entry)
            except OSError as failure:
                self.journal.fail(failure)

    def _file(self, entry: Entry) -> JournalFile:
        connection = self.connect(entry)
        try:
            return JournalFile(engine=self, entry=entry, connection=connection)
        except apsw.Error as error:
            connection.close(True)
            self._ledger.tidy(entry)
            raise StorageError(str(error), place=str(entry.path)) from error

    def _remove_deleted(self, path: Path) -> None:
        """Remove the files of an object whose deletion is durable.

        A failure is final for the host: the next owner goes on with it, and until then nobody may
        find an object that a recovery will take away.
        """
        try:
            self._remove_files(path)
        except OSError as error:
            self.journal.fail(error)
            raise

    def _remove_files(self, path: Path) -> None:
        for each in (path, draft_path(path)):
            self._disk.unlink(each)
            self._scraps.take(wal_path(each))
            self._disk.unlink(wal_path(each))
