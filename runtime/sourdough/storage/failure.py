"""SQLite's errors in our words (semantics 4.4.4), translated once, here."""

from __future__ import annotations

import apsw

from sourdough.errors import (
    SqlConstraintError,
    SqlError,
    StorageClosedError,
    StorageError,
)

CLOSED = "Durable Object storage is no longer accessible."

COMMIT_CONSTRAINT = (
    "Durable Object was reset and rolled back to its last known good state because the application"
    " left the database in a state where constraints were violated: "
)

_SYNC_FAILED = frozenset((apsw.SQLITE_IOERR_FSYNC, apsw.SQLITE_IOERR_DIR_FSYNC))


def closed() -> StorageClosedError:
    """Return the error of a storage call that comes too late."""
    return StorageClosedError(CLOSED)


def statement_error(error: apsw.Error) -> StorageError:
    """Return the error of one failed statement; the transaction goes on."""
    if isinstance(error, apsw.ConstraintError):
        return SqlConstraintError(f"{error}: {_symbol(error)}")
    return SqlError(f"{error}: {_symbol(error)}")


def critical_error(error: apsw.Error) -> StorageError:
    """Return the error that all calls raise after SQLite gave up the transaction."""
    if isinstance(error, apsw.FullError):
        return StorageError(
            "database or disk is full: SQLITE_FULL", hint="free space on the storage folder's disk"
        )
    return StorageError(f"{error}: {_symbol(error)}")


def commit_error(error: apsw.Error) -> StorageError:
    """Return the error of a COMMIT that failed."""
    if isinstance(error, apsw.ConstraintError):
        return StorageError(f"{COMMIT_CONSTRAINT}{error}: {_symbol(error)}")
    return critical_error(error)


def is_failed_sync(error: apsw.Error) -> bool:
    """Say whether SQLite could not sync: final for the whole host (invariant S2)."""
    return getattr(error, "extendedresult", None) in _SYNC_FAILED


def _symbol(error: apsw.Error) -> str:
    code: int = getattr(error, "extendedresult", getattr(error, "result", apsw.SQLITE_ERROR))
    for table in (apsw.mapping_extended_result_codes, apsw.mapping_result_codes):
        if code in table:
            return str(table[code])
    return "SQLITE_ERROR"
