"""Big commits on their way to a file of pages: what of their objects counts as durable (S12)."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sourdough.storage.journal.pages import PagesName, copy_pages

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from sourdough.storage.journal.journal import Journal
    from sourdough.storage.journal.ledger import Entry


class BigCommits:
    """Those of one object, in order. The object's `-wal` stays as it is until they are copied."""

    __slots__ = ("_entry", "_journal", "_running", "_waiting", "written")

    def __init__(self, entry: Entry, journal: Journal) -> None:
        self._entry = entry
        self._journal = journal
        self._running: list[tuple[int, Future[None]]] = []
        self._waiting: list[tuple[object, Callable[[], None], Callable[[Exception], None]]] = []
        self.written: list[PagesName] = []
        """The files of pages, for removal when the object is marked."""

    @property
    def first(self) -> int | None:
        """The first commit that is not copied yet, or never will be."""
        return self._running[0][0] if self._running else None

    def copy(self, lsn: int, start: int, end: int) -> None:
        """Copy the frames of a commit from the `-wal`, in a thread."""
        journal = self._journal
        name = PagesName(journal.seat, journal.epoch, lsn)
        self.written.append(name)
        copying = journal.background.submit(
            copy_pages, self._entry.wal, start, end,
            folder=journal.folder, name=name, disk=journal.disk,
        )  # fmt: skip
        self._running.append((lsn, copying))
        copying.add_done_callback(self._copied_in_thread)

    def finish(self) -> None:
        """Return when no thread reads the `-wal` any more."""
        for _, copying in self._running:
            copying.exception()

    def wait(
        self, owner: object, again: Callable[[], None], failed: Callable[[Exception], None]
    ) -> None:
        """Call `again` when another commit is copied, or `failed`."""
        if self._journal.error is not None:
            failed(self._journal.error)
        else:
            self._waiting.append((owner, again, failed))

    def give_up(self, owner: object, error: Exception) -> None:
        """Tell an error to everybody of `owner` who waits."""
        mine = [each for each in self._waiting if each[0] is owner]
        self._waiting = [each for each in self._waiting if each[0] is not owner]
        for _, _, failed in mine:
            failed(error)

    def block(self) -> None:
        """Return when all are copied; raises what went wrong."""
        for _, copying in self._running:
            copying.result()

    def marked(self, lsn: int) -> list[PagesName]:
        """Return the files that are void by a mark, and forget them."""
        void = [name for name in self.written if name.lsn <= lsn]
        self.written = self.written[len(void) :]
        return void

    def _copied_in_thread(self, _copying: Future[None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._journal.loop.call_soon_threadsafe(self._copied)

    def _copied(self) -> None:
        while self._running and self._running[0][1].done():
            error = self._running[0][1].exception()
            if isinstance(error, Exception):
                # It stays the first: folded now, it would be in a file that no recovery can repair.
                self._journal.fail(error)
                break
            self._running.pop(0)
        waiting, self._waiting = self._waiting, []
        failure = self._journal.error
        for _, again, failed in waiting:
            if failure is None:
                again()
            else:
                failed(failure)
