"""Looking at objects while no server runs. The caller holds the folder's lock (invariant P4).

Opening a file recovers it as stock SQLite does; nothing is folded on close (invariant S10).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sourdough.errors import StorageError
from sourdough.ids import ID_BYTES
from sourdough.storage.connection import open_file
from sourdough.storage.disk import is_blank
from sourdough.storage.inspection import ENTRY_LIMIT, ObjectReport, report
from sourdough.storage.layout import SUFFIX
from sourdough.storage.meta import check_format, stored_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import apsw


def inspect(path: Path, *, entry_limit: int = ENTRY_LIMIT) -> ObjectReport:
    """Return the report on the object in a file.

    Raises StorageError when there is none or it cannot be read, StorageFormatError for a newer
    format.
    """
    with _opened(path) as connection:
        return report(connection, path, entry_limit=entry_limit)


def read_name(path: Path) -> str | None:
    """Return the name that the object in a file is known by, if any. Raises as `inspect`."""
    with _opened(path) as connection:
        return stored_name(connection)


def scan(storage: Path, storage_name: str) -> Iterator[tuple[bytes, Path]]:
    """Iterate over (id, path) of all objects of a namespace, in the order of their ids."""
    folder = storage / storage_name
    if not folder.is_dir():
        return
    for slot in sorted(entry for entry in folder.iterdir() if entry.is_dir()):
        for path in sorted(slot.glob(f"*{SUFFIX}")):
            raw = _id_of(path)
            if raw is not None:
                yield raw, path


@contextmanager
def _opened(path: Path) -> Iterator[apsw.Connection]:
    if not path.exists() or is_blank(path):
        raise StorageError("there is no such object", place=str(path))
    connection = open_file(path)
    try:
        check_format(connection, path)
        yield connection
    finally:
        connection.close(True)


def _id_of(path: Path) -> bytes | None:
    try:
        raw = bytes.fromhex(path.name.removesuffix(SUFFIX))
    except ValueError:
        return None
    return raw if len(raw) == ID_BYTES else None
