"""The storage folder: where each object's file is, and what the folder says about itself (S14).

    <root>/namespaces.json                          which class keeps its data where, which migrations were applied
    <root>/README  .gitignore                       for people, for git
    <root>/<storage name>/<slot>/<id>.sqlite        one object; slot = first 12 bits, 3 hex digits
    <root>/<storage name>/<slot>/<id>.1.sqlite      a facet of it (`facet_files.py`)

Ids are keyed by the application's and the storage name, so both are written down at the first
start: a renamed class or application finds its data again instead of an empty world.
"""

from __future__ import annotations

import os
import re
import statistics
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sourdough.config.lifecycle import Lifecycle
from sourdough.config.register import Notice, Register, plan
from sourdough.errors import StorageError
from sourdough.placement import slot_of
from sourdough.storage.disk import open_directory, sync_data, write_all
from sourdough.storage.register_file import REGISTER, encode_register, read_register

if TYPE_CHECKING:
    from collections.abc import Iterator

SUFFIX = ".sqlite"

_STORAGE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_NOTHING = Lifecycle()

_README = """\
This folder holds the data of Durable Objects: one SQLite database per object.

Do not open the files with sqlite3 while the server runs. A file may have a -wal beside it that the
server still needs: sqlite3 would fold it into the database and delete it, and an unclean end of
the server could then lose what was acknowledged. Look at the data with `sourdough inspect`, which
is safe at any time.

To back up, stop the server and copy the whole folder, namespaces.json included: ids depend on it.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """An opened storage folder."""

    root: Path
    register: Register
    told: tuple[str, ...] = field(default=(), compare=False)
    """What opening it has changed for the classes, a sentence each."""
    warnings: tuple[Notice, ...] = field(default=(), compare=False)
    _recorded: Register | None = field(default=None, compare=False, repr=False)
    """What the file says; `commit` brings it in step with `register`."""

    @classmethod
    def open(
        cls, root: Path, application: str, classes: list[str], lifecycle: Lifecycle = _NOTHING
    ) -> Layout:
        """Create or open a storage folder for these classes.

        Raises StorageError for a folder that cannot be written or is damaged, StorageFormatError
        for one of a newer version, RefusedMigrationError for migrations that do not fit it.
        """
        prepare(root)
        layout = cls.planned(root, application, classes, lifecycle)
        layout.commit()
        return layout

    @classmethod
    def planned(
        cls, root: Path, application: str, classes: list[str], lifecycle: Lifecycle = _NOTHING
    ) -> Layout:
        """Return the layout that `commit` would bring about; raises as `open` and writes nothing."""
        with _told_as_unusable(root):
            recorded = read_register(root)
            for name in classes:
                if not _STORAGE_NAME.fullmatch(name):
                    raise StorageError(f"the class name {name!r} cannot name a folder")
            planned = plan(
                recorded,
                application=application,
                classes=classes,
                lifecycle=lifecycle,
                occupied=lambda name: is_occupied(root / name),
            )
        return cls(
            root=root,
            register=planned.register,
            told=planned.told,
            warnings=planned.warnings,
            _recorded=recorded,
        )

    def commit(self) -> None:
        """Write down which class keeps its objects where. Raises StorageError."""
        if self.register != self._recorded:
            with _told_as_unusable(self.root):
                write_durably(self.root / REGISTER, encode_register(self.register))

    @classmethod
    def existing(cls, root: Path) -> Layout:
        """Open a folder to look at it; changes nothing. Raises StorageError where there is none."""
        try:
            register = read_register(root)
        except OSError as error:
            raise StorageError(
                f"the storage folder cannot be read: {error.strerror}", place=str(root)
            ) from error
        if register is None:
            raise StorageError(
                "this is not a storage folder: it has no namespaces.json"
                if root.exists()
                else "there is no such storage folder yet",
                place=str(root),
                hint="start the server once, or name the right folder",
            )
        return cls(root=root, register=register, _recorded=register)

    def without(self, storage_name: str) -> Layout:
        """Forget a class whose objects were deleted, durably; return the layout that is left.

        Raises StorageError.
        """
        namespaces = self.register.namespaces.items()
        register = replace(
            self.register,
            namespaces={name: place for name, place in namespaces if place != storage_name},
            deleted=tuple(each for each in self.register.deleted if each.storage != storage_name),
        )
        layout = replace(self, register=register, told=(), warnings=())
        layout.commit()
        return replace(layout, _recorded=register)

    @property
    def unapplied(self) -> tuple[str, ...]:
        """The tags of migrations that `commit` would write down."""
        done = 0 if self._recorded is None else len(self._recorded.applied)
        return tuple(each.tag for each in self.register.applied[done:])

    @property
    def application(self) -> str:
        """The application name that ids are keyed by: the one recorded first."""
        return self.register.application

    @property
    def storage_names(self) -> dict[str, str]:
        """Class name -> storage name."""
        return dict(self.register.namespaces)

    def storage_name(self, class_name: str) -> str:
        """Return the storage name of a class. Raises KeyError for one that was not opened."""
        return self.storage_names[class_name]

    def path(self, storage_name: str, raw: bytes) -> Path:
        """Return the place of an object's file."""
        return object_path(self.root, storage_name, raw)


def object_path(root: Path, storage_name: str, raw: bytes) -> Path:
    """Return the place of an object's file under a storage root; looks at nothing."""
    return root / storage_name / f"{slot_of(raw):03x}" / f"{raw.hex()}{SUFFIX}"


def measure_sync(folder: Path) -> float:
    """Return the seconds that one small sync takes on this disk: the median of five.

    Raises StorageError for a disk that takes nothing, a full one for example.
    """
    try:
        fd, name = tempfile.mkstemp(prefix=".sync-", dir=folder)
        try:
            times = [_timed_sync(fd, number) for number in range(5)]
        finally:
            os.close(fd)
            Path(name).unlink()
    except OSError as error:
        raise StorageError(
            f"the storage folder cannot be written: {error.strerror}",
            place=str(folder),
            hint="free space on its disk",
        ) from error
    return statistics.median(times)


def write_durably(path: Path, data: bytes) -> None:
    """Replace a small file so that after any crash the old or the new content is there."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)  # half of a rename may have survived: then it is a link
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        write_all(fd, data)
        sync_data(fd)
    finally:
        os.close(fd)
    temporary.replace(path)
    directory = open_directory(path.parent)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _timed_sync(fd: int, number: int) -> float:
    os.pwrite(fd, bytes(4096), number * 4096)
    start = time.perf_counter()
    sync_data(fd)
    return time.perf_counter() - start


def is_occupied(tree: Path) -> bool:
    """Say whether there is an object in a folder of slots."""
    return next(tree.glob(f"*/*{SUFFIX}"), None) is not None


def prepare(root: Path) -> None:
    """Make the folder and what it says of itself. Raises StorageError."""
    with _told_as_unusable(root):
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, text in (("README", _README), (".gitignore", "*\n")):
            if not (root / name).exists():
                (root / name).write_text(text)


@contextmanager
def _told_as_unusable(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"the storage folder cannot be used: {error.strerror}",
            place=str(root),
            hint="make it writable for this user, or set another folder",
        ) from error
