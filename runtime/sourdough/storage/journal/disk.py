"""The seam between the journal and the file system.

Everything that journal, recovery and marks read or write goes through a `Disk`, and every database
beside them is opened through the SQLite VFS that it names. So a test can put a simulated disk in
its place, which loses what was not synced.

All methods block, may be called from any thread, and raise OSError. A write is whole or raises;
nothing is durable before the sync that says so:

- `sync(fd)`: the file's content and size, not its name;
- `sync_directory(path)`: the names in that directory, not what they lead to.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, TypeAlias

from sourdough.storage.disk import open_directory, sync_data, sync_file_system

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Buffer: TypeAlias = "bytes | bytearray | memoryview"  # of bytes: its length is its size

# What the kernel takes in one call (IOV_MAX is 1024 on Linux and macOS).
_BUFFERS = 1000

# From here on one sync of the whole file system is cheaper: 200 files take 19 ms one by one, 2 ms so.
# It also writes what others have there, so few files are synced by themselves.
_MANY = 64


class Disk(Protocol):
    """A file system, as far as the journal needs one."""

    vfs: str | None
    """The SQLite VFS that opens databases on this disk; None for SQLite's default."""

    def open(self, path: Path, *, create: bool = False) -> int:
        """Return a descriptor to read and write; `create` makes the file, or empties one."""
        ...

    def close(self, fd: int) -> None:
        """Give a descriptor back; syncs nothing."""
        ...

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """Return what is there; less than `size` only at the end of the file."""
        ...

    def pwrite(self, fd: int, buffers: Sequence[Buffer], offset: int) -> None:
        """Write the buffers one behind the other."""
        ...

    def truncate(self, fd: int, size: int) -> None:
        """Cut or lengthen the file."""
        ...

    def sync(self, fd: int) -> None:
        """Return when the file's content and size are on the medium. Never to be tried again."""
        ...

    def sync_many(self, files: Sequence[int], directories: Sequence[Path]) -> None:
        """Do `sync` and `sync_directory` for many, all below one folder.

        A directory that is gone is none to sync: its class was removed, with all of its objects.
        """
        ...

    def sync_directory(self, path: Path) -> None:
        """Return when the names in a directory are on the medium."""
        ...

    def size(self, path: Path) -> int | None:
        """Return a file's size; None where there is none."""
        ...

    def names(self, path: Path) -> list[str]:
        """Return the names in a directory, in no order; none where there is no directory."""
        ...

    def room(self, path: Path) -> int:
        """Return how many bytes may still be written into files of a directory, about."""
        ...

    def make_directories(self, path: Path) -> None:
        """Make a directory and those above it that are missing."""
        ...

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name; one that had it before is gone."""
        ...

    def unlink(self, path: Path) -> None:
        """Remove a name of a file, if it is there."""
        ...


class RealDisk:
    """Implements `Disk` with the system's own calls."""

    vfs: str | None = None

    def open(self, path: Path, *, create: bool = False) -> int:
        flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT | os.O_TRUNC if create else 0)
        return os.open(path, flags, 0o600)

    def close(self, fd: int) -> None:
        os.close(fd)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        data = os.pread(fd, size, offset)
        while len(data) < size:
            more = os.pread(fd, size - len(data), offset + len(data))
            if not more:
                break
            data += more
        return data

    def pwrite(self, fd: int, buffers: Sequence[Buffer], offset: int) -> None:
        for start in range(0, len(buffers), _BUFFERS):
            offset += _write_all(fd, buffers[start : start + _BUFFERS], offset)

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    def sync(self, fd: int) -> None:
        sync_data(fd)

    def sync_many(self, files: Sequence[int], directories: Sequence[Path]) -> None:
        if files and len(files) + len(directories) >= _MANY and sync_file_system is not None:
            sync_file_system(files[0])
            return
        for fd in files:
            self.sync(fd)
        for directory in directories:
            with suppress(FileNotFoundError):
                self.sync_directory(directory)

    def sync_directory(self, path: Path) -> None:
        fd = open_directory(path)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def size(self, path: Path) -> int | None:
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return None

    def names(self, path: Path) -> list[str]:
        try:
            return os.listdir(path)  # noqa: PTH208 (names, not paths)
        except (FileNotFoundError, NotADirectoryError):
            return []

    def room(self, path: Path) -> int:
        disk = os.statvfs(path)
        return disk.f_bavail * disk.f_frsize

    def make_directories(self, path: Path) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def rename(self, old: Path, new: Path) -> None:
        old.replace(new)

    def unlink(self, path: Path) -> None:
        path.unlink(missing_ok=True)


def _write_all(fd: int, buffers: Sequence[Buffer], offset: int) -> int:
    size = sum(map(len, buffers))
    written = os.pwritev(fd, buffers, offset)
    if written < size:  # a short write is rare, and continued
        rest = memoryview(b"".join(bytes(each) for each in buffers))
        while written < size:
            written += os.pwrite(fd, rest[written:], offset + written)
    return size
