"""Makes commits of all objects of a host durable together: batches, one at a time.

    append --end of the loop's turn--> batch: write, one sync --> who waits is told
       \\---while a batch is under way: joins the next one---/

A batch runs on the loop or in a thread (`pace`); everything else here runs on the loop. A failed
sync is final (invariant S2): nothing is tried again, everybody who waits is told, now and later.
What is appended and not synced is bounded (invariant S13): above a limit new events wait, far above
it the writers do, and the loop with them. What finds no room on a full disk is refused before it is
appended; the end of a segment is kept for marks, which make room, and for deletions.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from sourdough.storage.engine import Durability
from sourdough.storage.failure import is_full
from sourdough.storage.journal.batch import Batch
from sourdough.storage.journal.pace import Pace
from sourdough.storage.journal.records import SEGMENT_HEADER, RecordType, encode, seed_of, size_of
from sourdough.storage.journal.segments import FOLDER, SEGMENT_BYTES, Segments

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from pathlib import Path

    from sourdough.storage.journal.disk import Disk

# Appended and not durable, in bytes. About a second of a slow disk's work.
UNSYNCED_BYTES = 16 * 1024 * 1024

# Pages of a commit above this go to a file of their own.
BIG_BYTES = 4 * 1024 * 1024

# The end of a segment, for what is small and makes room: some 2,000 marks.
_KEPT_BYTES = 256 * 1024
_MAKES_ROOM = frozenset((RecordType.MARK, RecordType.DELETE, RecordType.INTENT))


class Journal:
    """The journal of one seat under one epoch."""

    def __init__(
        self,
        *,
        root: Path,
        seat: int,
        epoch: int,
        disk: Disk,
        loop: asyncio.AbstractEventLoop,
        on_failed: Callable[[Exception], None],
        on_congested: Callable[[bool], None] | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        unsynced_bytes: int = UNSYNCED_BYTES,
    ) -> None:
        """Make the first segment. Raises OSError.

        on_failed: called once, with the write or sync that failed. on_congested: called with True
        when the disk does not keep up, with False, in a turn of its own, when it has caught up.
        """
        self.root = root
        self.seat = seat
        self.epoch = epoch
        self.disk = disk
        self.loop = loop
        self.error: Exception | None = None
        self.closed = False
        self.lsn = 0
        """The last record appended."""
        self.written = 0
        """The last record that survives the process."""
        self.durable = 0
        """The last record that survives a loss of power."""
        self.use = 0
        """The segment that the next record goes to."""
        self.on_segment: Callable[[], None] = lambda: None
        """Called when another segment begins."""
        self.on_full: Callable[[], None] = lambda: None
        """Called whenever something is refused because the disk is full."""
        self.on_durable: Callable[[], None] = lambda: None
        """Called when a batch has become durable."""
        self.folder = root / FOLDER
        self.segments = Segments(
            folder=self.folder, seat=seat, epoch=epoch, disk=disk, size=segment_bytes
        )
        self.background = ThreadPoolExecutor(3, thread_name_prefix="sourdough-background")
        """For what must not hold up a batch: syncs of databases, copies, spare segments."""
        self.folds = ThreadPoolExecutor(1, thread_name_prefix="sourdough-fold")
        """For folding what is long: it may take seconds, one at a time."""
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="sourdough-journal")
        self.pace = Pace()
        self._on_failed = on_failed
        self._on_congested = on_congested
        self._next = Batch()
        self._enter_segment()
        self._running: Batch | None = None
        self._run: Future[Exception | None] | None = None
        self._pump_due = self._congested = self._is_full = False
        self._unsynced = 0
        self._unsynced_limit = unsynced_bytes

    @cached_property
    def largest(self) -> int:
        """How many bytes of payload a record may have."""
        return min(BIG_BYTES, self.segments.size // 4)

    def append(
        self,
        type_: int,
        packed: bytes,
        payload: bytes = b"",
        *,
        base: int = 0,
        previous: int = 0,
        page_size: int = 0,
        pages: int = 0,
        flags: int = 0,
        sync: bool = True,
    ) -> int:
        """Append a record; return its lsn. sync: whether somebody waits for the medium.

        After a failure nothing is kept any more: the host is about to end. Raises OSError where
        the disk is full; the record was not appended then.
        """
        size = size_of(packed, len(payload))
        if self._offset + size > self._limit and self.error is None:
            self._find_room(type_, size)
        self.lsn = lsn = self.lsn + 1
        if self.error is not None:
            return lsn
        if lsn == 1:  # a host that never writes needs no second segment
            self._make_spare()
        batch = self._next
        head, padding = encode(
            self._seed, type_, packed, self.seat, self.use, self.epoch, lsn, base, previous,
            self.durable, page_size, pages, flags, payload,
        )  # fmt: skip
        buffers = batch.buffers
        if buffers is None:
            buffers = batch.buffers = []
            batch.parts.append((self.use, self._offset, buffers))
        buffers += (head, payload, padding) if padding else (head, payload)
        self._offset += size
        batch.last = lsn
        batch.bytes += size
        if sync:
            batch.sync = True
        self._unsynced += size
        if self._unsynced > self._unsynced_limit:
            self._slow_down()
        if not self._pump_due and self._running is None:
            self._pump_due = True
            self.loop.call_soon(self._pump)
        return lsn

    def admit(self) -> None:
        """Raise OSError while the disk is full, before anything is committed for nothing."""
        if self._is_full:
            self._secure()

    def reached(self, durability: Durability) -> int:
        """Return the last record that is as durable as asked for."""
        if durability is Durability.DISK:
            return self.durable
        return self.written if durability is Durability.OS else self.lsn

    def when(
        self,
        lsn: int,
        durability: Durability,
        owner: object,
        callback: Callable[[Exception | None], None],
    ) -> None:
        """Call back once: with None when a record is durable, else with what went wrong."""
        if lsn <= self.reached(durability):
            callback(None)
        elif self.error is not None:
            callback(self.error)
        else:
            running = self._running
            covered = running is not None and lsn <= running.last
            batch = running if running is not None and covered else self._next
            if durability is Durability.DISK:
                if not (covered and batch.sync):
                    batch = self._next
                    self.want_sync()
                batch.waiting.append((owner, callback))
            else:
                batch.waiting_for_write.append((owner, callback))

    def give_up(self, owner: object, error: Exception) -> None:
        """Tell an error to everybody of `owner` who waits."""
        for batch in filter(None, (self._running, self._next)):
            for waiting in (batch.waiting, batch.waiting_for_write):
                mine = [callback for who, callback in waiting if who is owner]
                waiting[:] = [each for each in waiting if each[0] is not owner]
                for callback in mine:
                    callback(error)

    def flush(self) -> None:
        """Block until everything appended is durable, or the journal has failed."""
        if self._run is not None:
            self._run.result()
            self._finish(later=True)
        if self.error is None and self.durable < self.lsn:
            batch = self._take()
            batch.sync = True
            self._finish(self._work(batch), later=True)

    def fail(self, error: Exception) -> None:
        """The state of the disk is unknown from here on (invariant S2).

        No other batch is written, so whoever waits for the next one is told, in another turn.
        """
        if self.error is None:
            self.error = error
            rest = self._next
            told = [*rest.waiting_for_write, *rest.waiting]
            rest.waiting, rest.waiting_for_write, rest.parts = [], [], []
            if told:
                self.loop.call_soon(self._tell, told, error)
            self._on_failed(error)

    def end(self, *, discard: bool = False) -> None:
        """End the threads and close the files. discard: every record is void, remove them."""
        self.closed = True
        self.folds.shutdown(wait=True)
        self.background.shutdown(wait=True)
        self._executor.shutdown(wait=True)
        if self._run is not None:
            self._finish(later=True)
        if discard:
            self.segments.discard()
        else:
            self.segments.close()

    def want_sync(self) -> None:
        """Have everything appended so far synced, whether somebody waits for it or not."""
        self._next.sync = True
        if not self._pump_due and self._running is None:
            self._pump_due = True
            self.loop.call_soon(self._pump)

    # --- batches

    def _pump(self) -> None:
        self._pump_due = False
        if self._running is not None or self.error is not None or self.closed:
            return
        if not self._next.parts and not self._next.sync:
            return
        batch = self._take()
        if self.pace.inline or not batch.sync:
            self._finish(self._work(batch))
        else:
            self._run = self._executor.submit(self._work_in_thread, batch)

    def _take(self) -> Batch:
        self._running, self._next = self._next, Batch()
        self._running.last = self.lsn
        return self._running

    def _work(self, batch: Batch) -> Exception | None:
        """Write and sync one batch; here or in a thread."""
        try:
            for use, offset, buffers in batch.parts:
                self.segments.write(use, buffers, offset)
            if batch.sync:
                begun = time.perf_counter()
                self.segments.sync()
                self.pace.took(time.perf_counter() - begun)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is told to who waits)
            return error
        return None

    def _work_in_thread(self, batch: Batch) -> Exception | None:
        error = self._work(batch)
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self.loop.call_soon_threadsafe(self._delivered, batch)
        return error

    def _delivered(self, batch: Batch) -> None:
        if self._running is batch and self._run is not None:
            self._finish(self._run.result())

    def _finish(self, error: Exception | None = None, *, later: bool = False) -> None:
        """The running batch has ended. later: who waits is told in another turn of the loop."""
        batch, run = self._running, self._run
        assert batch is not None
        self._running = self._run = None
        error = error or (run.result() if run is not None else None)
        self._unsynced -= batch.bytes
        if error is not None:
            self.fail(error)
        else:
            self.written = batch.last
            if batch.sync:
                self.durable = batch.last
        told = [*batch.waiting_for_write, *batch.waiting]
        if later:
            self.loop.call_soon(self._tell, told, error)
        else:
            self._tell(told, error)
        self._caught_up()
        if (self._next.parts or self._next.sync) and not self._pump_due:
            self._pump_due = True
            self.loop.call_soon(self._pump)

    def _tell(
        self, told: list[tuple[object, Callable[[Exception | None], None]]], error: Exception | None
    ) -> None:
        for _, callback in told:
            callback(error)
        if error is None and not self.closed:
            self.on_durable()

    # --- segments

    def _find_room(self, type_: int, size: int) -> None:
        """Begin the next segment, where this one is full; raises OSError where none can be had."""
        fits = self._offset + size <= self._capacity
        if fits and type_ in _MAKES_ROOM:
            return
        self._secure()
        if fits:
            self._limit = self._capacity
        else:
            self._begin_segment()

    def _secure(self) -> None:
        """See to it that the next segment can be had. Raises OSError."""
        use = self.use + 1
        if not self.segments.is_secure(use):
            try:
                self.flush()  # those in front of it are begun
                self.segments.make_spare()
            except OSError as error:
                if not is_full(error):
                    self.fail(error)
                self._is_full = True
                self.loop.call_soon(self.on_full)
                raise
        self._is_full = False

    def _begin_segment(self) -> None:
        self._enter_segment()
        self.loop.call_soon(self._segment_begun)

    def _enter_segment(self) -> None:
        self.use += 1
        self._next.buffers = None
        self._seed = seed_of(self.seat, self.epoch, self.use)
        self._offset = SEGMENT_HEADER
        self._capacity = self.segments.capacity(self.use)
        self._limit = self._capacity - min(_KEPT_BYTES, self._capacity // 8)

    def _segment_begun(self) -> None:
        self.on_segment()
        self._make_spare()

    def _make_spare(self) -> None:
        if not self.closed:
            self.background.submit(self._spare)

    def _spare(self) -> None:
        # Where that fails, the batch that needs the segment tries, and fails, itself.
        with suppress(OSError):
            self.segments.make_spare()

    # --- a slow disk

    def _slow_down(self) -> None:
        if not self._congested:
            self._congested = True
            self._tell_congestion()
        if self._unsynced > 4 * self._unsynced_limit:
            self.flush()

    def _caught_up(self) -> None:
        if self._congested and self._unsynced <= self._unsynced_limit // 2:
            self._congested = False
            self.loop.call_soon(self._tell_congestion)

    def _tell_congestion(self) -> None:
        if self._on_congested is not None:
            self._on_congested(self._congested)
