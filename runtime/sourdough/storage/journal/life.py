"""How often servers have begun on a folder: what makes epochs rise over all of them (invariant P1).

    <root>/journal.d/life    {"format": 1, "life": 7, "void_before": 30064771072}

Its existence says that commits are in journals: a `-wal` in this folder is scratch. Without it the
`-wal` files are SQLite's own and hold what was committed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sourdough.errors import StorageError, StorageFormatError
from sourdough.storage.journal.segments import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

    from sourdough.storage.journal.disk import Disk

FORMAT = 1
_NAME = "life"
_SEAT_EPOCH_BITS = 32


@dataclass(frozen=True, slots=True)
class Life:
    """One server on a folder."""

    number: int
    void_before: int
    """Journals of lower epochs hold nothing that counts."""

    def epoch(self, seat_epoch: int) -> int:
        """Return the epoch of a seat's occupant over all lives of the folder."""
        return self.number << _SEAT_EPOCH_BITS | seat_epoch

    def following(self) -> Life:
        """Return the next one; all journals so far are void then."""
        number = self.number + 1
        return Life(number, number << _SEAT_EPOCH_BITS)


def read_life(root: Path, disk: Disk) -> Life | None:
    """Return the last life of a folder; None where commits are not in journals.

    Raises StorageError for a damaged file, StorageFormatError for a newer one.
    """
    path = root / FOLDER / _NAME
    if disk.size(path) is None:
        return None
    fd = disk.open(path)
    try:
        data = disk.pread(fd, 4096, 0)
    finally:
        disk.close(fd)
    try:
        stored = json.loads(data)
        version, life = stored["format"], Life(stored["life"], stored["void_before"])
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f"the number of lives is damaged: {error}",
            place=str(path),
            hint="restore it from a backup: it orders the journals",
        ) from error
    if version > FORMAT:
        raise StorageFormatError(
            f"{path} has format {version}, this version reads formats up to {FORMAT}",
            place=str(path),
            hint="upgrade Sourdough",
        )
    return life


def write_life(root: Path, life: Life, disk: Disk) -> None:
    """Write it down durably: the old or the new one is there after any crash."""
    folder = root / FOLDER
    if not disk.names(folder):
        disk.make_directories(folder)
        disk.sync_directory(root)
    content = {"format": FORMAT, "life": life.number, "void_before": life.void_before}
    draft = folder / f"{_NAME}.new"
    disk.unlink(draft)  # half of a rename may have survived: then it is a link to the file in use
    fd = disk.open(draft, create=True)
    try:
        disk.pwrite(fd, [json.dumps(content).encode() + b"\n"], 0)
        disk.sync(fd)
    finally:
        disk.close(fd)
    disk.rename(draft, folder / _NAME)
    disk.sync_directory(folder)


def forget_lives(root: Path, disk: Disk) -> None:
    """Say that commits are no longer in journals; the journals must be void and gone."""
    folder = root / FOLDER
    disk.unlink(folder / _NAME)
    disk.sync_directory(folder)
