"""`await storage.transaction(closure)` (semantics 5.1).

The closure runs in a critical section, which keeps other events out and lets the storage calls of
tasks outside wait. So everything that reaches the storage meanwhile belongs to the transaction,
through `txn` or through `ctx.storage` alike.
"""

from __future__ import annotations

import asyncio
import inspect
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, overload

from sourdough.errors import StorageError
from sourdough.storage.missing import MISSING
from sourdough.storage.savepoint import Savepoint

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from datetime import datetime

    from sourdough.storage.admission import Admission
    from sourdough.storage.database import Database
    from sourdough.storage.storage import Storage

T = TypeVar("T")


class Transaction:
    """`txn`: what the closure of `storage.transaction` is given.

    Its methods are those of `ctx.storage`; after `rollback()`, and after the closure has ended,
    they raise StorageError.
    """

    __slots__ = ("_committed", "_rolled_back", "_savepoint", "_storage")

    def __init__(self, storage: Storage, savepoint: Savepoint) -> None:
        self._storage = storage
        self._savepoint = savepoint
        self._committed = False
        self._rolled_back = False

    @overload
    async def get(self, key: str, default: Any = None) -> Any: ...
    @overload
    async def get(self, key: Iterable[str], default: Any = None) -> dict[str, Any]: ...
    async def get(self, key: str | Iterable[str], default: Any = None) -> Any:
        """See `Storage.get`."""
        self._check("get()")
        return await self._storage.get(key, default)

    async def put(
        self,
        key: str | Mapping[str, Any],
        value: Any = MISSING,
        *,
        allow_unconfirmed: bool = False,
    ) -> None:
        """See `Storage.put`."""
        self._check("put()")
        await self._storage.put(key, value, allow_unconfirmed=allow_unconfirmed)

    @overload
    async def delete(self, key: str, *, allow_unconfirmed: bool = False) -> bool: ...
    @overload
    async def delete(self, key: Iterable[str], *, allow_unconfirmed: bool = False) -> int: ...
    async def delete(
        self, key: str | Iterable[str], *, allow_unconfirmed: bool = False
    ) -> bool | int:
        """See `Storage.delete`."""
        self._check("delete()")
        return await self._storage.delete(key, allow_unconfirmed=allow_unconfirmed)

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
        """See `Storage.list`."""
        self._check("list()")
        return await self._storage.list(
            start=start,
            start_after=start_after,
            end=end,
            prefix=prefix,
            reverse=reverse,
            limit=limit,
        )

    async def set_alarm(self, when: datetime | float, *, allow_unconfirmed: bool = False) -> None:
        """See `Storage.set_alarm`."""
        self._check("set_alarm()")
        await self._storage.set_alarm(when, allow_unconfirmed=allow_unconfirmed)

    async def get_alarm(self) -> int | None:
        """See `Storage.get_alarm`."""
        self._check("get_alarm()")
        return await self._storage.get_alarm()

    async def delete_alarm(self, *, allow_unconfirmed: bool = False) -> None:
        """See `Storage.delete_alarm`."""
        self._check("delete_alarm()")
        await self._storage.delete_alarm(allow_unconfirmed=allow_unconfirmed)

    async def delete_all(self) -> None:
        """Raise StorageError: everything cannot be deleted inside a transaction."""
        self._check("delete_all()")
        await self._storage.delete_all()

    def rollback(self) -> None:
        """Undo what the transaction wrote so far; doing it again does nothing.

        The closure goes on. What it writes from here on through `ctx.storage` belongs to what is
        around it. Raises StorageError while a nested transaction is still running, and after the
        closure has ended.
        """
        if self._rolled_back:
            return
        self._check("rollback()")
        if not self._savepoint.innermost:
            raise StorageError(
                "Cannot roll back an outer transaction while a nested transaction is still running."
            )
        self._rolled_back = True
        self._savepoint.undo()

    def finish(self, *, keep: bool) -> None:
        """The closure has ended: keep or undo what was not rolled back already."""
        self._committed = True
        if not self._rolled_back:
            if keep:
                self._savepoint.release()
            else:
                self._savepoint.undo()

    def _check(self, operation: str) -> None:
        if self._rolled_back:
            raise StorageError(f"Cannot {operation} on rolled back transaction")
        if self._committed:
            raise StorageError(
                f"Cannot call {operation} on transaction that has already committed: did you move"
                " `txn` outside of the closure?"
            )


async def run_transaction(
    storage: Storage,
    database: Database,
    admission: Admission,
    closure: Callable[[Transaction], Awaitable[T]],
) -> T:
    """Run a closure inside its critical section; commit what is outermost."""
    await database.settled()
    transaction = Transaction(storage, Savepoint(database))
    try:
        result = await _awaited(closure(transaction))
        await admission.settled()
    except BaseException as error:
        await admission.settled(cancel=isinstance(error, asyncio.CancelledError))
        transaction.finish(keep=False)
        with suppress(StorageError):  # `on_broken` has been told
            database.flush()
        raise
    transaction.finish(keep=True)
    database.flush()
    return result


async def _awaited(result: Awaitable[T]) -> T:
    if not inspect.isawaitable(result):
        raise TypeError("transaction() takes an async function; for others see transaction_sync()")
    return await result
