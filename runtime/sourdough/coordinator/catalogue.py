"""The coordinator's database of known objects (design section 5).

It answers what the storage folder's tree cannot answer quickly: which objects there are, page by
page, and what they are called. Its truth is the objects' files: `reconcile` adds what it has
missed and forgets what has gone, also while objects come and go. A damaged file is moved aside
and made anew, which `moved_aside` tells.

Names are never erased (semantics 1.13): an object that is met again without its name keeps it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from sourdough.coordinator.catalogue_schema import (
    CATALOGUE_FILE,
    is_damage,
    move_aside,
    open_catalogue,
)
from sourdough.coordinator.objectkey import ObjectKey
from sourdough.coordinator.reference import nearest_names

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    import aiosqlite

# Rows of one write: large enough to be quick, small enough that a reader waits milliseconds.
_BATCH = 5_000
# Names on each side of an unknown one that are compared with it.
_NEIGHBOURS = 250
# Matches of one search: more than a person reads, and one more than are ever shown.
_MATCHES = 20

_UPSERT = """
INSERT INTO objects (storage, id, name, created, name_read) VALUES (?, ?, ?, ?, 1)
ON CONFLICT (storage, id) DO UPDATE SET
    name = COALESCE(excluded.name, name),
    created = COALESCE(created, excluded.created),
    name_read = 1
"""
_NOTE = """
INSERT INTO temp.seen VALUES (?, ?, ?)
ON CONFLICT (storage, id) DO UPDATE SET gone = excluded.gone
"""
_ADD_SEEN = """
INSERT INTO objects (storage, id, name_read)
SELECT storage, id, 0 FROM temp.seen AS seen WHERE NOT gone AND NOT EXISTS (
    SELECT 1 FROM objects WHERE objects.storage = seen.storage AND objects.id = seen.id)
"""
_FORGET_UNSEEN = """
DELETE FROM objects WHERE NOT EXISTS (
    SELECT 1 FROM temp.seen AS seen
    WHERE seen.storage = objects.storage AND seen.id = objects.id AND NOT seen.gone)
"""
_NAMES_BEFORE = "SELECT name FROM objects WHERE storage = ? AND name < ? ORDER BY name DESC LIMIT ?"
_NAMES_BEHIND = "SELECT name FROM objects WHERE storage = ? AND name > ? ORDER BY name LIMIT ?"
_COLUMNS = "SELECT storage, id, name, created FROM objects"
# Every index begins with the storage name; naming them all lets SQLite use it without one.
_ANYWHERE = "storage IN (SELECT storage FROM counts)"


class KnownObject(msgspec.Struct, frozen=True, kw_only=True):
    """What the catalogue knows of an object."""

    storage_name: str
    id: str
    name: str | None = None
    created: float | None = None
    """Unix seconds; None where only the file was seen."""

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(self.storage_name, self.id)


class Reconciled(msgspec.Struct, frozen=True, kw_only=True):
    """What a comparison with the disk has changed."""

    added: int
    """Objects that were on disk only; `unread` lists them until their names are added."""
    forgotten: int


class Catalogue:
    """The open catalogue of a storage folder. Made by `open`; ended by `close`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: aiosqlite.Connection | None = None
        # One connection, so one transaction at a time; readers go between its statements.
        self._writing = asyncio.Lock()
        self._reconciling = False
        self.moved_aside: Path | None = None
        """Where a damaged catalogue was put; worth a line, and a reason to `reconcile`."""

    @classmethod
    async def open(cls, storage: Path) -> Catalogue:
        """Open the catalogue of a storage folder, made anew where it is missing or damaged.

        Raises StorageFormatError for one of a newer version, StorageError where it cannot be
        opened or is something else.
        """
        catalogue = cls(storage / CATALOGUE_FILE)
        try:
            catalogue._connection = await open_catalogue(catalogue._path)
        except sqlite3.DatabaseError as error:
            await catalogue._replace(error)
        return catalogue

    async def close(self) -> None:
        """Close the file; what was added is in it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def add(self, objects: Sequence[KnownObject]) -> None:
        """Add objects, or what is new about known ones, in one transaction."""
        rows = [(each.storage_name, bytes.fromhex(each.id), each.name, each.created)
                for each in objects]  # fmt: skip
        async with self.transaction() as connection:
            await connection.executemany(_UPSERT, rows)
            if self._reconciling:
                await connection.executemany(_NOTE, [(*row[:2], 0) for row in rows])

    async def remove(self, keys: Sequence[ObjectKey]) -> None:
        """Forget objects and their alarms; unknown ones are no error."""
        rows = [(key.storage_name, bytes.fromhex(key.id)) for key in keys]
        async with self.transaction() as connection:
            await connection.executemany("DELETE FROM objects WHERE storage = ? AND id = ?", rows)
            await connection.executemany("DELETE FROM alarms WHERE storage = ? AND id = ?", rows)
            if self._reconciling:
                await connection.executemany(_NOTE, [(*row, 1) for row in rows])

    async def get(self, key: ObjectKey) -> KnownObject | None:
        """Return what is known of one object."""
        found = await self._objects(
            f"{_COLUMNS} WHERE storage = ? AND id = ?", key.storage_name, bytes.fromhex(key.id)
        )
        return found[0] if found else None

    async def find_by_name(self, name: str) -> list[KnownObject]:
        """Return the objects of any namespace that have this name."""
        return await self._objects(
            f"{_COLUMNS} WHERE {_ANYWHERE} AND name = ? LIMIT ?", name, _MATCHES
        )

    async def find_by_prefix(self, prefix: str) -> list[KnownObject]:
        """Return the first objects of any namespace whose id starts with these hex digits."""
        return await self._objects(
            f"{_COLUMNS} WHERE {_ANYWHERE} AND id BETWEEN ? AND ? LIMIT ?",
            bytes.fromhex(prefix.ljust(64, "0")),
            bytes.fromhex(prefix.ljust(64, "f")),
            _MATCHES,
        )

    async def page(
        self, storage_name: str | None, after: ObjectKey | None, limit: int
    ) -> list[KnownObject]:
        """Return the next objects behind a key, of one namespace or of all, in order of keys."""
        where, values = _behind(storage_name, after)
        return await self._objects(
            f"{_COLUMNS} WHERE {where} ORDER BY storage, id LIMIT ?", *values, limit
        )

    async def count(self, storage_name: str | None = None) -> int:
        """Return how many objects are known, without counting them."""
        rows = await self.rows(
            "SELECT total(total) FROM counts WHERE storage = ?1 OR ?1 IS NULL", storage_name
        )
        return int(rows[0][0])

    async def nearest(self, name: str, storage_name: str | None, limit: int = 3) -> list[str]:
        """Return known names that are like this one, best first.

        Looks among the names next to it in alphabetical order, so that a namespace of millions
        costs no more than a small one; a name with another beginning may be missed there.
        """
        names: list[str] = []
        for space in [storage_name] if storage_name else await self._storage_names():
            for neighbours in (_NAMES_BEFORE, _NAMES_BEHIND):
                rows = await self.rows(neighbours, space, name, _NEIGHBOURS)
                names.extend(row[0] for row in rows)
        return nearest_names(name, names, limit)

    async def unread(self, limit: int) -> list[ObjectKey]:
        """Return objects that were found on disk and whose name nobody has read yet."""
        rows = await self.rows(
            "SELECT storage, id FROM objects WHERE name_read = 0 ORDER BY storage, id LIMIT ?",
            limit,
        )
        return [ObjectKey(storage, raw.hex()) for storage, raw in rows]

    async def reconcile(self, scan: Callable[[], Iterable[ObjectKey]]) -> Reconciled:
        """Add the objects that `scan` finds on disk, and forget those it does not find.

        scan: runs in a thread; may take long, during which `add` and `remove` win over it.
        """
        # What an attempt that failed half-way has left.
        await self._open.execute("DELETE FROM temp.seen")
        self._reconciling = True
        try:
            await self._note_all(scan)
            try:
                return await self._apply_seen()
            except sqlite3.DatabaseError as error:
                await self._replace(error)
            await self._note_all(scan)
            return await self._apply_seen()
        finally:
            self._reconciling = False

    async def _note_all(self, scan: Callable[[], Iterable[ObjectKey]]) -> None:
        keys = iter(await asyncio.to_thread(scan))
        while batch := await asyncio.to_thread(_take, keys):
            async with self.transaction() as connection:
                await connection.executemany(
                    "INSERT OR IGNORE INTO temp.seen VALUES (?, ?, 0)", batch
                )

    async def _apply_seen(self) -> Reconciled:
        async with self.transaction() as connection:
            added = (await connection.execute(_ADD_SEEN)).rowcount
            forgotten = (await connection.execute(_FORGET_UNSEEN)).rowcount
            await connection.execute("DELETE FROM temp.seen")
        return Reconciled(added=added, forgotten=forgotten)

    async def _replace(self, error: sqlite3.DatabaseError) -> None:
        """Begin an empty catalogue in place of a damaged one."""
        if not is_damage(error):
            raise error
        await self.close()
        self.moved_aside = move_aside(self._path)
        self._connection = await open_catalogue(self._path)

    async def _storage_names(self) -> list[str]:
        return [row[0] for row in await self.rows("SELECT storage FROM counts WHERE total > 0")]

    async def _objects(self, sql: str, *values: object) -> list[KnownObject]:
        return [
            KnownObject(storage_name=storage, id=raw.hex(), name=name, created=created)
            for storage, raw, name, created in await self.rows(sql, *values)
        ]

    async def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """Return what a query finds; also for the tables of others (`alarm_index`)."""
        return list(await self._open.execute_fetchall(sql, values))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[aiosqlite.Connection]:
        """Yield the connection inside a transaction, which is durable on exit."""
        async with self._writing:
            connection = self._open
            try:
                await connection.execute("BEGIN IMMEDIATE")
                yield connection
                await connection.execute("COMMIT")
            except BaseException:
                # Asked even after a cancelled BEGIN, which the thread runs all the same.
                with suppress(sqlite3.OperationalError):
                    await connection.execute("ROLLBACK")
                raise

    @property
    def _open(self) -> aiosqlite.Connection:
        if self._connection is None:
            raise RuntimeError("the catalogue is closed")
        return self._connection


def _behind(storage_name: str | None, after: ObjectKey | None) -> tuple[str, tuple[object, ...]]:
    """Return the condition of a page, as a range of the primary key."""
    if storage_name is not None:
        start = bytes.fromhex(after.id) if after and after.storage_name == storage_name else b""
        return "storage = ? AND id > ?", (storage_name, start)
    if after is None:
        return "TRUE", ()
    return "(storage, id) > (?, ?)", (after.storage_name, bytes.fromhex(after.id))


def _take(keys: Iterator[ObjectKey]) -> list[tuple[str, bytes]]:
    return [(key.storage_name, bytes.fromhex(key.id)) for key in islice(keys, _BATCH)]
