"""Writes the pages of journal records into a database file (invariant S5).

Never into a `-wal`, and none is ever read: it is removed first. The newest version of each page is
written, then the size of the last commit is set, then the file is synced, and for a new file the
names that lead to it. Doing it twice, or beginning again after a crash, gives the same file.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from sourdough.errors import StorageError
from sourdough.storage.journal.page_writer import FRAME_HEADER, PageWriter
from sourdough.storage.journal.pages import read_pages
from sourdough.storage.journal.places import directories_of, draft_path, wal_path
from sourdough.storage.journal.reader import pages_of
from sourdough.storage.journal.records import DEFLATED, IN_PAGES_FILE, RecordType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from sourdough.storage.journal.disk import Disk
    from sourdough.storage.journal.fates import Live

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
        _Redo(fd, disk).write(records)
        disk.sync(fd)
    finally:
        disk.close(fd)
    if new:
        for directory in directories_of(path):
            disk.sync_directory(directory)


class _Redo:
    """The records of one object on their way into its file."""

    def __init__(self, fd: int, disk: Disk) -> None:
        self._fd = fd
        self._disk = disk
        self._pages = PageWriter(fd, disk)
        self._segment: tuple[Path, int] | None = None

    def write(self, records: list[Live]) -> None:
        try:
            for record in records:
                for payload in self._payloads(record):
                    self._take(record, payload)
                    if self._pages.held > _HELD_BYTES:
                        self._pages.flush(record.page_size)
        finally:
            if self._segment is not None:
                self._disk.close(self._segment[1])
        last = records[-1]
        self._pages.flush(last.page_size)
        self._disk.truncate(self._fd, last.pages * last.page_size)

    def _take(self, record: Live, payload: memoryview) -> None:
        if record.type == RecordType.CREATE:
            self._pages.take_image(payload, record.page_size)
        else:
            self._pages.take_frames(payload, record.page_size)

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
