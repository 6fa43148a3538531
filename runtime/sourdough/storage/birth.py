"""How a new object gets its file: the database in memory becomes the image of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apsw

from sourdough.storage import failure
from sourdough.storage.connection import run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sourdough.storage.engine import Engine, ObjectFile


def state_of_memory(connection: apsw.Connection) -> tuple[int, object]:
    """Return what differs between two moments if anything was written in between."""
    return connection.total_changes(), run(connection, "PRAGMA schema_version")


def move_into_file(
    connection: apsw.Connection, *, engine: Engine, path: Path, pragmas: Mapping[str, str]
) -> ObjectFile:
    """Make an object's file; settings of the connection move along.

    The connection in memory is left as it is: open cursors go on reading their snapshot. Raises
    StorageError.
    """
    try:
        file = engine.create(path, connection.serialize("main"))
        file.connection.set_last_insert_rowid(connection.last_insert_rowid())
        for name, value in pragmas.items():
            run(file.connection, f"PRAGMA {name}={value}")
    except apsw.Error as error:
        raise failure.critical_error(error) from error
    return file
