"""`<storage>/server.json`: which server uses the storage folder, for people, commands and locks.

The file says who; the lock beside it says whether (invariant P4). It is replaced as a whole, so
a reader sees the old or the new one. After a crash it stays: its processes are then gone, which
their start times show.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sourdough.coordinator.process import ProcessIdentity
from sourdough.errors import StorageFormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sourdough.coordinator.worker import Worker

SERVER_FILE = "server.json"
SERVER_FILE_FORMAT = 1
RUN_PREFIX = "sourdough-"
"""How the temporary folder of a running server is called: sockets live there, paths are short."""


class ServerFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a server tells about itself."""

    format: int = SERVER_FILE_FORMAT
    pid: int
    """The coordinator."""
    start_time: str
    """Of the coordinator, as `ProcessIdentity` has it."""
    version: str
    url: str
    control: str
    """Path of the control socket."""
    mode: str
    """"dev", "serve" or "library"."""
    children: tuple[ProcessIdentity, ...] = ()
    """Every child that holds the lock; written again before a child's first work."""

    @property
    def coordinator(self) -> ProcessIdentity:
        return ProcessIdentity(self.pid, self.start_time)

    @property
    def leftovers(self) -> tuple[ProcessIdentity, ...]:
        """The children that still run."""
        return tuple(child for child in self.children if child.alive)

    def write(self, storage: Path) -> None:
        """Replace the file of a storage folder by this one."""
        draft = storage / f"{SERVER_FILE}.{os.getpid()}.new"
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2))
        draft.replace(storage / SERVER_FILE)


class Announcement:
    """Writes who uses a folder, and which processes to end should we die (invariant P4)."""

    def __init__(
        self, storage: Path, *, mode: str, version: str, workers: Callable[[], Sequence[Worker]]
    ) -> None:
        """workers: the children of now."""
        self._storage = storage
        self._mode = mode
        self._version = version
        self._workers = workers
        self._failed = False
        self.url = ""
        self.control = Path()
        self.on_failed: Callable[[str], None] = lambda _text: None

    def write(self) -> None:
        """Write the file as it should be now; a disk that does not take it is told of once.

        The lock protects the folder all the same, and the next child's start tries again.
        """
        # Clients are not ours to end: they were not started here and hold no lock.
        pids = [each.pid for each in self._workers() if not each.is_client]
        me = ProcessIdentity.of(os.getpid())
        identities = [ProcessIdentity.of(pid) for pid in pids if pid is not None]
        file = ServerFile(
            pid=os.getpid(),
            start_time=me.start_time if me is not None else "",
            version=self._version,
            url=self.url,
            control=str(self.control),
            mode=self._mode,
            children=tuple(each for each in identities if each is not None),
        )
        try:
            file.write(self._storage)
        except OSError as error:
            if not self._failed:
                self.on_failed(f"{SERVER_FILE} cannot be written: {error.strerror}")
            self._failed = True
        else:
            self._failed = False


def read_server_file(storage: Path) -> ServerFile | None:
    """Return what a folder's server last told; None when there is nothing that can be read.

    Raises StorageFormatError for a file of a newer version (invariant S14).
    """
    try:
        data = (storage / SERVER_FILE).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        if msgspec.json.decode(data, type=_Format).format > SERVER_FILE_FORMAT:
            raise StorageFormatError(
                f"{storage / SERVER_FILE} was written by a newer Sourdough.",
                hint="Use that version, or stop its server first.",
            )
        return msgspec.json.decode(data, type=ServerFile)
    except msgspec.MsgspecError:
        # A loss of power can leave any bytes here. Nothing depends on them: the lock decides.
        return None


def remove_leftover(storage: Path) -> None:
    """Remove the temporary folder of a server that died; called by who holds the lock now."""
    try:
        server = read_server_file(storage)
    except StorageFormatError:
        return
    if server is None or server.coordinator.alive:
        return
    folder = Path(server.control).parent
    # A file can say anything: only a folder that one of us has made is ever deleted.
    if folder.name.startswith(RUN_PREFIX) and folder.parent == Path(tempfile.gettempdir()):
        shutil.rmtree(folder, ignore_errors=True)


def remove_server_file(storage: Path) -> None:
    """Forget the server, at its orderly end."""
    (storage / SERVER_FILE).unlink(missing_ok=True)


class _Format(msgspec.Struct, frozen=True):
    format: int
