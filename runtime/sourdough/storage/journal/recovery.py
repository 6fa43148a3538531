"""What happens to a storage folder before any host starts (invariant S9), and before it is looked at.

After a loss of power, a crash or a clean end alike: all journals are redone into the objects'
files, every `-wal` is removed unread, the next life begins. Doing it twice does the same.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from sourdough.errors import StorageError
from sourdough.storage.connection import open_file
from sourdough.storage.journal.damage import read_damaged, write_damaged
from sourdough.storage.journal.disk import RealDisk
from sourdough.storage.journal.intents_left import forget_intents, leave_intents, left_intents
from sourdough.storage.journal.life import Life, forget_lives, read_life, write_life
from sourdough.storage.journal.pages import PagesName
from sourdough.storage.journal.places import path_of
from sourdough.storage.journal.reader import keep_pages, read_journals
from sourdough.storage.journal.records import ObjectKey
from sourdough.storage.journal.redo import redo
from sourdough.storage.journal.segments import FOLDER, SegmentName

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sourdough.storage.journal.disk import Disk
    from sourdough.storage.journal.reader import Reading

_THREADS = 4
_SLOT_DIGITS = 3
_WAL = "-wal"
_DRAFT = ".new"
_DATABASE = ".sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What a recovery did."""

    life: Life
    """The one that begins."""
    repaired: int = 0
    """Objects whose records were redone."""
    damaged: dict[str, str] = field(default_factory=dict)
    """Segments and objects that could not be read or repaired, and what is wrong with them."""


def recover(root: Path, disk: Disk) -> Recovery:
    """Redo all journals of a folder and begin its next life; nobody else works in it.

    A folder whose commits are in `-wal` files, as SQLite itself has it, is changed over: they are
    folded. Raises OSError, StorageError, StorageFormatError.
    """
    life = read_life(root, disk)
    if life is None:
        _fold_all(root, disk)
        life = Life(0, 0)
    if not has_journals(root, disk):
        following = life.following()
        write_life(root, following, disk)
        return Recovery(life=following)
    void_before = life.void_before
    reading = read_journals(root / FOLDER, disk, lambda name: name.epoch >= void_before)
    refused = _redo_all(root, reading, disk)
    _remove_scratch(root, disk)
    if refused:
        write_damaged(root, {**read_damaged(root, disk), **refused}, disk)
    leave_intents(root, reading.intents(), disk)
    life = life.following()
    write_life(root, life, disk)
    _remove_journals(root, reading, disk)
    named = {str(path): text for path, text in reading.damaged.items()}
    named |= {str(path_of(root, packed)): text for packed, text in refused.items()}
    return Recovery(life=life, repaired=len(reading.fates) - len(refused), damaged=named)


def prepare_storage(root: Path, engine: Literal["journal", "wal"]) -> dict[str, str]:
    """Do all that is due before a server's hosts start; return what is damaged, and why.

    engine: in which way commits are to be kept in the folder from now on. Raises as `recover`.
    """
    disk = RealDisk()
    try:
        if engine == "journal":
            return recover(root, disk).damaged
        return leave_journals(root, disk)
    except OSError as error:
        raise StorageError(
            f"the storage folder cannot be recovered: {error.strerror}", place=str(root)
        ) from error


def alarms_left(root: Path) -> list[tuple[str, bytes, int]]:
    """Return what the index of alarms may not hold: (storage name, id, ms). Raises as `recover`."""
    keys = [(ObjectKey.unpacked(packed), due) for packed, due in left_intents(root, RealDisk())]
    return [(key.namespace, key.id, due) for key, due in keys]


def alarms_kept(root: Path) -> None:
    """The index holds, durably, what `alarms_left` has returned. Raises OSError."""
    forget_intents(root, RealDisk())


def settle(root: Path) -> None:
    """Have the objects' files hold everything, to look at them while no server runs (S10).

    Does nothing in a folder without journals. Raises as `recover`.
    """
    disk = RealDisk()
    if read_life(root, disk) is not None and has_journals(root, disk):
        recover(root, disk)


def leave_journals(root: Path, disk: Disk) -> dict[str, str]:
    """Change a folder over to commits in `-wal` files; return what is damaged. As `recover`."""
    if read_life(root, disk) is None:
        return {}
    damaged = recover(root, disk).damaged
    forget_lives(root, disk)
    return damaged


def has_journals(root: Path, disk: Disk) -> bool:
    """Say whether there are journals that were not recovered."""
    return any(map(SegmentName.parse, disk.names(root / FOLDER)))


def _redo_all(root: Path, reading: Reading, disk: Disk) -> dict[bytes, str]:
    """Repair every object; return those that cannot be, and why."""

    def repair(packed: bytes) -> tuple[bytes, str] | None:
        fate = reading.fates[packed]
        if fate.damage is not None:
            return packed, fate.damage
        live = fate.live()
        try:
            if live:
                keep_pages(live, disk)
                redo(path_of(root, packed), live, disk)
        except StorageError as error:
            return packed, error.message
        return None

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="sourdough-recovery") as threads:
        return dict(filter(None, threads.map(repair, reading.fates)))


def _remove_journals(root: Path, reading: Reading, disk: Disk) -> None:
    """Remove segments, which are void by now; damaged ones are kept under another name."""
    folder = root / FOLDER
    for path in reading.damaged:
        disk.rename(path, path.with_name(path.name + ".damaged"))
    for name in disk.names(folder):
        if SegmentName.parse(name) is not None or PagesName.parse(name) is not None:
            disk.unlink(folder / name)
    disk.sync_directory(folder)


def _remove_scratch(root: Path, disk: Disk) -> None:
    """Remove every `-wal`, and files that were never marked: the journals had all of them."""
    for folder, name in _files(root, disk):
        if name.endswith((_WAL, _DRAFT)):
            disk.unlink(folder / name)


def _fold_all(root: Path, disk: Disk) -> None:
    """Fold what SQLite has in `-wal` files; it syncs both in the right order."""
    for folder, name in _files(root, disk):
        if not name.endswith(_DATABASE + _WAL):
            continue
        wal = folder / name
        path = folder / name.removesuffix(_WAL)
        if disk.size(path) and disk.size(wal):
            connection = open_file(path, vfs=disk.vfs, synchronous="FULL")
            try:
                connection.wal_checkpoint()
            finally:
                connection.close(True)
            _sync(path, disk)
        disk.unlink(wal)


def _sync(path: Path, disk: Disk) -> None:
    fd = disk.open(path)
    try:
        disk.sync(fd)
    finally:
        disk.close(fd)


def _files(root: Path, disk: Disk) -> Iterator[tuple[Path, str]]:
    """Iterate over the files of all objects, by folder and name."""
    for namespace in disk.names(root):
        for slot in disk.names(root / namespace) if "." not in namespace else ():
            folder = root / namespace / slot
            if len(slot) == _SLOT_DIGITS:
                for name in disk.names(folder):
                    yield folder, name
