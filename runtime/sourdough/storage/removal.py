"""Deletes an object's files. Nobody may have the database open (invariant S3)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sourdough.errors import StorageError
from sourdough.storage.disk import open_directory
from sourdough.storage.facet_files import below

if TYPE_CHECKING:
    from pathlib import Path


def wal_path(path: Path) -> Path:
    """Return the place of a database's WAL."""
    return path.with_name(path.name + "-wal")


def draft_path(path: Path) -> Path:
    """Return the place of a new database before it has its name."""
    return path.with_name(path.name + ".new")


def leftovers(path: Path) -> tuple[Path, Path]:
    """Return what may stand beside a database's name when it is not there itself."""
    return wal_path(path), draft_path(path)


def remove_object(path: Path) -> int:
    """Delete a database and its WAL for good; return how many bytes that freed.

    The database's end is durable before the WAL goes: one that came back after a loss of power
    without its WAL would be an older state of the object. And the WAL's is before anybody can make
    the object again: it would be folded into the new one. Raises StorageError.
    """
    try:
        freed = _remove(path)
        return freed + _remove(*leftovers(path))
    except OSError as error:
        raise StorageError(
            f"the object cannot be deleted: {error.strerror}", place=str(path)
        ) from error


def facets_on_disk(path: Path) -> list[Path]:
    """Return the databases of all facets below one, in the order in which to remove them."""
    try:
        return below(path, (each.name for each in path.parent.iterdir()))
    except FileNotFoundError:
        return []


def remove_whole(path: Path) -> int:
    """Delete an object with its facets; as `remove_object`.

    The object goes first: with it, nobody can see its facets any more.
    """
    facets = facets_on_disk(path)
    return remove_object(path) + sum(map(remove_object, facets))


def _remove(*paths: Path) -> int:
    """Remove names in one directory, durably."""
    found = [path for path in paths if path.exists()]
    freed = sum(path.stat().st_size for path in found)
    for path in found:
        path.unlink()
    folder = paths[0].parent
    if folder.exists():
        directory = open_directory(folder)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    return freed
