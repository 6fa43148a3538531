"""The objects whose database could not be repaired: named, and refused until somebody acts.

<root>/journal.d/damaged    {"format": 1, "objects": [["Counter", "<id>", "record 7 ... "], ...]}
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sourdough.errors import StorageError
from sourdough.storage.journal.disk import RealDisk
from sourdough.storage.journal.places import key_of
from sourdough.storage.journal.records import ObjectKey
from sourdough.storage.journal.segments import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

    from sourdough.storage.journal.disk import Disk

RESTORE = "restore it from a backup, or delete the object with `sourdough rm`"

_NAME = "damaged"
_LIMIT = 16 * 1024 * 1024


def read_damaged(root: Path, disk: Disk) -> dict[bytes, str]:
    """Return why which objects are refused, by `ObjectKey.packed()`. Raises StorageError."""
    path = root / FOLDER / _NAME
    if disk.size(path) is None:
        return {}
    fd = disk.open(path)
    try:
        data = disk.pread(fd, _LIMIT, 0)
    finally:
        disk.close(fd)
    try:
        objects = json.loads(data)["objects"]
        return {
            ObjectKey(namespace, bytes.fromhex(digits)).packed(): reason
            for namespace, digits, reason in objects
        }
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f"the list of damaged objects is damaged: {error}",
            place=str(path),
            hint="remove it to have all objects served again",
        ) from error


def write_damaged(root: Path, damaged: dict[bytes, str], disk: Disk) -> None:
    """Write them down durably."""
    folder = root / FOLDER
    keys = {ObjectKey.unpacked(packed): reason for packed, reason in damaged.items()}
    objects = [[key.namespace, key.id.hex(), reason] for key, reason in keys.items()]
    draft = folder / f"{_NAME}.new"
    disk.unlink(draft)  # half of a rename may have survived: then it is a link to the file in use
    fd = disk.open(draft, create=True)
    try:
        disk.pwrite(fd, [json.dumps({"format": 1, "objects": objects}).encode() + b"\n"], 0)
        disk.sync(fd)
    finally:
        disk.close(fd)
    disk.rename(draft, folder / _NAME)
    disk.sync_directory(folder)


def forgive(root: Path, path: Path) -> None:
    """Serve the object of a path again: it was deleted, so its damage is no more. Raises as above."""
    disk = RealDisk()
    damaged = read_damaged(root, disk)
    if damaged.pop(key_of(path).packed(), None) is not None:
        write_damaged(root, damaged, disk)
