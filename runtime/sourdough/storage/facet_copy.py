"""Copies of facets: the databases of one, and of all below it, as they are at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sourdough.errors import StorageError
from sourdough.storage.facet_files import join
from sourdough.storage.failure import closed

if TYPE_CHECKING:
    from pathlib import Path

    from sourdough.storage.database import Database

# A copy is in memory as a whole, and the loop waits while it is made.
LARGEST = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Copied:
    """One database."""

    numbers: str
    """Where it is below the facet that is copied: nothing for that itself, or ".2.1"."""
    image: bytes


def copied(database: Database, numbers: str, room: int) -> Copied | None:
    """Return a database as of now, with what this turn has written; None where there is nothing.

    room: bytes that may still be copied. Raises StorageError for a larger one.
    """
    database.flush()
    if not database.exists:
        return None
    connection = database.connection()
    size = int(str(connection.pragma("page_count"))) * int(str(connection.pragma("page_size")))
    if size > room:
        raise StorageError(
            f"A facet can be cloned up to {LARGEST // 1024 // 1024} MiB, with those below it.",
            place=str(database.path),
        )
    return Copied(numbers, connection.serialize("main"))


async def write_copies(database: Database, path: Path, copies: list[Copied]) -> None:
    """Make the files of a copy, durably; `database`: any of the same engine. Raises StorageError."""
    for each in copies:
        file = database.engine.create(join(path, each.numbers), each.image)
        try:
            await file.close(fold=True)
        except BaseException:
            file.abandon(closed())
            raise
