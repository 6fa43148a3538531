"""The catalogue's file: format 3, made, checked, and moved aside when it cannot be trusted.

    objects(storage, id, name, created, name_read)   every known object, keyed (storage, id)
    counts(storage, total)                           kept by triggers: a count is one look-up
    alarms(storage, id, due, name)                   when to wake whom, due in ms (since format 2)
    crons, cron_runs                                 see `cron_table` (since format 3)

A catalogue holds nothing that the objects' own files do not hold, so a damaged one is replaced
instead of repaired (design section 5). A newer one is refused (invariant S14).
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import aiosqlite

from sourdough.errors import StorageError, StorageFormatError

if TYPE_CHECKING:
    from pathlib import Path

CATALOGUE_FILE = "catalogue.sqlite"
CATALOGUE_FORMAT = 3
_APPLICATION_ID = 0x53444341  # "SDCA": tells a catalogue from any other database

_SCHEMA = """
CREATE TABLE objects (
    storage TEXT NOT NULL,
    id BLOB NOT NULL,
    name TEXT,
    created REAL,
    name_read INTEGER NOT NULL,
    PRIMARY KEY (storage, id)
) WITHOUT ROWID;
CREATE INDEX objects_by_name ON objects (storage, name) WHERE name IS NOT NULL;
CREATE INDEX objects_unread ON objects (storage, id) WHERE name_read = 0;
CREATE TABLE counts (storage TEXT PRIMARY KEY, total INTEGER NOT NULL) WITHOUT ROWID;
CREATE TRIGGER object_added AFTER INSERT ON objects BEGIN
    INSERT INTO counts VALUES (new.storage, 1)
    ON CONFLICT (storage) DO UPDATE SET total = total + 1;
END;
CREATE TRIGGER object_removed AFTER DELETE ON objects BEGIN
    UPDATE counts SET total = total - 1 WHERE storage = old.storage;
END;
"""
# An alarm may be noted before its object has a file, so this is not a column of `objects`.
_ALARMS = """
CREATE TABLE alarms (
    storage TEXT NOT NULL,
    id BLOB NOT NULL,
    due INTEGER NOT NULL,
    name TEXT,
    PRIMARY KEY (storage, id)
) WITHOUT ROWID;
CREATE INDEX alarms_by_due ON alarms (due, storage, id);
"""
_CRONS = """
CREATE TABLE crons (cron TEXT PRIMARY KEY, seen INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE cron_runs (
    cron TEXT NOT NULL, due INTEGER NOT NULL, PRIMARY KEY (cron, due)
) WITHOUT ROWID;
"""
# What a catalogue of an earlier format lacks.
_LACKING = {1: f"{_ALARMS} {_CRONS}", 2: _CRONS}
_MARKS = f"PRAGMA application_id = {_APPLICATION_ID}; PRAGMA user_version = {CATALOGUE_FORMAT};"

# What a reconciliation saw; each connection has its own, and it never reaches the disk's truth.
_SEEN = """
CREATE TEMP TABLE seen (
    storage TEXT NOT NULL, id BLOB NOT NULL, gone INTEGER NOT NULL, PRIMARY KEY (storage, id)
) WITHOUT ROWID
"""


async def open_catalogue(path: Path) -> aiosqlite.Connection:
    """Open a catalogue file, making it where there is none.

    Raises StorageFormatError for a newer format, sqlite3.DatabaseError (see `is_damage`) for a
    damaged file, and StorageError where the file cannot be opened.
    """
    connecting = aiosqlite.connect(path, isolation_level=None)
    try:
        connection = await connecting
    except sqlite3.OperationalError as error:
        # Its thread speaks to this loop once more, which may be closed by then. Nothing of it
        # that is public can be waited for.
        connecting._thread.join()  # noqa: SLF001
        raise StorageError(f"{path} cannot be opened: {error}.", place=str(path)) from error
    try:
        await _prepare(connection, path)
    except BaseException:
        await connection.close()
        raise
    return connection


def is_damage(error: sqlite3.Error) -> bool:
    """Say whether an error means that the file's content cannot be trusted."""
    # The low byte is the primary code; the rest of it says where the damage was met.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def move_aside(path: Path) -> Path:
    """Rename a damaged catalogue, with what SQLite keeps beside it; return its new path."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for suffix in ("-wal", "-shm"):
        # Left behind, an old -wal would be replayed into the new file.
        extra = path.with_name(path.name + suffix)
        if extra.exists():
            extra.replace(aside.with_name(aside.name + suffix))
    path.replace(aside)
    return aside


async def _prepare(connection: aiosqlite.Connection, path: Path) -> None:
    version = await _pragma(connection, "user_version")
    if version > CATALOGUE_FORMAT:
        raise StorageFormatError(
            f"{path} has format {version}; this version knows up to {CATALOGUE_FORMAT}.",
            place=str(path),
            hint="Upgrade Sourdough.",
        )
    await connection.execute("PRAGMA journal_mode = WAL")
    # A commit that sets an alarm sooner waits for the catalogue to be durable (invariant S11).
    await connection.execute("PRAGMA synchronous = FULL")
    if await _pragma(connection, "schema_version") == 0:
        # One transaction: a crash in between leaves an empty file and not half a schema.
        await connection.executescript(
            f"BEGIN IMMEDIATE; {_SCHEMA} {_ALARMS} {_CRONS} {_MARKS} COMMIT;"
        )
    elif await _pragma(connection, "application_id") != _APPLICATION_ID:
        raise StorageError(
            f"{path} is a database, but not a catalogue.",
            place=str(path),
            hint="Move it away; a catalogue is made again from the objects' files.",
        )
    elif version < CATALOGUE_FORMAT:
        await connection.executescript(f"BEGIN IMMEDIATE; {_LACKING[version]} {_MARKS} COMMIT;")
    await connection.execute(_SEEN)


async def _pragma(connection: aiosqlite.Connection, name: str) -> int:
    async with connection.execute(f"PRAGMA {name}") as cursor:
        row = await cursor.fetchone()
    return int(row[0]) if row is not None else 0
