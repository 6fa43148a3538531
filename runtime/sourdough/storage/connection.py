"""How a connection to one object's database is opened and configured.

Every connection: exclusive lock, no automatic checkpoint, none on close (invariants S3, S4),
foreign keys on, defensive, small caches. Thousands of them live in one process, so SQLite's
lookaside slots are turned off for the process (they cost 40 KB a connection and gain 8 % of a
prepare, nothing of a cached statement), and the page cache starts at a few pages.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import apsw

from sourdough.errors import StorageError
from sourdough.storage.limits import DEFAULT_LIMITS, SqlLimits

if TYPE_CHECKING:
    from pathlib import Path

# Measured with one 40-byte put per commit: 1024: 5.4 us, 2048: 6.3 us, 4096: 7.8 us; a value of
# 20 KB costs 62, 46 and 46 us. 2048 has nearly the small one's speed and the big one's bandwidth.
PAGE_SIZE = 2048

_CACHE_KIB = 512
_STATEMENTS = 24


def _configure_library() -> None:
    """Set what SQLite takes only before its first connection; skip it where one is open already."""
    if apsw.connections():
        return
    apsw.shutdown()
    apsw.config(apsw.SQLITE_CONFIG_LOOKASIDE, 0, 0)
    apsw.config(apsw.SQLITE_CONFIG_MEMSTATUS, 0)
    apsw.initialize()


_configure_library()


def open_memory(limits: SqlLimits = DEFAULT_LIMITS) -> apsw.Connection:
    """Return a connection to an empty database in memory: a new object before its first commit."""
    connection = apsw.Connection(":memory:", statementcachesize=_STATEMENTS)
    run(connection, f"PRAGMA page_size={PAGE_SIZE}")
    _restrict(connection, limits)
    return connection


def open_file(
    path: Path,
    limits: SqlLimits = DEFAULT_LIMITS,
    *,
    vfs: str | None = None,
    synchronous: str = "NORMAL",
) -> apsw.Connection:
    """Return the exclusive connection to an object's file, recovered from its WAL by SQLite.

    synchronous: OFF where a journal, not SQLite, makes commits durable. Raises StorageError when the file is locked by another process or is no database.
    """
    connection = None
    try:
        connection = apsw.Connection(
            str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs, statementcachesize=_STATEMENTS
        )
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        _set_up(connection, path, synchronous)
        _restrict(connection, limits)
    except BaseException as error:
        # Its lock, and its descriptors, must not last as long as the traceback.
        if connection is not None:
            connection.close(True)
        if isinstance(error, apsw.Error):
            raise _not_opened(path, error) from error
        raise
    return connection


def _set_up(connection: apsw.Connection, path: Path, synchronous: str) -> None:
    connection.wal_autocheckpoint(0)
    # A cache begins with room for 20 pages at once, 45 KB, unless it is smaller then. So it is
    # made small, emptied, begun with a page, and only then given its size.
    run(connection, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=4")
    connection.release_memory()
    mode = run(connection, f"PRAGMA synchronous={synchronous}; PRAGMA journal_mode=WAL")
    run(connection, f"PRAGMA application_id; PRAGMA cache_size=-{_CACHE_KIB}")
    if mode != [("wal",)]:
        raise StorageError("an object's database is not in WAL mode", place=str(path))


def _not_opened(path: Path, error: apsw.Error) -> StorageError:
    if isinstance(error, apsw.BusyError):
        return StorageError(
            "an object's database is in use by another process",
            place=str(path),
            hint="end the other process; two owners of one object cannot be",
        )
    return StorageError(f"an object's database cannot be opened: {error}", place=str(path))


def run(connection: apsw.Connection, sql: str) -> list[tuple[object, ...]]:
    """Run a statement of ours, or several, to the end, outside the statement cache."""
    return list(connection.execute(sql, can_cache=False))


def vacuum(connection: apsw.Connection) -> None:
    """Give free pages back, a commit of its own; where that fails the file only stays larger.

    VACUUM attaches a database for its work.
    """
    connection.limit(apsw.SQLITE_LIMIT_ATTACHED, 1)
    try:
        with suppress(apsw.Error):
            run(connection, "VACUUM")
    finally:
        connection.limit(apsw.SQLITE_LIMIT_ATTACHED, 0)


def _restrict(connection: apsw.Connection, limits: SqlLimits) -> None:
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, 1)
    limits.apply(connection)
