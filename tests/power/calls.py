"""The calls of Python's `os` that reach a disk, noted by the simulated one.

They are replaced for the whole process while a machine is on, so that code is tested as it is, with
whatever calls it makes. A call on a file elsewhere passes through.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.power.threads import DeadError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.power.power import Machine

_REAL: dict[str, Any] = {
    name: getattr(os, name)
    for name in (
        "open", "close", "write", "pwrite", "writev", "pwritev", "ftruncate", "truncate",
        "fsync", "fdatasync", "posix_fallocate", "unlink", "remove", "rename", "replace", "link",
        "mkdir", "rmdir",
    )
    if hasattr(os, name)
}  # fmt: skip


class Calls:
    """The replacements; descriptors of simulated files are known by number."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._disk = machine.disk
        self._nodes: dict[int, int] = {}

    def install(self) -> None:
        """Put the replacements in place."""
        for name in _REAL:
            setattr(os, name, getattr(self, f"_{name}"))

    def remove(self) -> None:
        """Put the real ones back; close what was left open."""
        for name, function in _REAL.items():
            setattr(os, name, function)
        for fd in self._nodes:
            _REAL["close"](fd)

    # Descriptors

    def _open(self, path, flags, mode=0o777, *, dir_fd=None):
        place = self._inside(path)
        if place is None:
            return _REAL["open"](path, flags, mode, dir_fd=dir_fd)
        self._machine.change()
        node = self._disk.node_at(place)
        if not self._disk.recording and flags & (os.O_CREAT | os.O_TRUNC):
            raise DeadError
        fd = _REAL["open"](path, flags, mode)
        if node is None:
            node = self._disk.create(place)
        elif flags & os.O_TRUNC:
            self._disk.truncated(node, 0)
        self._nodes[fd] = node
        return fd

    def _close(self, fd):
        self._nodes.pop(fd, None)
        return _REAL["close"](fd)

    # Contents

    def _write(self, fd, data):
        if fd not in self._nodes:
            return _REAL["write"](fd, data)
        return self._put(fd, [data], os.lseek(fd, 0, os.SEEK_CUR), lambda: _REAL["write"](fd, data))

    def _writev(self, fd, buffers):
        if fd not in self._nodes:
            return _REAL["writev"](fd, buffers)
        offset = os.lseek(fd, 0, os.SEEK_CUR)
        return self._put(fd, buffers, offset, lambda: _REAL["writev"](fd, buffers))

    def _pwrite(self, fd, data, offset):
        if fd not in self._nodes:
            return _REAL["pwrite"](fd, data, offset)
        return self._put(fd, [data], offset, lambda: _REAL["pwrite"](fd, data, offset))

    def _pwritev(self, fd, buffers, offset, flags=0):
        if fd not in self._nodes:
            return _REAL["pwritev"](fd, buffers, offset, flags)
        return self._put(fd, buffers, offset, lambda: _REAL["pwritev"](fd, buffers, offset, flags))

    def _put(self, fd: int, buffers: Sequence[Any], offset: int, real: Callable[[], int]) -> int:
        self._machine.change()
        data = b"".join(bytes(each) for each in buffers)
        if not self._disk.recording:
            return len(data)
        written = real()
        self._disk.wrote(self._nodes[fd], offset, data[:written])
        return written

    def _ftruncate(self, fd, length):
        if fd not in self._nodes:
            return _REAL["ftruncate"](fd, length)
        return self._resize(self._nodes[fd], length, lambda: _REAL["ftruncate"](fd, length))

    def _truncate(self, path, length):
        if isinstance(path, int):
            return self._ftruncate(path, length)
        place = self._inside(path)
        if place is None:
            return _REAL["truncate"](path, length)
        node = self._disk.node_at(place)
        return self._resize(node, length, lambda: _REAL["truncate"](path, length))

    def _resize(self, node: int | None, length: int, real: Callable[[], None]) -> None:
        self._machine.change()
        if self._disk.recording:
            real()
            assert node is not None
            self._disk.truncated(node, length)

    def _posix_fallocate(self, fd, offset, length):
        if fd not in self._nodes:
            return _REAL["posix_fallocate"](fd, offset, length)
        size = max(os.fstat(fd).st_size, offset + length)
        return self._resize(
            self._nodes[fd], size, lambda: _REAL["posix_fallocate"](fd, offset, length)
        )

    def _fsync(self, fd):
        if fd not in self._nodes:
            return _REAL["fsync"](fd)
        return self._machine.sync(self._nodes[fd])

    def _fdatasync(self, fd):
        if fd not in self._nodes:
            return _REAL["fdatasync"](fd)
        return self._machine.sync(self._nodes[fd])

    # Names

    def _unlink(self, path, *, dir_fd=None):
        return self._unname("unlink", path, dir_fd)

    def _remove(self, path, *, dir_fd=None):
        return self._unname("unlink", path, dir_fd)

    def _rmdir(self, path, *, dir_fd=None):
        return self._unname("rmdir", path, dir_fd)

    def _unname(self, name: str, path: Any, dir_fd: int | None) -> None:
        place = self._inside(path)
        if place is None:
            return _REAL[name](path, dir_fd=dir_fd)
        self._machine.change()
        if self._disk.recording:
            _REAL[name](path)
            self._disk.name(place, None)
        return None

    def _rename(self, src, dst, *, src_dir_fd=None, dst_dir_fd=None):
        source, target = self._inside(src), self._inside(dst)
        if source is None or target is None:
            return _REAL["rename"](src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        self._machine.change()
        if self._disk.recording:
            node, replaced = self._disk.node_at(source), self._disk.node_at(target)
            _REAL["rename"](src, dst)
            if node != replaced:  # of two links to one file neither goes, says POSIX
                self._disk.name(target, node)
                self._disk.name(source, None)
        return None

    _replace = _rename

    def _link(self, src, dst, *, src_dir_fd=None, dst_dir_fd=None, follow_symlinks=True):
        source, target = self._inside(src), self._inside(dst)
        if source is None or target is None:
            return _REAL["link"](src, dst)
        self._machine.change()
        if self._disk.recording:
            _REAL["link"](src, dst)
            self._disk.name(target, self._disk.node_at(source))
        return None

    def _mkdir(self, path, mode=0o777, *, dir_fd=None):
        place = self._inside(path)
        if place is None:
            return (
                _REAL["mkdir"](path, mode)
                if dir_fd is None
                else _REAL["mkdir"](path, mode, dir_fd=dir_fd)
            )
        self._machine.change()
        if self._disk.recording:
            _REAL["mkdir"](path, mode)
            self._disk.create(place, directory=True)
        return None

    def _inside(self, path: Any) -> Path | None:
        """Return where below the disk's folder a path leads; None: elsewhere."""
        if isinstance(path, int):
            return None
        place = Path(os.fsdecode(path))
        return place if place.is_relative_to(self._disk.folder) else None
