"""Deletes an object's files. Nobody may have the database open (invariant S3)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sourdough.errors import StorageError
from sourdough.storage.disk import open_directory

if TYPE_CHECKING:
    from pathlib import Path


def remove_object(path: Path) -> int:
    """Delete a database and its WAL for good; return how many bytes that freed.

    The WAL goes last: a database that came back after a loss of power without it would be an
    older state of the object, and a WAL without its database is ignored. Raises StorageError.
    """
    freed = 0
    try:
        for name in (path.name, f"{path.name}-wal", f"{path.name}.new"):
            each = path.with_name(name)
            if each.exists():
                freed += each.stat().st_size
                each.unlink()
        if path.parent.exists():
            directory = open_directory(path.parent)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
    except OSError as error:
        raise StorageError(
            f"the object cannot be deleted: {error.strerror}", place=str(path)
        ) from error
    return freed
