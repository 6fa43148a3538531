"""The pages of one big commit, in a file of their own beside the journal (invariant S12).

    header of 32 bytes | frames as in the `-wal` | trailer of 32 bytes

A commit of many MB must not hold up those of other objects. Its record enters the journal at once,
without the frames; a thread copies those, and until they are synced no commit of the object from
this one on counts as durable. The trailer is written when the frames are synced: a file without it
belongs to a commit that nobody was told of.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

from sourdough.errors import StorageError, StorageFormatError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sourdough.storage.journal.disk import Disk

FORMAT = 1

_NAME = re.compile(r"(\d+)-([0-9a-f]{16})-([0-9a-f]{16})\.pages")
_HEADER_MAGIC = b"SDJP"
_TRAILER_MAGIC = b"SDJE"
# Sum of what follows, magic, format, 0, seat, epoch, lsn.
_HEADER = struct.Struct("<I4sHHIQQ")
# Sum of what follows, magic, sum of the frames, 0, bytes of frames, lsn.
_TRAILER = struct.Struct("<I4sIIQQ")
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class PagesName:
    """Which record of which journal a file of pages belongs to."""

    seat: int
    epoch: int
    lsn: int

    def __str__(self) -> str:
        return f"{self.seat}-{self.epoch:016x}-{self.lsn:016x}.pages"

    @classmethod
    def parse(cls, name: str) -> PagesName | None:
        """Return what a name says; None for a file of another kind."""
        match = _NAME.fullmatch(name)
        return match and cls(int(match[1]), int(match[2], 16), int(match[3], 16))


def copy_pages(
    wal: Path, start: int, end: int, *, folder: Path, name: PagesName, disk: Disk
) -> None:
    """Copy frames of a `-wal` into a file of pages, durably. Raises OSError, StorageError."""
    path = folder / str(name)
    source, target = disk.open(wal), None
    try:
        target = disk.open(path, create=True)
        fields = _HEADER.pack(0, _HEADER_MAGIC, FORMAT, 0, name.seat, name.epoch, name.lsn)[4:]
        disk.pwrite(target, [crc32(fields).to_bytes(4, "little") + fields], 0)
        total, at = 0, _HEADER.size
        for chunk in _chunks(disk, source, start, end):
            total = crc32(chunk, total)
            disk.pwrite(target, [chunk], at)
            at += len(chunk)
        if at - _HEADER.size != end - start:
            raise StorageError("the frames of a commit are not where SQLite says they are")
        disk.sync(target)
        fields = _TRAILER.pack(0, _TRAILER_MAGIC, total, 0, end - start, name.lsn)[4:]
        disk.pwrite(target, [crc32(fields).to_bytes(4, "little") + fields], at)
        disk.sync(target)
        disk.sync_directory(folder)
    finally:
        disk.close(source)
        if target is not None:
            disk.close(target)


def is_whole(folder: Path, name: PagesName, disk: Disk) -> bool:
    """Say whether all pages of a commit are there. Raises StorageFormatError."""
    path = folder / str(name)
    if disk.size(path) is None:
        return False
    fd = disk.open(path)
    try:
        return _frames_size(fd, disk.size(path) or 0, name, disk) is not None
    finally:
        disk.close(fd)


def write_again(folder: Path, name: PagesName, disk: Disk) -> None:
    """Write a whole file of pages once more and sync it."""
    path = folder / str(name)
    fd = disk.open(path)
    try:
        at = 0
        for chunk in _chunks(disk, fd, 0, disk.size(path) or 0):
            disk.pwrite(fd, [chunk], at)
            at += len(chunk)
        disk.sync(fd)
    finally:
        disk.close(fd)


def read_pages(folder: Path, name: PagesName, frame: int, disk: Disk) -> Iterator[bytes]:
    """Iterate over the frames, many at a time. Raises StorageError for a file that is damaged."""
    path = folder / str(name)
    fd = disk.open(path)
    try:
        length = disk.size(path) or 0
        size = _frames_size(fd, length, name, disk)
        total = 0
        if size is not None:
            step = max(1, _CHUNK // frame) * frame
            for chunk in _chunks(disk, fd, _HEADER.size, _HEADER.size + size, step):
                total = crc32(chunk, total)
                yield chunk
        if size is None or total != _trailer(fd, length, disk)[2]:
            raise StorageError("the pages of a big commit are damaged", place=str(path))
    finally:
        disk.close(fd)


def _frames_size(fd: int, length: int, name: PagesName, disk: Disk) -> int | None:
    header = disk.pread(fd, _HEADER.size, 0)
    if length < _HEADER.size + _TRAILER.size or len(header) < _HEADER.size:
        return None
    total, magic, version, _, seat, epoch, lsn = _HEADER.unpack(header)
    if magic != _HEADER_MAGIC or total != crc32(header[4:]):
        return None
    if version > FORMAT:
        raise StorageFormatError(
            f"{name} has format {version}, this version reads up to {FORMAT}",
            hint="upgrade Sourdough",
        )
    end, end_magic, _, _, size, end_lsn = _trailer(fd, length, disk)
    whole = (
        end_magic == _TRAILER_MAGIC
        and end == crc32(disk.pread(fd, _TRAILER.size, length - _TRAILER.size)[4:])
        and size == length - _HEADER.size - _TRAILER.size
    )
    same = (seat, epoch, lsn, end_lsn) == (name.seat, name.epoch, name.lsn, name.lsn)
    return size if whole and same else None


def _trailer(fd: int, length: int, disk: Disk) -> tuple[int, bytes, int, int, int, int]:
    data = disk.pread(fd, _TRAILER.size, length - _TRAILER.size)
    total, magic, frames_sum, zero, size, lsn = _TRAILER.unpack(data)
    return total, magic, frames_sum, zero, size, lsn


def _chunks(disk: Disk, fd: int, start: int, end: int, step: int = _CHUNK) -> Iterator[bytes]:
    for at in range(start, end, step):
        yield disk.pread(fd, min(step, end - at), at)
