"""The key-value store: `ctx.storage.kv`, and the engine room of the async methods (5.1, 5.2).

Kept in the object's own database, so it commits together with its SQL. Values are encoded when
written and decoded when read: nobody holds a reference into the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import apsw

from sourdough.storage.keys import KeyRange, check_key, key_range
from sourdough.values import decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sourdough.storage.database import Database

_GET = "/*_sd_*/SELECT value FROM _sd_kv WHERE key = ?"
_PUT = (
    "/*_sd_*/INSERT INTO _sd_kv VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value"
)
_DELETE = "/*_sd_*/DELETE FROM _sd_kv WHERE key = ? RETURNING 1"
_SAVEPOINT = "/*_sd_*/SAVEPOINT _sd_entries"
_RELEASE = "/*_sd_*/RELEASE _sd_entries"
_UNDO = "/*_sd_*/ROLLBACK TO _sd_entries"

# By (bounded above, reverse).
_LIST = {
    (False, False): "/*_sd_*/SELECT key, value FROM _sd_kv WHERE key >= ? ORDER BY key LIMIT ?",
    (False, True): "/*_sd_*/SELECT key, value FROM _sd_kv WHERE key >= ? ORDER BY key DESC LIMIT ?",
    (True, False): "/*_sd_*/SELECT key, value FROM _sd_kv WHERE key >= ? AND key < ?"
    " ORDER BY key LIMIT ?",
    (True, True): "/*_sd_*/SELECT key, value FROM _sd_kv WHERE key >= ? AND key < ?"
    " ORDER BY key DESC LIMIT ?",
}

Entries = list[tuple[str, Any]]

# How many entries `kv.list` reads at a time: no statement stays open between two of them.
_CHUNK = 128

# What a row takes besides its key and value, and then some.
_ROW_BYTES = 256

_INVALIDATED = (
    "kv.list() iterator was invalidated because a new call to kv.list() was started."
    " Only one kv.list() iterator can exist at a time."
)


class KeyValueStore:
    """Synchronous access to the entries of one object."""

    __slots__ = ("_database", "_listing")

    def __init__(self, database: Database) -> None:
        self._database = database
        self._listing: object = None

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, or the default. Raises TypeError, ValueError for bad keys."""
        check_key(key)
        cursor = self._database.reading()
        if cursor is None:
            return default
        try:
            for (data,) in cursor.execute(_GET, (key,)):
                return decode(data)
        except apsw.Error as error:
            raise self._database.failed(error) from error
        return default

    def put(self, key: str, value: Any, *, allow_unconfirmed: bool = False) -> None:
        """Set the value of a key.

        Raises TypeError or ValueError for a key or value that cannot be stored; nothing is written
        then. `allow_unconfirmed`: answers do not wait for this write.
        """
        check_key(key)
        data = _encoded(key, value, self._database.limits.value_bytes)
        database = self._database
        cursor = database.writing(confirm=not allow_unconfirmed)
        try:
            cursor.execute(_PUT, (key, data))
        except apsw.Error as error:
            raise database.failed(error) from error

    def delete(self, key: str, *, allow_unconfirmed: bool = False) -> bool:
        """Remove a key; say whether it was there."""
        return self.delete_many((key,), allow_unconfirmed=allow_unconfirmed) == 1

    def list(
        self,
        *,
        start: str | None = None,
        start_after: str | None = None,
        end: str | None = None,
        prefix: str | None = None,
        reverse: bool = False,
        limit: int | None = None,
    ) -> Iterator[tuple[str, Any]]:
        """Iterate over (key, value) of a range, in UTF-8 byte order; options as `Storage.list`.

        A new call ends the previous iterator: its next step raises RuntimeError (5.2).
        """
        wanted = key_range(
            start=start,
            start_after=start_after,
            end=end,
            prefix=prefix,
            reverse=reverse,
            limit=limit,
        )
        self._listing = token = object()
        return self._chunks(wanted, token)

    def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        """Return the values of those keys that exist, sorted by key."""
        missing = object()
        found = ((key, self.get(key, missing)) for key in sorted(keys))
        return {key: value for key, value in found if value is not missing}

    def put_many(self, entries: Mapping[str, Any], *, allow_unconfirmed: bool = False) -> None:
        """Set several keys, all or none (5.1)."""
        rows = []
        for key, value in entries.items():
            check_key(key)
            rows.append((key, _encoded(key, value, self._database.limits.value_bytes)))
        if not rows:
            return
        cursor = self._database.writing(confirm=not allow_unconfirmed)
        try:
            cursor.execute(_SAVEPOINT)
            try:
                cursor.executemany(_PUT, rows)
            except apsw.Error:
                if cursor.connection.in_transaction:
                    cursor.execute(_UNDO)
                    cursor.execute(_RELEASE)
                raise
            cursor.execute(_RELEASE)
        except apsw.Error as error:
            raise self._database.failed(error) from error

    def delete_many(self, keys: Iterable[str], *, allow_unconfirmed: bool = False) -> int:
        """Remove several keys; return how many were there."""
        wanted = tuple(keys)
        for key in wanted:
            check_key(key)
        database = self._database
        if not wanted or database.reading() is None:
            return 0
        cursor = database.writing(confirm=not allow_unconfirmed)
        try:
            return sum(len(cursor.execute(_DELETE, (key,)).fetchall()) for key in wanted)
        except apsw.Error as error:
            raise database.failed(error) from error

    def read_range(self, wanted: KeyRange) -> Entries:
        """Return the entries of a range, in its order."""
        if wanted.empty:
            return []
        cursor = self._database.reading()
        if cursor is None:
            return []
        bindings: tuple[str | int, ...] = (wanted.first, wanted.limit)
        if wanted.stop is not None:
            bindings = (wanted.first, wanted.stop, wanted.limit)
        sql = _LIST[wanted.stop is not None, wanted.reverse]
        try:
            return [(key, decode(data)) for key, data in cursor.execute(sql, bindings)]
        except apsw.Error as error:
            raise self._database.failed(error) from error

    def _chunks(self, wanted: KeyRange, token: object) -> Iterator[tuple[str, Any]]:
        left = wanted.limit
        while left:
            if self._listing is not token:
                raise RuntimeError(_INVALIDATED)
            size = _CHUNK if left < 0 else min(_CHUNK, left)
            part = KeyRange(
                first=wanted.first, stop=wanted.stop, reverse=wanted.reverse, limit=size
            )
            entries = self.read_range(part)
            for entry in entries:
                if self._listing is not token:
                    raise RuntimeError(_INVALIDATED)
                yield entry
            if len(entries) < size:
                return
            left -= size if left > 0 else 0
            wanted = _rest(wanted, entries[-1][0])


def _rest(wanted: KeyRange, last: str) -> KeyRange:
    """Return the part of a range that comes after a key, in the range's order."""
    if wanted.reverse:
        return KeyRange(first=wanted.first, stop=last, reverse=True)
    return KeyRange(first=last + "\0", stop=wanted.stop)


def _encoded(key: str, value: Any, limit: int) -> bytes:
    data = encode(value)
    if len(data) + len(key) > limit - _ROW_BYTES:
        raise ValueError(
            f"the value of {key!r} takes {len(data)} bytes; an entry has at most {limit} bytes"
        )
    return data
