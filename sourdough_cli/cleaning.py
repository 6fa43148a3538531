"""Emptying a storage folder: `sourdough dev --clean`.

Only what this program is known to have made is deleted: the trees of objects, the journals and
the catalogue. A file of somebody else in the same folder stays, as do the names in
namespaces.json, so ids stay what they were. Whoever deletes holds the folder's lock.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sourdough.coordinator.catalogue_schema import CATALOGUE_FILE
from sourdough.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path

_SLOT = re.compile(r"[0-9a-f]{3}")
_JOURNALS = "journal*"
_DATABASES = "*.sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What would be deleted."""

    objects: int
    octets: int
    entries: tuple[Path, ...]


def contents_of(storage: Path) -> Contents:
    """Look through a storage folder; one that is not there is empty."""
    trees = [path for path in _children(storage) if _is_object_tree(path)]
    others = [*storage.glob(_JOURNALS), *storage.glob(f"{CATALOGUE_FILE}*")]
    return Contents(
        # With more than one dot it is a facet's: part of its object.
        objects=sum(
            each.name.count(".") == 1 for tree in trees for each in tree.glob(f"*/{_DATABASES}")
        ),
        octets=sum(_size(path) for path in (*trees, *others)),
        entries=(*trees, *others),
    )


def delete(contents: Contents) -> None:
    """Delete everything in `contents`. Raises StorageError at the first thing that stays."""
    for path in contents.entries:
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(
                f"{path} cannot be deleted: {error.strerror}.", place=str(path)
            ) from error


def _children(storage: Path) -> list[Path]:
    return sorted(storage.iterdir()) if storage.is_dir() else []


def _is_object_tree(path: Path) -> bool:
    """Say whether a folder holds slots and nothing else."""
    if path.is_symlink() or not path.is_dir():
        return False
    names = [child.name for child in path.iterdir()]
    return bool(names) and all(_SLOT.fullmatch(name) for name in names)


def _size(path: Path) -> int:
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    return sum(file.lstat().st_size for file in path.rglob("*") if file.is_file())
