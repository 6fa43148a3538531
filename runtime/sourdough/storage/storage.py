"""`ctx.storage`: what an object keeps (semantics 5).

The async methods never suspend: they are answered before another event can run, so a read followed
by a write is safe without a lock. All writes of one turn are one transaction.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

import apsw

from sourdough.errors import StorageError
from sourdough.storage.keys import MAX_KEYS_PER_GET, key_range
from sourdough.storage.kv import KeyValueStore
from sourdough.storage.missing import MISSING
from sourdough.storage.reset import drop_everything
from sourdough.storage.savepoint import Savepoint
from sourdough.storage.sql import Sql
from sourdough.storage.transaction import Transaction, run_transaction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from sourdough.storage.database import Database

T = TypeVar("T")


class Storage:
    """The storage of one object."""

    __slots__ = ("_database", "kv", "sql")

    def __init__(self, database: Database) -> None:
        self._database = database
        self.kv = KeyValueStore(database)
        """The same entries, synchronously."""
        self.sql = Sql(database)
        """The object's SQL database."""

    @overload
    async def get(self, key: str, default: Any = None) -> Any: ...
    @overload
    async def get(self, key: Iterable[str], default: Any = None) -> dict[str, Any]: ...
    async def get(self, key: str | Iterable[str], default: Any = None) -> Any:
        """Return the value of a key or the default; for several keys a dict of those that exist.

        Raises TypeError, ValueError for keys that are none, and for more than 128 of them.
        """
        if self._database.hold is not None:
            await self._database.hold.admitted()
        if isinstance(key, str):
            return self.kv.get(key, default)
        keys = _several(key)
        if len(keys) > MAX_KEYS_PER_GET:
            raise ValueError(
                f"Maximum number of key value pairs is {MAX_KEYS_PER_GET}."
                f" {len(keys)} pairs were provided."
            )
        return self.kv.get_many(keys)

    async def put(
        self,
        key: str | Mapping[str, Any],
        value: Any = MISSING,
        *,
        allow_unconfirmed: bool = False,
    ) -> None:
        """Set one key, or the entries of a mapping: all of them or none.

        allow_unconfirmed: answers do not wait until this write is durable. Raises TypeError,
        ValueError for what cannot be stored; nothing is written then.
        """
        if self._database.hold is not None:
            await self._database.hold.admitted()
        if type(key) is not str and isinstance(key, Mapping):  # asking costs as much as encoding
            if value is not MISSING:
                raise TypeError("put() takes either a mapping, or a key and a value")
            self.kv.put_many(key, allow_unconfirmed=allow_unconfirmed)
        elif value is MISSING:
            raise TypeError("put() called without a value.")
        else:
            self.kv.put(key, value, allow_unconfirmed=allow_unconfirmed)

    @overload
    async def delete(self, key: str, *, allow_unconfirmed: bool = False) -> bool: ...
    @overload
    async def delete(self, key: Iterable[str], *, allow_unconfirmed: bool = False) -> int: ...
    async def delete(
        self, key: str | Iterable[str], *, allow_unconfirmed: bool = False
    ) -> bool | int:
        """Remove a key and say whether it was there; for several keys, how many were."""
        if self._database.hold is not None:
            await self._database.hold.admitted()
        if isinstance(key, str):
            return self.kv.delete(key, allow_unconfirmed=allow_unconfirmed)
        return self.kv.delete_many(_several(key), allow_unconfirmed=allow_unconfirmed)

    async def list(
        self,
        *,
        start: str | None = None,
        start_after: str | None = None,
        end: str | None = None,
        prefix: str | None = None,
        reverse: bool = False,
        limit: int | None = None,
    ) -> dict[str, Any]:
        """Return the entries of a range of keys, in UTF-8 byte order.

        start (included) or start_after (excluded) to end (excluded), narrowed by prefix; at most
        `limit`. `reverse` turns the order only: start stays the smaller end. A range that holds
        nothing gives an empty dict. Raises TypeError for contradictory options.
        """
        if self._database.hold is not None:
            await self._database.hold.admitted()
        wanted = key_range(
            start=start,
            start_after=start_after,
            end=end,
            prefix=prefix,
            reverse=reverse,
            limit=limit,
        )
        return dict(self.kv.read_range(wanted))

    async def set_alarm(self, when: datetime | float, *, allow_unconfirmed: bool = False) -> None:
        """Have `alarm()` called at a moment, at least once; replaces the alarm that is set.

        when: a datetime with a time zone, or ms since the Unix epoch; what is past means now.
        allow_unconfirmed: answers do not wait until this write is durable. Raises TypeError for
        other types, a time <= 0, and, but in the constructor, a class without `alarm()`
        (semantics 6.1, 6.2); ValueError for a time after the year 9999.
        """
        if self._database.hold is not None:
            await self._database.hold.admitted()
        self._database.alarm.set(when, confirm=not allow_unconfirmed)

    async def get_alarm(self) -> int | None:
        """Return the alarm in ms since the Unix epoch, or None.

        While `alarm()` runs, None unless a new one was set since it began (semantics 6.4).
        """
        if self._database.hold is not None:
            await self._database.hold.admitted()
        return self._database.alarm.get()

    async def delete_alarm(self, *, allow_unconfirmed: bool = False) -> None:
        """Remove the alarm. A run under way goes on, but is not repeated if it fails."""
        if self._database.hold is not None:
            await self._database.hold.admitted()
        self._database.alarm.delete(confirm=not allow_unconfirmed)

    async def delete_all(self) -> None:
        """Remove everything, SQL tables, alarm and facets as well; joins the turn's transaction.

        Raises StorageError inside `transaction_sync`.
        """
        if self._database.hold is not None:
            await self._database.hold.admitted()
        database = self._database
        if database.depth:
            raise StorageError("Cannot call delete_all() within a transaction")
        if database.reading() is None:
            return
        database.readers.detach()
        cursor = database.writing()
        try:
            drop_everything(cursor)
        except apsw.Error as error:
            raise database.failed(error) from error
        database.alarm.dropped()
        database.shrink_after_commit()
        database.on_emptied()

    async def sync(self) -> None:
        """Return when everything written so far, also unconfirmed, is durable."""
        if self._database.hold is not None:
            await self._database.hold.admitted()
        await self._database.sync()

    async def transaction(self, closure: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run an async function of one argument, `txn`, as a transaction; return its result.

        All storage calls inside belong to it, through `txn` or `ctx.storage`. It is undone if the
        function raises, or calls `txn.rollback()`; what it raises is raised here. Nothing else of
        this object runs or sees the transaction meanwhile: it is a critical section, and has its
        30 s. Transactions nest. What was written before is committed first.
        """
        database = self._database
        admission = database.admission
        if admission is None:
            raise RuntimeError("this storage belongs to no object")
        return await admission.exclusively(
            lambda: run_transaction(self, database, admission, closure)
        )

    def transaction_sync(self, callback: Callable[[], T]) -> T:
        """Run a function as a transaction: what it wrote is undone if it raises.

        Transactions nest. Raises TypeError when the function is asynchronous.
        """
        savepoint = Savepoint(self._database)
        try:
            result = _not_awaitable(callback())
        except BaseException:
            savepoint.undo()
            raise
        savepoint.release()
        return result


def _not_awaitable(result: T) -> T:
    if inspect.iscoroutine(result):
        result.close()
    if inspect.isawaitable(result):
        raise TypeError("transaction_sync() takes a function that is not async")
    return result


def _several(keys: Any) -> tuple[str, ...]:
    if not isinstance(keys, Iterable) or isinstance(keys, bytes | bytearray):
        raise TypeError(f"a key is a str, or several of them, not {type(keys).__name__}")
    return tuple(keys)
