"""One object's open database file under the `WalEngine`.

A descriptor of the `-wal` stands beside the connection; it may be opened and closed at will, unlike
one of the database itself (invariant S3: closing it would drop SQLite's lock).
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import apsw

from sourdough.errors import StorageError
from sourdough.storage.connection import run
from sourdough.storage.engine import wait_until_durable
from sourdough.storage.failure import is_failed_sync

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from sourdough.storage.wal_engine import WalEngine


# So many times the usual size, a WAL is folded although commits are still coming in.
_LONG = 4


class WalFile:
    """Implements `ObjectFile`."""

    def __init__(
        self,
        *,
        engine: WalEngine,
        path: Path,
        connection: apsw.Connection,
        name_synced: bool,
    ) -> None:
        """Take a connection; name_synced: the file's name is known to survive a loss of power."""
        self.connection = connection
        self.path = path
        self.commits = 0
        self.durable = 0
        self.lent = False
        self.rest: Callable[[], bool] = lambda: False
        self._engine = engine
        self._name_synced = name_synced
        self._wal_fd: int | None = None
        self._sync_running: Future[Exception | None] | None = None
        self._waiters: list[tuple[int, Callable[[Exception | None], None]]] = []
        self._wal_pages = 0
        # Bytes of WAL that no sync has begun to cover, and those that the running one covers.
        self._unsynced = 0
        self._syncing = 0
        self._changed = False
        self._grown = 0
        self._closed = False
        self._ended = False
        self._page_bytes = int(str(run(connection, "PRAGMA page_size")[0][0]))
        connection.set_wal_hook(self._wal_grew)

    def found_commits(self, size: int) -> None:
        """Count what the file already holds, in bytes of WAL, as commit 1 and make it durable."""
        self._changed = True
        self._grown = size
        self.committed()

    @property
    def in_order(self) -> bool:
        """Its commits are numbered, and become durable, by themselves."""
        return False

    def committed(self) -> int:
        """Number a commit and see to its sync; one that changed nothing gets no new number."""
        if not self._changed:
            return self.commits
        self._changed = False
        self.commits += 1
        if self._engine.syncs:
            size, self._grown = self._grown, 0
            self._unsynced += size
            if self._engine.wrote(size):
                self._sync_now()
            elif self._sync_running is None:
                self._start_sync()
        else:
            self.durable = self.commits
            if self._fold_is_due():
                self._engine.loop.call_soon(self._fold)
        return self.commits

    def admit(self) -> None:
        """SQLite finds out by itself."""

    def when_durable(self, commit: int, callback: Callable[[Exception | None], None]) -> None:
        """Call back once; at once where the answer is known already."""
        if commit <= self.durable:
            callback(None)
        elif self._engine.error is not None:
            callback(self._engine.error)
        else:
            self._waiters.append((commit, callback))

    def doze(self) -> bool:
        """Return False: to close it takes a sync, and a thread."""
        return False

    def wake(self) -> apsw.Connection:
        """Return the connection: it never dozes."""
        return self.connection

    async def close(self, *, fold: bool) -> None:
        """Wait until everything is durable, fold if asked, close; raises what a sync raised."""
        await wait_until_durable(self, self.commits)
        self._closed = self._ended = True
        try:
            await self._engine.loop.run_in_executor(self._engine.executor, self._close, fold)
        except apsw.Error as error:
            self._engine.fail(error)
            raise StorageError(str(error), place=str(self.path)) from error

    def abandon(self, error: Exception) -> None:
        """Close now; a sync under way ends by itself and its descriptors go then."""
        if self._ended:
            return
        self._ended = self._closed = True
        self._engine.synced(self._unsynced)
        self._unsynced = 0
        if not self._name_synced:
            self._engine.directory_is_uncertain(self.path)
        self.connection.close(True)
        sync = self._sync_running
        if sync is not None and not sync.done():
            self._engine.linger(self, sync)
        else:
            self.close_descriptors()
        self._tell(self.commits, error)

    def make_durable(self) -> None:
        """In a thread: sync what was committed so far, names before content that needs them."""
        if not self._name_synced:
            self._engine.sync_names(self.path)
            self._name_synced = True
        if self._wal_fd is None:
            with suppress(FileNotFoundError):
                wal = self.path.with_name(self.path.name + "-wal")
                self._wal_fd = os.open(wal, os.O_RDWR | os.O_CLOEXEC)
        if self._wal_fd is not None:
            self._engine.sync(self._wal_fd)

    def sync_ended(self, target: int, error: Exception | None) -> None:
        """On the loop: the sync that covers commits up to `target` has ended."""
        self._sync_running = None
        self._engine.synced(self._syncing)
        self._syncing = 0
        if error is not None:
            self._tell(self.commits, error)
            return
        self.durable = max(self.durable, target)
        self._tell(target, None)
        if self._closed:
            return
        # A writer that never pauses must not make the WAL grow for ever; folding syncs it first.
        if self._fold_is_due(1 if self.commits <= self.durable else _LONG):
            self._fold()
        if self.commits > self.durable:
            self._start_sync()

    def close_descriptors(self) -> None:
        """Close what stands beside the connection."""
        if self._wal_fd is not None:
            os.close(self._wal_fd)
            self._wal_fd = None

    def _wal_grew(self, _connection: apsw.Connection, _database: str, pages: int) -> int:
        """SQLite's hook: called by every commit that wrote something."""
        grown = pages - self._wal_pages
        self._grown += (grown if grown > 0 else pages) * self._page_bytes
        self._wal_pages = pages
        self._changed = True
        return apsw.SQLITE_OK

    def _sync_now(self) -> None:
        """Let the writer wait for the disk, and with him the loop (invariant S13).

        Storage calls cannot suspend: what was read before them would be stale after them. So where
        holding back events is not enough, because what runs already goes on writing, this is all
        that keeps the rest in bounds.
        """
        if self._engine.error is not None:
            return
        running = self._sync_running
        if running is not None and running.result() is not None:
            return  # a failed sync is final; its delivery is on the way
        try:
            self.make_durable()
        except Exception as error:  # noqa: BLE001 (whatever it is, it goes to those who wait)
            self._engine.fail(error)
            self._engine.loop.call_soon(self._tell, self.commits, error)
            return
        self.durable = self.commits
        self._engine.synced(self._unsynced)
        self._unsynced = 0
        self._engine.loop.call_soon(self._tell, self.commits, None)
        if self._fold_is_due():
            self._fold()

    def _start_sync(self) -> None:
        error = self._engine.error
        if error is not None:  # another object's sync has failed: no more are made (S2)
            self._engine.loop.call_soon(self._tell, self.commits, error)
            return
        self._syncing, self._unsynced = self._unsynced, 0
        self._sync_running = self._engine.submit(self, self.commits)

    def _tell(self, commit: int, error: Exception | None) -> None:
        """Answer who waits for a commit up to this one."""
        due = [callback for number, callback in self._waiters if number <= commit]
        self._waiters = [waiter for waiter in self._waiters if waiter[0] > commit]
        for callback in due:
            callback(error)

    def _fold_is_due(self, times: int = 1) -> bool:
        return self._wal_pages * self._page_bytes >= times * self._engine.fold_bytes

    def _fold(self) -> None:
        """Fold the WAL into the file; SQLite syncs both in the right order by itself."""
        if self._closed or self.lent:
            return
        try:
            if self._checkpoint(apsw.SQLITE_CHECKPOINT_PASSIVE):
                self._wal_pages = 0
        except apsw.Error as error:
            self._engine.fail(error)

    def _checkpoint(self, mode: int) -> bool:
        """Fold; say whether it worked. What could not be folded stays, durable, in the WAL.

        An open transaction or cursor, or a full disk, means later. Only a failed sync is final.
        """
        try:
            self.connection.wal_checkpoint(mode=mode)
        except apsw.Error as error:
            if is_failed_sync(error):
                raise
            return False
        return True

    def _close(self, fold: bool) -> None:
        """In a thread: fold and close."""
        try:
            if fold:
                self._checkpoint(apsw.SQLITE_CHECKPOINT_TRUNCATE)
        finally:
            self.connection.close(True)
            self.close_descriptors()
        wal = self.path.with_name(self.path.name + "-wal")
        with suppress(FileNotFoundError):
            if fold and wal.stat().st_size == 0:
                wal.unlink()
