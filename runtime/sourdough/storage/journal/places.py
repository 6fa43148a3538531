"""Which file belongs to which object, and back (the layout is format, invariant S14). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.errors import StorageError
from sourdough.ids import ID_BYTES
from sourdough.storage.facet_files import join, split
from sourdough.storage.journal.records import ObjectKey
from sourdough.storage.layout import object_path

if TYPE_CHECKING:
    from pathlib import Path


def key_of(path: Path) -> ObjectKey:
    """Return which object a database file belongs to. Raises StorageError for another's place."""
    digits, numbers = split(path)
    try:
        raw = bytes.fromhex(digits)
    except ValueError:
        raw = b""
    if len(raw) != ID_BYTES:
        raise StorageError("this is not the place of an object's database", place=str(path))
    return ObjectKey(path.parent.parent.name + numbers, raw)


def path_of(root: Path, packed: bytes) -> Path:
    """Return the database file of an object that a record names."""
    key = ObjectKey.unpacked(packed)
    namespace, dot, numbers = key.namespace.partition(".")
    return join(object_path(root, namespace, key.id), dot + numbers)


def wal_path(path: Path) -> Path:
    """Return the place of a database's WAL."""
    return path.with_name(path.name + "-wal")


def draft_path(path: Path) -> Path:
    """Return the place of a new database until its record is durable."""
    return path.with_name(path.name + ".new")


def directories_of(path: Path) -> tuple[Path, Path, Path]:
    """Return the directories whose entries lead to a database, nearest first."""
    slot = path.parent
    return slot, slot.parent, slot.parent.parent
