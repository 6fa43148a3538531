"""SQLite's files as the simulated disk sees them: a VFS that hands on to the real one and notes."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

import apsw

from tests.power.threads import DeadError

if TYPE_CHECKING:
    from tests.power.power import Machine

# SQLite syncs the directory with the first sync of such a file, through the descriptor that made it.
_NAME_SYNCED_TOO = (
    apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL
)


class RecordingVFS(apsw.VFS):
    """The VFS "power"; the machine that is on hears of what its files do."""

    def __init__(self, name: str) -> None:
        self.machine: Machine | None = None
        super().__init__(name, "unix")

    def xOpen(self, name, flags):  # noqa: N802 (apsw's name)
        machine = self.machine
        filename = name.filename() if isinstance(name, apsw.URIFilename) else name
        if machine is None or not filename:
            return super().xOpen(name, flags)
        path = Path(filename)
        if not path.is_relative_to(machine.disk.folder):
            return super().xOpen(name, flags)
        return _RecordingFile(machine, path, name, flags)

    def xDelete(self, filename, syncdir):  # noqa: N802
        machine, path = self.machine, Path(filename)
        if machine is None or not path.is_relative_to(machine.disk.folder):
            super().xDelete(filename, syncdir)
            return
        _change(machine, apsw.SQLITE_IOERR_DELETE)
        if machine.disk.recording:
            super().xDelete(filename, False)
            machine.disk.name(path, None)
            if syncdir:
                machine.sync(machine.disk.node_at(path.parent))


class _RecordingFile(apsw.VFSFile):
    def __init__(self, machine: Machine, path: Path, name, flags) -> None:
        machine.threads.pause()
        disk = machine.disk
        node = disk.node_at(path)
        if node is None and not disk.recording:
            raise DeadError
        super().__init__("unix", name, flags)
        self._machine = machine
        self._directory = None
        if flags[0] & apsw.SQLITE_OPEN_CREATE:
            if node is None:
                node = disk.create(path)
            if flags[0] & _NAME_SYNCED_TOO:
                self._directory = disk.node_at(path.parent)
        self._node = node

    def xWrite(self, data, offset):  # noqa: N802
        machine = self._machine
        _change(machine, apsw.SQLITE_IOERR_WRITE)
        if machine.disk.recording:
            super().xWrite(data, offset)
            machine.disk.wrote(self._node, offset, bytes(data))

    def xTruncate(self, newsize):  # noqa: N802
        machine = self._machine
        _change(machine, apsw.SQLITE_IOERR_TRUNCATE)
        if machine.disk.recording:
            super().xTruncate(newsize)
            machine.disk.truncated(self._node, newsize)

    def xSync(self, _flags):  # noqa: N802
        nodes = [self._node]
        if self._directory is not None:
            nodes.append(self._directory)
            self._directory = None
        try:
            self._machine.sync(*nodes)
        except OSError as error:
            raise apsw.exception_for(apsw.SQLITE_IOERR_FSYNC) from error


def _change(machine: Machine, failure: int) -> None:
    """Wait for one's turn; raises what SQLite is to hear when the change fails."""
    try:
        machine.change()
    except OSError as error:
        code = apsw.SQLITE_FULL if error.errno == errno.ENOSPC else failure
        raise apsw.exception_for(code) from error
