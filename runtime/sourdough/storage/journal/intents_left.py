"""The file of intents that a recovery before the server's start has found (invariant S11).

<root>/journal.d/intents    msgpack: [1, [[packed key, ms], ...]]

The journals go before there is an index to tell; the file goes when the index holds what is in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sourdough.errors import StorageFormatError
from sourdough.storage.journal.segments import FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sourdough.storage.journal.disk import Disk

FORMAT = 1

_FILE = "intents"

_decode = msgspec.msgpack.Decoder(tuple[int, list[tuple[bytes, int]]]).decode


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
