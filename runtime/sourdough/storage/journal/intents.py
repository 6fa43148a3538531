"""Earlier alarms that the coordinator's index is not known to hold yet (invariant S11).

    noted (a record, before the commit that sets the alarm) --index has kept it--> gone

So no commit waits for the coordinator: whatever crashes, the next owner of the seat, or the next
start of the server, finds the record and tells the index. It may tell too much: an early time wakes
an object for nothing, which decides for itself. A segment with a noted intent is not used again.

What a recovery before the server's start finds goes into a file, since the journals go before there
is an index to tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sourdough.errors import StorageFormatError
from sourdough.storage.journal.records import RecordType
from sourdough.storage.journal.segments import FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sourdough.storage.journal.disk import Disk
    from sourdough.storage.journal.journal import Journal

FORMAT = 1

_FILE = "intents"
_DUE_BYTES = 8

_decode = msgspec.msgpack.Decoder(tuple[int, list[tuple[bytes, int]]]).decode


def encode_due(due: int) -> bytes:
    """Return the payload of a record. due: milliseconds since the Unix epoch."""
    return due.to_bytes(_DUE_BYTES, "little")


def decode_due(payload: memoryview) -> int:
    """Read the payload of a record."""
    return int.from_bytes(payload, "little")


class Intents:
    """Those of one journal. Everything runs on the loop."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._noted: dict[int, int] = {}
        """Number (lsn) -> use number of the segment; oldest first."""

    def note(self, packed: bytes, due: int, *, sync: bool) -> int:
        """Note an earlier alarm; its commit comes behind. Return the number to say `kept` of."""
        number = self._journal.append(RecordType.INTENT, packed, encode_due(due), sync=sync)
        self._noted[number] = self._journal.use
        return number

    def kept(self, number: int) -> None:
        """The index holds that time or an earlier one, durably."""
        self._noted.pop(number, None)

    def oldest_use(self) -> int | None:
        """Return the segment of the oldest that the index may not hold; None: it holds all."""
        return next(iter(self._noted.values()), None)


def leave_intents(root: Path, found: Mapping[bytes, int], disk: Disk) -> None:
    """Keep what a recovery has found, with what an earlier one did, until the index holds it."""
    if not found:
        return
    merged = dict(left_intents(root, disk))
    for packed, due in found.items():
        merged[packed] = min(due, merged.get(packed, due))
    path = root / FOLDER / _FILE
    draft = path.with_suffix(".new")
    disk.unlink(draft)  # half of a rename may have survived: then it is a link to the file in use
    fd = disk.open(draft, create=True)
    try:
        data = msgspec.msgpack.encode((FORMAT, list(merged.items())))
        disk.pwrite(fd, [data], 0)
        disk.sync(fd)
    finally:
        disk.close(fd)
    disk.rename(draft, path)
    disk.sync_directory(path.parent)


def left_intents(root: Path, disk: Disk) -> list[tuple[bytes, int]]:
    """Return what recoveries have left: (packed key, ms). Raises StorageFormatError, OSError."""
    path = root / FOLDER / _FILE
    size = disk.size(path)
    if size is None:
        return []
    fd = disk.open(path)
    try:
        version, found = _decode(disk.pread(fd, size, 0))
    except msgspec.MsgspecError as error:
        raise StorageFormatError(
            "the list of alarms that a recovery left cannot be read",
            place=str(path),
            hint="remove it and catalogue.sqlite, which is made anew from the objects' files",
        ) from error
    finally:
        disk.close(fd)
    if version > FORMAT:
        raise StorageFormatError(
            f"{path} has format {version}, this version reads formats up to {FORMAT}",
            place=str(path),
            hint="upgrade Sourdough",
        )
    return found


def forget_intents(root: Path, disk: Disk) -> None:
    """The index holds what recoveries have left."""
    disk.unlink(root / FOLDER / _FILE)
    disk.sync_directory(root / FOLDER)
