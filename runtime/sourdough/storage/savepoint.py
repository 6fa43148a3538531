"""A part of a transaction that can be undone by itself; savepoints nest strictly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apsw

from sourdough.errors import StorageError

if TYPE_CHECKING:
    from sourdough.storage.database import Database


class Savepoint:
    """Opens with its construction; ends by `release` or `undo`, once."""

    __slots__ = ("_alarm_deferred", "_database", "_name", "level")

    def __init__(self, database: Database) -> None:
        self._database = database
        self._alarm_deferred = database.alarm.deferred
        self._name = f"_sd_{database.depth}"
        self._execute(f"/*_sd_*/SAVEPOINT {self._name}")
        database.depth += 1
        self.level = database.depth
        """1 for the outermost."""

    @property
    def innermost(self) -> bool:
        """Whether no other savepoint is open inside this one."""
        return self._database.depth == self.level

    def release(self) -> None:
        """Keep what was written. Raises StorageError where SQLite gave the transaction up."""
        database = self._database
        database.depth = self.level - 1
        if database.critical:
            raise StorageError("Cannot commit transaction due to an earlier SQL critical error")
        self._execute(f"/*_sd_*/RELEASE {self._name}")

    def undo(self) -> None:
        """Undo what was written; where SQLite already gave up everything there is nothing left."""
        database = self._database
        database.depth = self.level - 1
        connection = database.connection_or_none()
        if connection is not None and connection.in_transaction:
            self._execute(f"/*_sd_*/ROLLBACK TO {self._name}")
            self._execute(f"/*_sd_*/RELEASE {self._name}")
            database.alarm.deferred = self._alarm_deferred

    def _execute(self, statement: str) -> None:
        cursor = self._database.writing(confirm=False)
        try:
            cursor.execute(statement)
        except apsw.Error as error:
            raise self._database.failed(error) from error
