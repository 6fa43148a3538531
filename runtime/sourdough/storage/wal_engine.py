"""Durability by SQLite's own WAL: each object's `-wal` is synced in a small pool of threads.

The simplest correct engine (stock SQLite with synchronous=NORMAL recovers it); it stays as the
fallback of the journal and as the oracle of its tests. Per object at most one sync is under way;
what commits meanwhile joins the object's next one. Completions of many threads reach the loop
together, in one callback. A failed sync is final (invariant S2): nothing is tried again, everybody
who waits is told, and the host is asked to end.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from sourdough.errors import StorageError
from sourdough.storage.connection import open_file
from sourdough.storage.disk import is_blank, open_directory, sync_data, write_all
from sourdough.storage.engine import Durability
from sourdough.storage.failure import write_error
from sourdough.storage.limits import DEFAULT_LIMITS, SqlLimits
from sourdough.storage.removal import (
    draft_path,
    facets_on_disk,
    leftovers,
    remove_object,
    wal_path,
)
from sourdough.storage.stopwatch import Stopwatch
from sourdough.storage.wal_file import WalFile

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from pathlib import Path

    from sourdough.storage.awake import Awake
    from sourdough.storage.engine import CommitOrder

# A WAL that has grown to this size is folded into its file at the next quiet moment.
FOLD_BYTES = 1024 * 1024

# Committed and not synced yet, in bytes of WAL of all objects together. Above this, new events wait
# (invariant S13): about a second of a slow disk's work. Above four times this, writers wait too.
UNSYNCED_BYTES = 16 * 1024 * 1024

_THREADS = 4
_HEADER_WAL_FLAGS = slice(18, 20)  # file format write and read version: 2 = WAL


class WalEngine:
    """Implements `Engine`; one per host. Everything but the sync itself runs on the loop."""

    order: CommitOrder | None = None
    awake: Awake | None = None
    """A file that is closed has to be synced, which takes a thread: none dozes."""

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        durability: Durability = Durability.DISK,
        on_failed: Callable[[Exception], None],
        sync: Callable[[int], None] = sync_data,
        threads: int = _THREADS,
        fold_bytes: int = FOLD_BYTES,
        limits: SqlLimits = DEFAULT_LIMITS,
        unsynced_bytes: int = UNSYNCED_BYTES,
        on_congested: Callable[[bool], None] | None = None,
    ) -> None:
        """Start the threads.

        on_failed: called once, with the sync that failed. on_congested: called with True when the
        disk does not keep up, with False, in a turn of its own, when it has caught up.
        """
        self.limits = limits
        self.stopwatch = Stopwatch(limits.seconds, loop.time)
        self.durability = durability
        self.fold_bytes = fold_bytes
        self.loop = loop
        self.sync = sync
        self.error: Exception | None = None
        self.executor = ThreadPoolExecutor(threads, thread_name_prefix="sourdough-sync")
        self._on_failed = on_failed
        self._unsynced = 0
        self._unsynced_limit = unsynced_bytes
        self._congested = False
        self._on_congested = on_congested
        self._finished: deque[tuple[WalFile, int, Exception | None]] = deque()
        self._delivery_due = False
        self._lingering: dict[Path, tuple[WalFile, Future[Exception | None]]] = {}
        self._durable_directories: set[Path] = set()

    @property
    def syncs(self) -> bool:
        """Whether a commit waits for the disk."""
        return self.durability is Durability.DISK

    def exists(self, path: Path) -> bool:
        """Say whether there is an object; clear away a creation that was never acknowledged."""
        self._wait_for_predecessor(path)
        try:
            size = path.stat().st_size
            if size == 0 or is_blank(path):
                self._clear(path)
                return False
        except FileNotFoundError:
            self._confirm_absence(path)
            return False
        except OSError as error:
            raise StorageError(
                f"an object's database cannot be read: {error.strerror}", place=str(path)
            ) from error
        return True

    def open(self, path: Path) -> WalFile:
        """Open an existing file.

        What its WAL holds, and its name in a directory that this engine has not synced, count as
        commit 1, not yet durable.
        """
        self._wait_for_predecessor(path)
        found = self._found(path)
        name_synced = path.parent in self._durable_directories
        file = WalFile(
            engine=self,
            path=path,
            connection=open_file(path, self.limits),
            name_synced=name_synced,
        )
        if found or not name_synced:
            file.found_commits(found)
        return file

    def create(self, path: Path, image: bytes) -> WalFile:
        """Make a file of a serialised database; the image is commit 1 (invariant S7).

        It gets its name when its content is on the disk, so what has a name is whole. That is one
        sync on the loop for a new object. Raises StorageError.
        """
        self._wait_for_predecessor(path)
        data = bytearray(image)
        data[_HEADER_WAL_FLAGS] = b"\x02\x02"
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if any(leftover.exists() for leftover in leftovers(path)):
                self._clear(path)
            self._write_new(path, data)
        except OSError as error:
            raise write_error("an object's database cannot be created", error, path=path) from error
        file = WalFile(
            engine=self, path=path, connection=open_file(path, self.limits), name_synced=False
        )
        file.found_commits(len(data))
        return file

    def wrote(self, size: int) -> bool:
        """Count bytes that are committed and not synced; say whether their writer must wait."""
        self._unsynced += size
        if not self._congested and self._unsynced > self._unsynced_limit:
            self._congested = True
            self._tell_congestion()
        return self._unsynced > 4 * self._unsynced_limit

    def synced(self, size: int) -> None:
        """Count bytes that are synced, or given up."""
        self._unsynced -= size
        if self._congested and self._unsynced <= self._unsynced_limit // 2:
            self._congested = False
            self.loop.call_soon(self._tell_congestion)

    def submit(self, file: WalFile, target: int) -> Future[Exception | None]:
        """Run one sync of a file in a thread; `target` is the commit that it makes durable."""
        return self.executor.submit(self._sync, file, target)

    def remove(self, path: Path) -> int:
        """Delete an object for good; nobody has it open. Return how many bytes that freed."""
        self._wait_for_predecessor(path)
        return remove_object(path)

    def facets(self, path: Path) -> list[Path]:
        """Return the databases of all facets below one, in the order in which to remove them."""
        return facets_on_disk(path)

    def fail(self, error: Exception) -> None:
        """Note that a sync failed: the state of the disk is unknown from here on (S2)."""
        if self.error is None:
            self.error = error
            self._on_failed(error)

    def linger(self, file: WalFile, sync: Future[Exception | None]) -> None:
        """Keep an abandoned file's descriptors until its running sync has ended (S3)."""
        self._lingering[file.path] = (file, sync)

    def sync_names(self, path: Path) -> None:
        """Sync the directories that lead to a file.

        That of a file that was found as well: the process that made it may have died before. What
        is in a directory when it is first synced here needs no more syncs of its name.
        """
        directories = [path.parent]
        if path.parent not in self._durable_directories:
            directories += [path.parent.parent, path.parent.parent.parent]
        for directory in directories:
            fd = open_directory(directory)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
        self._durable_directories.add(path.parent)

    def directory_is_uncertain(self, path: Path) -> None:
        """Note that the name of a file may not be durable."""
        self._durable_directories.discard(path.parent)

    def close(self) -> None:
        """End the threads; every file has been closed or abandoned before."""
        self.executor.shutdown(wait=True)
        for path in list(self._lingering):
            self._wait_for_predecessor(path)

    def _confirm_absence(self, path: Path) -> None:
        """Make durable that there is no file: who deleted it may have died before."""
        if not self.syncs or path.parent in self._durable_directories or not path.parent.exists():
            return
        try:
            self.sync_names(path)
        except OSError as error:
            self.fail(error)
            raise StorageError(str(error), place=str(path.parent)) from error

    def _found(self, path: Path) -> int:
        """Return the size of a WAL that a predecessor has left, written once more.

        Its sync may have failed: the kernel may then call pages clean that are not on the disk, and
        would not write them with ours (invariant S2).
        """
        try:
            fd = os.open(wal_path(path), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return 0
        try:
            size = os.fstat(fd).st_size
            if size and self.syncs:
                write_all(fd, os.pread(fd, size, 0))
        finally:
            os.close(fd)
        return size

    def _clear(self, path: Path) -> None:
        try:
            remove_object(path)
        except StorageError as error:
            self.fail(error)
            raise

    def _write_new(self, path: Path, data: bytearray) -> None:
        draft = draft_path(path)
        fd = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            write_all(fd, data)
            if self.syncs:
                self._sync_new(fd)
        finally:
            os.close(fd)
        draft.rename(path)

    def _sync_new(self, fd: int) -> None:
        try:
            self.sync(fd)
        except Exception as error:
            self.fail(error)
            raise

    def _wait_for_predecessor(self, path: Path) -> None:
        """Let an abandoned file's last sync end; only a reset in mid-sync makes this block."""
        lingering = self._lingering.pop(path, None)
        if lingering is not None:
            file, sync = lingering
            with suppress(Exception):
                sync.result()
            file.close_descriptors()

    def _tell_congestion(self) -> None:
        if self._on_congested is not None:
            self._on_congested(self._congested)

    def _sync(self, file: WalFile, target: int) -> Exception | None:
        """In a thread: sync one file, then have the loop told."""
        error: Exception | None = None
        try:
            file.make_durable()
        except Exception as failure:  # noqa: BLE001 (whatever it is, it travels to the loop)
            error = failure
        self._finished.append((file, target, error))
        if not self._delivery_due:
            self._delivery_due = True
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self.loop.call_soon_threadsafe(self._deliver)
        return error

    def _deliver(self) -> None:
        self._delivery_due = False
        while self._finished:
            file, target, error = self._finished.popleft()
            if error is not None:
                self.fail(error)
            lingering = self._lingering.get(file.path)
            if lingering is not None and lingering[0] is file:
                self._wait_for_predecessor(file.path)
            file.sync_ended(target, error)
