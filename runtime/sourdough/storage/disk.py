"""The few system calls whose order durability depends on."""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

if sys.platform == "darwin":

    def sync_data(fd: int) -> None:
        """Return when the file's content is on the medium: macOS only says so by F_FULLFSYNC."""
        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)

else:

    def sync_data(fd: int) -> None:
        """Return when the file's content, and the size needed to read it, is on the medium."""
        os.fdatasync(fd)


def _find_syncfs() -> Callable[[int], None] | None:
    """Return the sync of a whole file system, where it reports errors: Linux from 5.8 on."""
    release = re.match(r"(\d+)\.(\d+)", platform.release())
    if sys.platform != "linux" or release is None or (int(release[1]), int(release[2])) < (5, 8):
        return None
    try:
        call = ctypes.CDLL(None, use_errno=True).syncfs
    except (OSError, AttributeError):
        return None

    def sync(fd: int) -> None:
        if call(fd) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))

    return sync


sync_file_system = _find_syncfs()
"""Returns when everything on the file system of a descriptor is on the medium; None: not here."""


def open_directory(path: Path) -> int:
    """Return a descriptor through which a directory's entries can be synced."""
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def write_all(fd: int, data: bytes | bytearray) -> None:
    """Write everything from the file's start; a short write is continued."""
    view = memoryview(data)
    offset = 0
    while offset < len(view):
        offset += os.pwrite(fd, view[offset:], offset)


def is_blank(path: Path) -> bool:
    """Say whether a file is empty or all zeros: its content never reached the disk.

    Opens and closes the file, so it runs only while no connection to it is open (invariant S3).
    """
    with path.open("rb") as file:
        while chunk := file.read(4096):
            if chunk.count(0) != len(chunk):
                return False
    return True
