"""The files of one host's journal, and the order in which they are written (invariant S8).

    spare --its turn--> current --full, synced--> used --every record void--> spare (new use number)

A segment is made full of zeros and synced with its name before it is written: a sync of a file
that grows, or of blocks never written, would be a metadata commit each time. The next one is ready
before it is needed; its header is synced by then. A journal is never continued by another process.

A header says which segments are void. None goes before one says so, durably: a segment that is not
there and not void is lost (`reader.py`).

On a disk that is nearly full a record is refused before it is appended, unless the segment for it is
there (`secure`): what was appended and then found no room would end the host.
"""

from __future__ import annotations

import errno
import os
import re
import threading
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sourdough.errors import StorageError
from sourdough.storage.journal.records import SEGMENT_HEADER, SegmentHeader, encode_segment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sourdough.storage.journal.disk import Buffer, Disk

FOLDER = "journal.d"  # no class name has a dot, so no namespace's folder can be in the way

SEGMENT_BYTES = 16 * 1024 * 1024
# The first one must be there before a host serves; made in a few ms, it is not used twice.
FIRST_BYTES = 1024 * 1024

# While there is room for so many, nobody waits for one to be made.
_PLENTY = 4

# So many void segments are kept: to make one is to write it twice.
_FREE = 3

_NAME = re.compile(r"(\d+)-([0-9a-f]{16})-(\d+)\.segment")
_ZEROS = bytes(256 * 1024)


@dataclass(frozen=True, slots=True)
class SegmentName:
    """What the name of a segment's file says."""

    seat: int
    epoch: int
    number: int

    def __str__(self) -> str:
        return f"{self.seat}-{self.epoch:016x}-{self.number}.segment"

    @classmethod
    def parse(cls, name: str) -> SegmentName | None:
        """Return what a name says; None for a file that is no segment."""
        match = _NAME.fullmatch(name)
        return match and cls(int(match[1]), int(match[2], 16), int(match[3]))


@dataclass(slots=True)
class Segment:
    """One open file of the journal."""

    path: Path
    fd: int
    size: int
    use: int
    number: int
    """As in its name."""


class Segments:
    """The segments of one journal. `write` and `make_spare` may run in threads, one of each."""

    def __init__(
        self, *, folder: Path, seat: int, epoch: int, disk: Disk, size: int = SEGMENT_BYTES
    ) -> None:
        """Make the folder and the first segment. Raises StorageError for a journal that exists."""
        self.size = size
        self.first_size = min(FIRST_BYTES, size)
        self._folder = folder
        self._seat = seat
        self._epoch = epoch
        self._disk = disk
        self._made = 0
        self._lock = threading.Lock()
        self._spare: Segment | None = None
        self._refused = False
        """Whether the last one could not be made, for want of room."""
        self._used: deque[Segment] = deque()
        self._free: deque[Segment] = deque()
        self._void: deque[Segment] = deque()
        """Those that go when the next header says that they are void."""
        disk.make_directories(folder)
        disk.sync_directory(folder.parent)
        for name in map(SegmentName.parse, disk.names(folder)):
            if name is not None and (name.seat, name.epoch) == (seat, epoch):
                raise StorageError(
                    "the journal has an owner already", place=str(folder / str(name))
                )
        self._current = self._make(self.first_size, 1)

    @property
    def oldest(self) -> int:
        """The use number of the oldest segment that holds records."""
        return self._used[0].use if self._used else self._current.use

    @property
    def files(self) -> int:
        return len(self._all())

    def capacity(self, use: int) -> int:
        """Return how many bytes the segment of a use number has."""
        return self.first_size if use == 1 else self.size

    def write(self, use: int, buffers: list[Buffer], offset: int) -> None:
        """Write a part of a batch. The next segment begins when the last one is synced."""
        if use != self._current.use:
            self._advance(use)
        self._disk.pwrite(self._current.fd, buffers, offset)

    def sync(self) -> None:
        """Return when everything written is on the medium."""
        self._disk.sync(self._current.fd)

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Keep the set of files as it is for a while."""
        with self._lock:
            yield

    def make_spare(self) -> None:
        """Have the next segment ready; does nothing where it is. Raises OSError."""
        with self._lock:
            if self._spare is None:
                self._refused = True
                self._spare = self._next(self._current.use + 1)
                self._refused = False

    def is_secure(self, use: int) -> bool:
        """Say whether the segment of a use number is ready, or there is plenty of room for it."""
        if use == self._current.use or (self._spare is not None and self._spare.use == use):
            return True
        return not self._refused and self._disk.room(self._folder) >= _PLENTY * self.size

    def recycle(self, below: int) -> None:
        """Give up the segments of use numbers below: every record in them is void."""
        with self._lock:
            while self._used and self._used[0].use < below:
                segment = self._used.popleft()
                (self._free if segment.size == self.size else self._void).append(segment)
            while len(self._free) > _FREE:
                self._void.append(self._free.popleft())

    def close(self) -> None:
        """Close the files; they stay."""
        for segment in self._all():
            self._disk.close(segment.fd)

    def discard(self) -> None:
        """Close and remove all files: every record is void. The one that says so goes last."""
        last = self._current
        self._write_header(last, oldest=last.use + 1)
        for segment in self._all():
            if segment is not last:
                self._remove(segment)
        self._remove(last)

    def _all(self) -> list[Segment]:
        spare = [] if self._spare is None else [self._spare]
        return [*self._void, *self._free, *self._used, self._current, *spare]

    def _remove(self, segment: Segment) -> None:
        self._disk.close(segment.fd)
        self._disk.unlink(segment.path)
        self._disk.sync_directory(self._folder)

    def _advance(self, use: int) -> None:
        self._disk.sync(self._current.fd)
        self.make_spare()
        with self._lock:
            assert self._spare is not None
            assert self._spare.use == use
            self._used.append(self._current)
            self._current, self._spare = self._spare, None

    def _next(self, use: int) -> Segment:
        if self._free:
            segment = self._free.popleft()
            segment.use = use
            self._write_header(segment, oldest=self.oldest)
        else:
            segment = self._make(self.size, use)
        while self._void:
            self._remove(self._void.popleft())
        return segment

    def _make(self, size: int, use: int) -> Segment:
        if self._disk.room(self._folder) < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._made += 1
        path = self._folder / str(SegmentName(self._seat, self._epoch, self._made))
        fd = self._disk.open(path, create=True)
        segment = Segment(path, fd, size, use, self._made)
        try:
            for offset in range(0, size, len(_ZEROS)):
                self._disk.pwrite(fd, [_ZEROS[: size - offset]], offset)
            self._write_header(segment, oldest=self.oldest if use > 1 else 1)
            self._disk.sync_directory(self._folder)
        except OSError:
            self._disk.close(fd)
            with suppress(OSError):
                self._disk.unlink(path)
            raise
        return segment

    def _write_header(self, segment: Segment, *, oldest: int) -> None:
        header = encode_segment(
            SegmentHeader(self._seat, self._epoch, segment.use, oldest, segment.number)
        )
        assert len(header) == SEGMENT_HEADER
        self._disk.pwrite(segment.fd, [header], 0)
        self._disk.sync(segment.fd)
