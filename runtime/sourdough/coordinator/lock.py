"""One server per storage folder (invariant P4): a single flock that all its processes hold.

    taken?  no                                   -> ours
            by a server whose coordinator lives  -> FolderInUseError at once
            by anybody else                      -> wait; then end the recorded children of the
                                                    dead coordinator, and wait once more

A flock belongs to the open file, not to a process: children that inherit the descriptor hold the
same lock, and it is free only when the last of them has closed it. So nobody ever unlocks: all
only close. Waiting is polling, because the kernel tells nobody when an flock becomes free.
"""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING, NoReturn

from sourdough.clock import SystemClock
from sourdough.coordinator.server_file import read_server_file
from sourdough.errors import FolderInUseError, StorageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from sourdough.clock import Clock
    from sourdough.coordinator.process import ProcessIdentity
    from sourdough.coordinator.server_file import ServerFile

LOCK_FILE = "lock"
POLL_SECONDS = 0.05
# Children of a dead coordinator flush and exit within 2 s (invariant P5).
WAIT_SECONDS = 3.0
# What the kernel may need to take down a process that was killed.
REAP_SECONDS = 2.0


class FolderLock:
    """The lock of one storage folder, held until `release` and by every child that has `fd`."""

    def __init__(self, *, storage: Path, fd: int, ended: tuple[ProcessIdentity, ...] = ()) -> None:
        self.storage = storage
        self.fd = fd
        """For `pass_fds`, which makes it inheritable in the child alone (invariant P3)."""
        self.ended = ended
        """Leftovers of a dead server that had to be killed; worth a line."""

    @classmethod
    def acquire(
        cls,
        storage: Path,
        *,
        clock: Clock | None = None,
        sleep: Callable[[float], object] = time.sleep,
        wait_seconds: float = WAIT_SECONDS,
    ) -> FolderLock:
        """Take the lock, waiting for what a dead server left behind.

        Raises FolderInUseError when a living server, or anybody after the wait, holds it, and
        StorageError when the folder is not there or does not let itself be locked.
        """
        attempt = _Attempt(storage, clock or SystemClock(), wait_seconds)
        while (lock := attempt.step()) is None:
            sleep(POLL_SECONDS)
        return lock

    @classmethod
    async def acquire_on_loop(
        cls,
        storage: Path,
        *,
        sleep: Callable[[float], Awaitable[object]],
        clock: Clock | None = None,
        wait_seconds: float = WAIT_SECONDS,
    ) -> FolderLock:
        """Do as `acquire`, for an event loop: `sleep` is `asyncio.sleep`."""
        attempt = _Attempt(storage, clock or SystemClock(), wait_seconds)
        while (lock := attempt.step()) is None:
            await sleep(POLL_SECONDS)
        return lock

    def release(self) -> None:
        """Give up this process's share. Children keep theirs: this is no LOCK_UN on purpose."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


class _Attempt:
    """One try to take the lock: `step` until it returns it; the waits are the caller's."""

    def __init__(self, storage: Path, clock: Clock, wait_seconds: float) -> None:
        self._storage = storage
        self._clock = clock
        self._deadline = clock.monotonic() + wait_seconds
        self._ended: tuple[ProcessIdentity, ...] = ()

    def step(self) -> FolderLock | None:
        fd = _try_lock(self._storage)
        if fd is not None:
            return FolderLock(storage=self._storage, fd=fd, ended=self._ended)
        # Read again each time: another server may have won the race for the same folder.
        server = read_server_file(self._storage)
        if server is not None and server.coordinator.alive:
            _refuse_for_server(server, self._storage)
        if self._clock.monotonic() >= self._deadline:
            self._end_leftovers(server)
        return None

    def _end_leftovers(self, server: ServerFile | None) -> None:
        leftovers = server.leftovers if server is not None and not self._ended else ()
        if not leftovers:
            _refuse_for_unknown(self._storage, server)
        for child in leftovers:
            child.kill()
        self._ended = leftovers
        self._deadline = self._clock.monotonic() + REAP_SECONDS


def _try_lock(storage: Path) -> int | None:
    path = storage / LOCK_FILE
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError(
            f"The storage folder {storage} cannot be locked: {error.strerror}.", place=str(path)
        ) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # A lock on a file that was replaced meanwhile excludes nobody.
        if os.path.samestat(os.fstat(fd), path.stat()):
            return fd
    except (BlockingIOError, FileNotFoundError):
        pass
    except OSError as error:
        os.close(fd)
        raise StorageError(
            f"The file system of {storage} has no file locks: {error.strerror}.",
            place=str(path),
            hint="Keep the storage folder on a local disk.",
        ) from error
    os.close(fd)
    return None


def _refuse_for_server(server: ServerFile, storage: Path) -> NoReturn:
    raise FolderInUseError(
        f"The server with pid {server.pid} already uses the storage folder {storage}.",
        place=str(storage),
        hint=f"`sourdough status --storage {storage}` shows it; stop it before you start another.",
    )


def _refuse_for_unknown(storage: Path, server: ServerFile | None) -> NoReturn:
    dead = f" (its server, pid {server.pid}, is gone)" if server is not None else ""
    raise FolderInUseError(
        f"Another process holds the lock of the storage folder {storage}{dead}.",
        place=str(storage / LOCK_FILE),
        hint=f"`fuser {storage / LOCK_FILE}` names it; wait for its end, or end it.",
    )
