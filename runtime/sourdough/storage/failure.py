"""SQLite's errors in our words (semantics 4.4.4), translated once, here."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Protocol

import apsw

from sourdough.errors import (
    SqlConstraintError,
    SqlError,
    SqlFullError,
    StorageClosedError,
    StorageError,
    StorageFullError,
)

if TYPE_CHECKING:
    from pathlib import Path

CLOSED = "Durable Object storage is no longer accessible."

LOST = "a query was cancelled while it wrote, which undid the transaction around it as well"

COMMIT_CONSTRAINT = (
    "Durable Object was reset and rolled back to its last known good state because the application"
    " left the database in a state where constraints were violated: "
)

_FREE_SPACE = "free space on the storage folder's disk"

_FULL = frozenset((errno.ENOSPC, errno.EDQUOT))

_HINT = "an index may help; `await ctx.storage.sql.exec_in_thread(...)` leaves the loop free"

_SYNC_FAILED = frozenset((apsw.SQLITE_IOERR_FSYNC, apsw.SQLITE_IOERR_DIR_FSYNC))


def closed() -> StorageClosedError:
    """Return the error of a storage call that comes too late."""
    return StorageClosedError(CLOSED)


class TimeLimit(Protocol):
    """What may have stopped a statement."""

    expired: bool
    seconds: float


def statement_error(error: apsw.Error, limit: TimeLimit | None = None) -> StorageError:
    """Return the error of one failed statement; the transaction goes on."""
    if too_long := _too_long(error, limit):
        return SqlError(too_long, hint=_HINT)
    if isinstance(error, apsw.ConstraintError):
        return SqlConstraintError(f"{error}: {_symbol(error)}")
    if isinstance(error, apsw.FullError):
        return SqlFullError(f"{error}: {_symbol(error)}", hint=_FREE_SPACE)
    return SqlError(f"{error}: {_symbol(error)}")


def critical_error(error: apsw.Error, limit: TimeLimit | None = None) -> StorageError:
    """Return the error that all calls raise after SQLite gave up the transaction."""
    if too_long := _too_long(error, limit):
        return StorageError(
            f"{too_long}; it was writing, so what this turn wrote is undone", hint=_HINT
        )
    if isinstance(error, apsw.FullError):
        return StorageFullError("database or disk is full: SQLITE_FULL", hint=_FREE_SPACE)
    return StorageError(f"{error}: {_symbol(error)}")


def commit_error(error: apsw.Error) -> StorageError:
    """Return the error of a COMMIT that failed."""
    if isinstance(error, apsw.ConstraintError):
        return StorageError(f"{COMMIT_CONSTRAINT}{error}: {_symbol(error)}")
    return critical_error(error)


def write_error(what: str, error: Exception, *, path: Path) -> StorageError:
    """Return the error of an object's write that the system refused, or could not record."""
    if isinstance(error, OSError):
        text = f"{what}: {error.strerror}"
        if is_full(error):
            return StorageFullError(text, place=str(path), hint=_FREE_SPACE)
        return StorageError(text, place=str(path))
    return StorageError(f"{what}: {error}", place=str(path))


def is_full(error: Exception) -> bool:
    """Say whether the system refused a write for want of room: it may be tried again."""
    return isinstance(error, OSError) and error.errno in _FULL


def is_constraint(error: StorageError) -> bool:
    """Say whether a failed COMMIT was the user's doing, not the disk's."""
    return error.message.startswith(COMMIT_CONSTRAINT)


def is_failed_sync(error: apsw.Error) -> bool:
    """Say whether SQLite could not sync: final for the whole host (invariant S2)."""
    return getattr(error, "extendedresult", None) in _SYNC_FAILED


def _too_long(error: apsw.Error, limit: TimeLimit | None) -> str | None:
    """Return what to say of a statement that was stopped for its time; None for other errors."""
    if limit is None or not limit.expired or not isinstance(error, apsw.InterruptError):
        return None
    return (
        f"the statement took longer than {limit.seconds:g} s (limits.sql_seconds) and was stopped"
    )


def _symbol(error: apsw.Error) -> str:
    code: int = getattr(error, "extendedresult", getattr(error, "result", apsw.SQLITE_ERROR))
    for table in (apsw.mapping_extended_result_codes, apsw.mapping_result_codes):
        if code in table:
            return str(table[code])
    return "SQLITE_ERROR"
