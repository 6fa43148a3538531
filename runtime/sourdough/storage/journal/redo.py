"""Writes the pages of journal records into a database file (invariant S5).

Never into a `-wal`, and none is ever read: it is removed first. The newest version of each page is
written, then the size of the last commit is set, then the file is synced, and for a new file the
names that lead to it. Doing it twice, or beginning again after a crash, gives the same file.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from sourdough.errors import StorageError
from sourdough.storage.journal.pages import read_pages
from sourdough.storage.journal.places import directories_of, draft_path, wal_path
from sourdough.storage.journal.reader import pages_of
from sourdough.storage.journal.records import DEFLATED, IN_PAGES_FILE, RecordType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from sourdough.storage.journal.disk import Disk
    from sourdough.storage.journal.fates import Live

FRAME_HEADER = 24

# So many bytes of pages are held before they are written.
_HELD_BYTES = 8 * 1024 * 1024


def redo(path: Path, records: Iterable[Live], disk: Disk) -> None:
    """Bring a database up to its last record; nobody may have it open (invariant S3).

    Raises StorageError where the file is not what the records build on, OSError.
    """
    records = list(records)
    for scratch in (wal_path(path), draft_path(path), wal_path(draft_path(path))):
        disk.unlink(scratch)
    if not records:
        return
    if records[-1].type == RecordType.DELETE:
        disk.unlink(path)
        if disk.size(path.parent) is not None:
            disk.sync_directory(path.parent)
        return
    new = records[0].type == RecordType.CREATE
    if new:
        disk.make_directories(path.parent)
    elif disk.size(path) is None:
        raise StorageError("the database is missing, the journal has its changes", place=str(path))
    fd = disk.open(path, create=new)
    try:
        _Pages(fd, disk).write(records)
        disk.sync(fd)
    finally:
        disk.close(fd)
    if new:
        for directory in directories_of(path):
            disk.sync_directory(directory)


class _Pages:
    """The newest version of each page, written in order of their numbers."""

    def __init__(self, fd: int, disk: Disk) -> None:
        self._fd = fd
        self._disk = disk
        self._pages: dict[int, memoryview] = {}
        self._held = 0
        self._segment: tuple[Path, int] | None = None

    def write(self, records: list[Live]) -> None:
        try:
            for record in records:
                for payload in self._payloads(record):
                    self._take(record, payload)
                    if self._held > _HELD_BYTES:
                        self._flush(record.page_size)
        finally:
            if self._segment is not None:
                self._disk.close(self._segment[1])
        last = records[-1]
        self._flush(last.page_size)
        self._disk.truncate(self._fd, last.pages * last.page_size)

    def _take(self, record: Live, payload: memoryview) -> None:
        size = record.page_size
        if record.type == RecordType.CREATE:
            for number in range(record.pages):
                self._pages[number + 1] = payload[number * size : (number + 1) * size]
        else:
            for at in range(0, len(payload), size + FRAME_HEADER):
                number = int.from_bytes(payload[at : at + 4], "big")
                begin = at + FRAME_HEADER
                self._pages[number] = payload[begin : begin + size]
        self._held += len(payload)

    def _payloads(self, record: Live) -> Iterator[memoryview]:
        if record.flags & IN_PAGES_FILE:
            folder, frame = record.segment.parent, record.page_size + FRAME_HEADER
            for chunk in read_pages(folder, pages_of(record), frame, self._disk):
                yield memoryview(chunk)
        else:
            yield self._payload(record)

    def _payload(self, record: Live) -> memoryview:
        if self._segment is None or self._segment[0] != record.segment:
            if self._segment is not None:
                self._disk.close(self._segment[1])
                self._segment = None
            self._segment = (record.segment, self._disk.open(record.segment))
        data = self._disk.pread(self._segment[1], record.size, record.offset)
        return memoryview(zlib.decompress(data) if record.flags & DEFLATED else data)

    def _flush(self, page_size: int) -> None:
        """Write runs of neighbouring pages in one call each."""
        run: list[memoryview] = []
        first = 0
        for number in sorted(self._pages):
            if run and number != first + len(run):
                self._disk.pwrite(self._fd, run, (first - 1) * page_size)
                run = []
            if not run:
                first = number
            run.append(self._pages[number])
        if run:
            self._disk.pwrite(self._fd, run, (first - 1) * page_size)
        self._pages.clear()
        self._held = 0
