"""Which facets a database has: names and numbers, in a table of its own.

    _sd_facets(number INTEGER PRIMARY KEY, name TEXT UNIQUE)      name NULL: deleted, files remain

The row is there before the facet's file is, and a deleted facet's row goes after its file has. A
number is free only when its row is gone, so who has a number has that file or none: what a crash
leaves behind in between is never taken for the data of another facet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import apsw

if TYPE_CHECKING:
    from sourdough.storage.database import Database

# Marked as statements of ours, see `database.py`.
_TABLE = "/*_sd_*/SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_sd_facets'"
_CREATE = "/*_sd_*/CREATE TABLE _sd_facets(number INTEGER PRIMARY KEY, name TEXT UNIQUE)"
_NUMBER = "/*_sd_*/SELECT number FROM _sd_facets WHERE name = ?"
_ENTER = "/*_sd_*/INSERT INTO _sd_facets(name) VALUES (?) RETURNING number"
_NAMES = "/*_sd_*/SELECT name, number FROM _sd_facets WHERE name IS NOT NULL ORDER BY name"
_DELETE = "/*_sd_*/UPDATE _sd_facets SET name = NULL WHERE name = ?"
_GIVE = "/*_sd_*/UPDATE _sd_facets SET name = ? WHERE number = ?"
_DELETED = "/*_sd_*/SELECT number FROM _sd_facets WHERE name IS NULL"
_FORGET = "/*_sd_*/DELETE FROM _sd_facets WHERE number = ? AND name IS NULL"


def facet_numbers(connection: apsw.Connection) -> dict[str, int]:
    """Return the numbers of a database's facets by name, to look at them."""
    there = connection.execute(_TABLE, can_cache=False).fetchall()
    rows: list[Any] = connection.execute(_NAMES, can_cache=False).fetchall() if there else []
    return dict(rows)


class FacetIndex:
    """The facets of one database. Writes join the turn's transaction."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    def number(self, name: str) -> int | None:
        """Return the number of a facet; None where it is not known yet."""
        for (number,) in self._read(_NUMBER, (name,)):
            return int(number)
        return None

    def names(self) -> dict[str, int]:
        """Return the numbers of all facets by name."""
        return dict(self._read(_NAMES))

    def deleted(self) -> list[int]:
        """Return the numbers whose files have to go."""
        return [number for (number,) in self._read(_DELETED)]

    def enter(self, name: str | None) -> int:
        """Give a number to a name; None: to what has no name before it is whole.

        `settle` is to be awaited before anything is written under the number.
        """
        self._database.mark_constructed()  # its own file is made with this commit at the latest
        if not self._there():
            self._write(_CREATE)
        [(number,)] = self._write(_ENTER, (name,))
        return int(number)

    async def settle(self) -> None:
        """Commit; return when no commit of a facet from here on can be durable before that."""
        await self._database.settled()
        if not self._database.in_order:
            await self._database.sync()

    def delete(self, name: str) -> bool:
        """Take the name away; say whether there was such a facet."""
        found = self.number(name) is not None
        if found:
            self._write(_DELETE, (name,))
        return found

    def give(self, name: str, number: int) -> None:
        """Give a name to a number that has none; who had it before has none then."""
        self.delete(name)
        self._write(_GIVE, (name, number))

    def forget(self, number: int) -> None:
        """The files of a deleted facet are gone, durably."""
        self._write(_FORGET, (number,), confirm=False)

    def _there(self) -> bool:
        cursor = self._database.reading()
        return cursor is not None and bool(self._run(cursor, _TABLE, ()))

    def _read(self, sql: str, bindings: tuple[Any, ...] = ()) -> list[Any]:
        cursor = self._database.reading()
        return self._run(cursor, sql, bindings) if cursor is not None and self._there() else []

    def _write(
        self, sql: str, bindings: tuple[Any, ...] = (), *, confirm: bool = True
    ) -> list[Any]:
        return self._run(self._database.writing(confirm=confirm), sql, bindings)

    def _run(self, cursor: apsw.Cursor, sql: str, bindings: tuple[Any, ...]) -> list[Any]:
        try:
            return cursor.execute(sql, bindings).fetchall()
        except apsw.Error as error:
            raise self._database.failed(error) from error
