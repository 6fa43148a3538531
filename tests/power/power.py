"""The machine under test: its disk, whether syncs fail, and who waits for a thread's next call.

While a `Machine` is on, every call of this process that changes or syncs a file below its disk's
folder is noted: those of Python by `calls`, those of SQLite by `vfs`. Calls of threads happen one
at a time, when the test's random generator says so: a seed is one order of everything.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Self

import apsw

from tests.power.calls import Calls
from tests.power.threads import Threads
from tests.power.vfs import RecordingVFS

if TYPE_CHECKING:
    from random import Random

    from tests.power.disk import SimulatedDisk

_VFS = "power"


class Machine:
    """A context: inside, the disk hears of everything."""

    _vfs: RecordingVFS | None = None

    def __init__(self, disk: SimulatedDisk, random: Random) -> None:
        self.disk = disk
        self.random = random
        self.threads = Threads(random)
        self.failing_syncs = 0.0
        """How likely a sync fails."""
        self.failed_syncs = 0
        self.failing_writes = 0.0
        """How likely a write, or a change of a name, fails."""
        self._calls = Calls(self)
        self._replaced: list[tuple[object, str, object]] = []

    def __enter__(self) -> Self:
        if Machine._vfs is None:
            Machine._vfs = RecordingVFS(_VFS)
        Machine._vfs.machine = self
        apsw.set_default_vfs(_VFS)
        self._calls.install()
        return self

    def __exit__(self, *_: object) -> None:
        self.threads.finish()
        self._calls.remove()
        for module, name, value in reversed(self._replaced):
            setattr(module, name, value)
        apsw.set_default_vfs("unix")
        assert Machine._vfs is not None
        Machine._vfs.machine = None

    def replace(self, module: object, name: str, value: object) -> None:
        """Give a module something else under a name, until the machine is off."""
        self._replaced.append((module, name, getattr(module, name)))
        setattr(module, name, value)

    def change(self) -> None:
        """Wait for one's turn, before the disk is changed; raises OSError when that fails."""
        self.threads.pause()
        if self.disk.recording and self.random.random() < self.failing_writes:
            code = self.random.choice((errno.ENOSPC, errno.EIO))
            raise OSError(code, os.strerror(code))

    def sync(self, *nodes: int | None) -> None:
        """Note a sync, during which others may go on; raises OSError when it fails."""
        self.threads.pause()
        begun = self.disk.position
        self.threads.pause()
        failed = self.disk.recording and self.random.random() < self.failing_syncs
        for node in nodes:
            self.disk.synced(node, begun, failed=failed)
        if failed:
            self.failed_syncs += 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))
