"""Writes pages into a database file: the newest version of each, in the order of their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.errors import StorageError

if TYPE_CHECKING:
    from sourdough.storage.journal.disk import Disk

FRAME_HEADER = 24

_PAGES = slice(4, 8)


class PageWriter:
    """Holds pages until `flush`. The descriptor is the caller's."""

    __slots__ = ("_disk", "_fd", "_pages", "held")

    def __init__(self, fd: int, disk: Disk) -> None:
        self._fd = fd
        self._disk = disk
        self._pages: dict[int, memoryview] = {}
        self.held = 0
        """Bytes that were taken since the last `flush`."""

    def take_image(self, image: memoryview, page_size: int) -> None:
        """Take all pages of a database."""
        for number, at in enumerate(range(0, len(image), page_size), 1):
            self._pages[number] = image[at : at + page_size]
        self.held += len(image)

    def take_frames(self, frames: memoryview, page_size: int) -> None:
        """Take frames of a `-wal`, in their order."""
        for at in range(0, len(frames), page_size + FRAME_HEADER):
            begin = at + FRAME_HEADER
            self._pages[int.from_bytes(frames[at : at + 4], "big")] = frames[
                begin : begin + page_size
            ]
        self.held += len(frames)

    def flush(self, page_size: int) -> None:
        """Write runs of neighbouring pages in one call each. Raises OSError."""
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
        self.held = 0


def size_after(frame: bytes) -> int:
    """Return the size of the database, in pages, from the last frame of a commit."""
    size = int.from_bytes(frame[_PAGES], "big")
    if not size:
        raise StorageError("the last frame of a commit has no size")
    return size
