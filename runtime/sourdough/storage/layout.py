"""The storage folder: where each object's file is, and what the folder says about itself (S14).

    <root>/namespaces.json                          which class keeps its data where
    <root>/README  .gitignore                       for people, for git
    <root>/<storage name>/<slot>/<id>.sqlite        one object; slot = first 12 bits, 3 hex digits

Ids are keyed by the application's and the storage name, so both are written down at the first
start: a renamed class or application finds its data again instead of an empty world.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sourdough.errors import StorageError, StorageFormatError
from sourdough.placement import slot_of
from sourdough.storage.disk import open_directory, sync_data, write_all

FORMAT = 1
REGISTER = "namespaces.json"
SUFFIX = ".sqlite"

_STORAGE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

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
    application: str
    """The application name that ids are keyed by: the one recorded first."""
    storage_names: dict[str, str]
    """Class name -> storage name."""
    warning: str | None = None
    hint: str | None = None

    @classmethod
    def open(cls, root: Path, application: str, classes: list[str]) -> Layout:
        """Create or open a storage folder for these classes.

        Raises StorageError for a folder that cannot be written or is damaged, StorageFormatError
        for one of a newer version.
        """
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            register = _read_register(root)
            wanted = _extended(register, application, classes)
            if wanted != register:
                write_durably(root / REGISTER, json.dumps(wanted, indent=2).encode() + b"\n")
            for name, text in (("README", _README), (".gitignore", "*\n")):
                if not (root / name).exists():
                    (root / name).write_text(text)
        except OSError as error:
            raise StorageError(
                f"the storage folder cannot be used: {error.strerror}",
                place=str(root),
                hint="make it writable for this user, or set another folder",
            ) from error
        return cls._of(root, wanted, application)

    @classmethod
    def existing(cls, root: Path) -> Layout:
        """Open a folder to look at it; changes nothing. Raises StorageError where there is none."""
        try:
            register = _read_register(root)
        except OSError as error:
            raise StorageError(
                f"the storage folder cannot be read: {error.strerror}", place=str(root)
            ) from error
        if register is None:
            raise StorageError(
                "this is not a storage folder: it has no namespaces.json",
                place=str(root),
                hint="start the server once, or name the right folder",
            )
        return cls._of(root, register, register["application"])

    @classmethod
    def _of(cls, root: Path, register: dict[str, Any], application: str) -> Layout:
        recorded = register["application"]
        warning = hint = None
        if recorded != application:
            warning = (
                f"the application is called {application!r} now, its data was stored under"
                f" {recorded!r}; ids are still made with {recorded!r}"
            )
            hint = f'set name = "{recorded}" again, or use another storage folder to start empty'
        return cls(
            root=root,
            application=recorded,
            storage_names={
                name: entry["storage"] for name, entry in register["namespaces"].items()
            },
            warning=warning,
            hint=hint,
        )

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


def _read_register(root: Path) -> dict[str, Any] | None:
    path = root / REGISTER
    try:
        register = json.loads(path.read_bytes())
        version = register["format"]
        if version > FORMAT:
            raise StorageFormatError(
                f"{path} has format {version}, this version reads formats up to {FORMAT}",
                place=str(path),
                hint="upgrade Sourdough",
            )
        application, namespaces = register["application"], register["namespaces"]
        _ = [entry["storage"] for entry in namespaces.values()]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StorageError(
            f"{REGISTER} is damaged: {error}",
            place=str(path),
            hint="restore it from a backup: ids depend on it",
        ) from error
    return {"format": FORMAT, "application": application, "namespaces": namespaces}


def _extended(
    register: dict[str, Any] | None, application: str, classes: list[str]
) -> dict[str, Any]:
    """Return the register with entries for classes that it does not know yet."""
    if register is None:
        register = {"format": FORMAT, "application": application, "namespaces": {}}
    namespaces = dict(register["namespaces"])
    for name in classes:
        if not _STORAGE_NAME.fullmatch(name):
            raise StorageError(f"the class name {name!r} cannot name a folder")
        namespaces.setdefault(name, {"storage": name})
    return {**register, "namespaces": namespaces}
