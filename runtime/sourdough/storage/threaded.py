"""One query of a user in a thread, on the object's own connection (`sql.exec_in_thread`).

While it runs nobody else touches the connection: the critical section keeps calls out, the open
transaction keeps commits out, `lent` keeps folding out. `stop` may come from the loop at any time
and returns when the thread has left the connection.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Protocol

from sourdough.errors import SqlError
from sourdough.storage.authorizer import RESERVED
from sourdough.storage.rows import Row, columns_of, row_class, size_of, too_large
from sourdough.storage.stopwatch import Stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import apsw

    from sourdough.storage.authorizer import Authorizer
    from sourdough.storage.limits import SqlLimits
    from sourdough.storage.sql import Binding


class Borrower(Protocol):
    """Who has a database's connection for a while."""

    cancelled: bool
    wrote: bool
    expired: bool
    seconds: float

    def stop(self) -> None:
        """End, and return when the connection is free."""
        ...


class ThreadedQuery(Stopwatch):
    """Implements `Borrower`; its time limit is for all statements together."""

    __slots__ = (
        "_authorizer", "_bindings", "_busy", "_connection", "_result_bytes", "_statements",
        "cancelled", "wrote",
    )  # fmt: skip

    def __init__(
        self,
        *,
        statements: Sequence[str],
        bindings: tuple[Binding, ...],
        authorizer: Authorizer,
        limits: SqlLimits,
        monotonic: Callable[[], float],
    ) -> None:
        super().__init__(limits.thread_seconds, monotonic)
        self._result_bytes = limits.result_bytes
        self.cancelled = False
        self.wrote = False
        self._statements = statements
        self._bindings = bindings
        self._authorizer = authorizer
        self._busy = threading.Lock()

    async def run(self, connection: apsw.Connection) -> list[Row]:
        """Run the query in a thread; return the rows of its last statement.

        Raises what SQLite raises. When the caller is cancelled, the query is stopped first.
        """
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(None, self._run, connection)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            self.cancelled = True
            await asyncio.wait([work])
            if not work.cancelled():
                work.exception()  # told to nobody: the caller is gone
            raise

    def stop(self) -> None:
        """End, and return when the thread has left the connection."""
        self.cancelled = True
        with self._busy:
            pass

    def __call__(self) -> bool:
        """Answer SQLite: True stops the statement."""
        return self.cancelled or super().__call__()

    def _run(self, connection: apsw.Connection) -> list[Row]:
        with self._busy:
            if self.cancelled:
                return []
            self.watch(connection)
            self.begun = self._monotonic()
            *earlier, last = self._statements
            for statement in earlier:
                self._execute(connection, statement, ()).fetchall()
            source = self._execute(connection, last, self._bindings)
            row = row_class(columns_of(source))
            rows: list[Row] = []
            size = 0
            for values in source:
                size += size_of(values)
                if size > self._result_bytes:
                    source.close(True)
                    raise SqlError(too_large(self._result_bytes))
                rows.append(row(values))
            return rows

    def _execute(
        self, connection: apsw.Connection, statement: str, bindings: tuple[Binding, ...]
    ) -> apsw.Cursor:
        source = connection.cursor()
        source.exec_trace = self._before
        self._authorizer.start(statement)
        try:
            return source.execute(statement, bindings, can_cache=RESERVED not in statement.lower())
        finally:
            self._authorizer.active = False

    def _before(self, source: apsw.Cursor, _sql: str, _bindings: object) -> bool:
        if not source.is_readonly:
            self.wrote = True
        return True
