"""The `-wal` files that closed databases have left: empty to SQLite, and to be used again.

Making and removing a file each take the file system's own journal, 0.1 ms and at times many, and on
ext4 making one takes the longer, the more were removed in the last seconds. So a `-wal` stays where
it is, with a header of zeros, when its database is closed; whoever opens that next goes on in it.
Of those that nobody comes for the oldest are removed in a thread, and all when the journal ends. A
recovery removes them unread, like every `-wal`.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from pathlib import Path

    from sourdough.storage.journal.disk import Disk

# As many as objects may live by default; with 64 KiB each at the most, and 8 KiB as a rule.
KEPT = 10_000
# So many are removed in one go.
_AT_ONCE = 64


class Scraps:
    """Those of one host. Everything but the removal itself runs on the loop."""

    def __init__(self, disk: Disk, background: Executor, *, kept: int = KEPT) -> None:
        """kept: how many may stay."""
        self._disk = disk
        self._background = background
        self._most = kept
        self._files: OrderedDict[Path, None] = OrderedDict()
        # Held while a file is removed, so that nobody opens one that is about to go.
        self._lock = threading.Lock()

    def leave(self, wal: Path, *, keep: bool = True) -> None:
        """Take the file of a database that was closed. keep: whether it may be used again."""
        with self._lock:
            self._files[wal] = None
            if not keep:
                self._files.move_to_end(wal, last=False)
            due = len(self._files) - self._most
        if not keep:
            self._remove_soon(1)
        elif due >= _AT_ONCE and due % _AT_ONCE == 0:
            self._remove_soon(_AT_ONCE)

    def take(self, wal: Path) -> bool:
        """Give a file to who opens its database, or removes it; False where there is none of ours."""
        with self._lock:
            return self._files.pop(wal, self._files) is None

    def clear(self) -> None:
        """Remove all, in a thread."""
        self._remove_soon(len(self._files))

    def _remove_soon(self, count: int) -> None:
        with suppress(RuntimeError):  # the threads have ended: the next recovery does it
            self._background.submit(self._remove, count)

    def _remove(self, count: int) -> None:
        """In a thread: remove the oldest."""
        for _ in range(count):
            with self._lock:
                if not self._files:
                    return
                wal, _ = self._files.popitem(last=False)
                with suppress(OSError):  # then the next recovery does
                    self._disk.unlink(wal)
