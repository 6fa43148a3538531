"""What an object's file says about itself: the format, and whose it is (invariant S14).

Two tables of ours stand beside the user's: `_sd_kv` (the key-value store) and `_sd_meta`. The
SQLite header carries an application id and the format as its user version, so that `file` and any
tool can tell what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import apsw

from sourdough.errors import StorageError, StorageFormatError
from sourdough.storage import failure

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1
APPLICATION_ID = 0x53444F42  # "SDOB"

_SCHEMA = f"""
PRAGMA application_id={APPLICATION_ID};
PRAGMA user_version={FORMAT};
CREATE TABLE _sd_kv(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE _sd_meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectMeta:
    """Whose database this is."""

    storage_name: str
    class_name: str
    id: bytes
    name: str | None = None
    """The name the id was made from, where anybody told (semantics 1.12, 1.13)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMeta:
    """What a file says of itself."""

    object: ObjectMeta
    created: float
    """Unix seconds of the first write."""
    alarm: float | None
    """Unix seconds of the alarm that is set (stored in ms); None where there is none."""


def create_schema(connection: apsw.Connection, meta: ObjectMeta, *, created: float) -> None:
    """Make the tables of a new object and write down whose they are."""
    for _ in connection.execute(_SCHEMA, can_cache=False):
        pass
    rows = [
        ("format", FORMAT),
        ("class", meta.class_name),
        ("storage", meta.storage_name),
        ("id", meta.id),
        ("name", meta.name),
        ("created", created),
        ("alarm", None),
    ]
    connection.executemany("INSERT INTO _sd_meta VALUES(?, ?)", rows, can_cache=False)


def check_format(connection: apsw.Connection, path: Path) -> None:
    """Refuse a file of another program (StorageError) or a newer format (StorageFormatError)."""
    application, version = (
        int(str(connection.pragma(name))) for name in ("application_id", "user_version")
    )
    if application != APPLICATION_ID:
        raise StorageError("the file is not the database of a Durable Object", place=str(path))
    if version > FORMAT:
        raise StorageFormatError(
            f"{path} has format {version}, this version reads formats up to {FORMAT}",
            place=str(path),
            hint="upgrade Sourdough",
        )


def read_meta(connection: apsw.Connection) -> StoredMeta:
    """Return what the file says of itself."""
    rows: dict[Any, Any] = dict(
        connection.execute("SELECT key, value FROM _sd_meta", can_cache=False)
    )
    return StoredMeta(
        object=ObjectMeta(
            storage_name=rows["storage"],
            class_name=rows["class"],
            id=rows["id"],
            name=rows["name"],
        ),
        created=rows["created"],
        alarm=None if rows["alarm"] is None else rows["alarm"] / 1000,
    )


def stored_name(connection: apsw.Connection) -> str | None:
    """Return the name that the file keeps, if any."""
    for (name,) in connection.execute("SELECT value FROM _sd_meta WHERE key = 'name'"):
        return None if name is None else str(name)
    return None


def identify(connection: apsw.Connection, path: Path) -> str | None:
    """Return the name that an object's file keeps, if any.

    Raises StorageError where it is none of ours or cannot be read, StorageFormatError.
    """
    try:
        check_format(connection, path)
        return stored_name(connection)
    except apsw.Error as error:
        raise failure.statement_error(error) from error
