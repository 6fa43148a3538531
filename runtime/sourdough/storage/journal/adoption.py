"""What earlier occupants of a seat have left in their journals, repaired when it is needed.

A new occupant reads those journals when it takes the seat, which syncs them: what is in them counts
as committed. Each object is repaired at its first opening, so that the seat answers at once; the
others follow in a thread. When all are done the old segments go. Until then none of our own is used
again: its records are what says that the old ones are void (invariant S6).
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from sourdough.errors import StorageError
from sourdough.storage.failure import is_full
from sourdough.storage.journal.damage import write_damaged
from sourdough.storage.journal.places import path_of
from sourdough.storage.journal.reader import Reading, keep_pages, read_journals, remove_segments
from sourdough.storage.journal.redo import redo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sourdough.storage.journal.fates import Fate
    from sourdough.storage.journal.journal import Journal


class Adoption:
    """The journals of one seat's earlier epochs in this life."""

    def __init__(self, journal: Journal, void_before: int, damaged: dict[bytes, str]) -> None:
        """Read them. damaged: where objects go that cannot be repaired, and why.

        Raises OSError, StorageFormatError.
        """
        self._journal = journal
        self._damaged = damaged
        self._lock = threading.Lock()
        reading = read_journals(
            journal.folder,
            journal.disk,
            lambda name: name.seat == journal.seat and void_before <= name.epoch < journal.epoch,
        )
        self._reading: Reading = reading
        self.waiting: dict[Path, tuple[bytes, Fate]] = {
            path_of(journal.root, packed): (packed, fate)
            for packed, fate in reading.fates.items()
            if fate.live() or fate.damage
        }
        """The objects that are not repaired yet."""
        self.intents = reading.intents()
        """The alarms that the index has not confirmed yet (invariant S11)."""
        self._repaired = False
        self.done = not reading.segments

    def start(self) -> None:
        """Begin to repair those that nobody opens."""
        if not self.done:
            self._journal.background.submit(self._repair_all)

    def intent_kept(self, packed: bytes) -> None:
        """The index holds an alarm that an earlier occupant has noted, or an earlier one."""
        if self.intents.pop(packed, None) is not None:
            self._remove_when_void()

    def repair(self, path: Path) -> None:
        """Have an object repaired before it is opened; waits where a thread is at one.

        One that cannot be repaired is among the damaged then. Raises OSError.
        """
        if path in self.waiting:
            with self._lock:
                try:
                    self._repair(path)
                except OSError as error:  # it may be a sync that failed (invariant S2)
                    if not is_full(error):
                        self._journal.fail(error)
                    raise

    def _repair(self, path: Path) -> None:
        packed, fate = self.waiting.get(path, (b"", None))
        if fate is None:
            return
        if fate.damage is not None:
            self._damaged[packed] = fate.damage
        else:
            try:
                live = fate.live()
                keep_pages(live, self._journal.disk)
                redo(path, live, self._journal.disk)
            except StorageError as error:
                self._damaged[packed] = error.message
        del self.waiting[path]

    def _repair_all(self) -> None:
        """In a thread: one after the other, so that an opening waits for one at most."""
        try:
            for path in list(self.waiting):
                with self._lock:
                    self._repair(path)
            if self._damaged:
                write_damaged(self._journal.root, dict(self._damaged), self._journal.disk)
        except Exception as error:  # noqa: BLE001 (it travels to the loop)
            self._tell(self._journal.fail, error)
        else:
            self._tell(self._all_repaired)

    def _all_repaired(self) -> None:
        self._repaired = True
        self._remove_when_void()

    def _remove_when_void(self) -> None:
        """Remove the old segments when nothing in them is of use to anybody."""
        if self._repaired and not self.intents and not self._journal.closed:
            self._journal.background.submit(self._remove)

    def _remove(self) -> None:
        """In a thread."""
        try:
            remove_segments(self._reading, self._journal.folder, self._journal.disk)
        except Exception as error:  # noqa: BLE001 (it travels to the loop)
            self._tell(self._journal.fail, error)
        else:
            self.done = True

    def _tell(self, call: Callable[..., None], *args: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._journal.loop.call_soon_threadsafe(call, *args)
