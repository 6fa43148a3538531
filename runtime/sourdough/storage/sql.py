"""`ctx.storage.sql`: users' SQL on the object's own database (semantics 5.3).

A statement that writes opens the turn's transaction by itself. A cursor reads ahead, so that a
small result is complete (and its statement released) before `exec` returns; only a large one that
is not read to its end holds a statement open.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

import apsw

from sourdough.errors import SqlError, StorageError
from sourdough.storage.authorizer import RESERVED, Authorizer
from sourdough.storage.rows import Row, columns_of, row_class, size_of, too_large
from sourdough.storage.scans import Scans
from sourdough.storage.threaded import ThreadedQuery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sourdough.storage.database import Database

# Rows fetched before `exec` returns: most results end here. Rows may be large: no more bytes.
_READ_AHEAD = 128
_READ_AHEAD_BYTES = 1 << 20

_BLANK = re.compile(r"(?:\s|;|--[^\n]*(?:\n|\Z)|/\*(?:[^*]|\*(?!/))*(?:\*/|\Z))*")

_CLOSED = "SQL cursor was closed because its statement or its database went away"

Binding = None | bool | int | float | str | bytes | bytearray | memoryview


class Cursor:
    """The rows of one statement, read from the front to the end once."""

    __slots__ = (
        "__weakref__",
        "_ahead",
        "_ahead_bytes",
        "_database",
        "_detached",
        "_position",
        "_row",
        "_scans",
        "_source",
        "columns",
        "rows_read",
        "rows_written",
    )

    def __init__(
        self, database: Database, source: apsw.Cursor, columns: tuple[str, ...], scans: Scans
    ) -> None:
        self.columns = columns
        """The names of the columns; may contain duplicates."""
        self.rows_read = 0
        """How many rows the statement has returned so far; from its end on, how many its scans of
        tables went through, where that is more (semantics 5.3.10)."""
        self.rows_written = 0
        """How many rows it inserted, changed and deleted, triggers included, indexes not."""
        self._database = database
        self._row = row_class(columns)
        self._source: apsw.Cursor | None = source
        self._scans = scans
        self._ahead: list[tuple[Any, ...]] = []
        self._ahead_bytes = 0
        self._position = 0
        self._detached = False
        self._read_ahead()

    @property
    def unread(self) -> bool:
        """Whether rows are left that were not fetched ahead: the statement is still open."""
        return self._source is not None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Row:
        return self._row(self._next())

    def one(self) -> Row:
        """Return the only row. Raises ValueError when there is none or more than one."""
        row = next(self, None)
        if row is None:
            raise ValueError("Expected exactly one result from SQL query, but got no results.")
        if next(self, None) is not None:
            raise ValueError(
                "Expected exactly one result from SQL query, but got multiple results."
            )
        return row

    def to_list(self) -> list[Row]:
        """Return the rows that are left.

        Raises SqlError beyond `limits.sql_result_bytes`: the cursor is at its end then, all else
        goes on.
        """
        limit = self._database.limits.result_bytes
        rows: list[Row] = []
        size = 0
        while True:
            size += self._ahead_bytes
            if size > limit:
                self._drop()
                raise SqlError(too_large(limit))
            rows += map(self._row, self._ahead[self._position :])
            self._position = len(self._ahead)
            if not self._refill():
                return rows

    def raw(self) -> Iterator[tuple[Any, ...]]:
        """Iterate over the rows that are left as plain tuples; shares the position."""
        while True:
            try:
                values = self._next()
            except StopIteration:
                return
            yield values

    def detach(self) -> None:
        """Give up the statement: what was not read yet is lost, and reading on says so."""
        if self._source is not None:
            self._detached = True
            self._source.close(True)
            self._source = None

    def _next(self) -> tuple[Any, ...]:
        if self._position == len(self._ahead) and not self._refill():
            raise StopIteration
        values = self._ahead[self._position]
        self._position += 1
        return values

    def _refill(self) -> bool:
        """Fetch the next rows; say whether there were any."""
        if self._source is not None:
            self._database.reading()
            self._scans.listen(self._source.connection)
        self._read_ahead()
        return bool(self._ahead)

    def _drop(self) -> None:
        """Forget the rows that are left."""
        if self._source is not None:
            self._source.close(True)
            self._source = None
        self._ahead, self._position = [], 0

    def _read_ahead(self) -> None:
        """Fetch the next rows, none after the last; at the statement's end let go of it."""
        rows: list[tuple[Any, ...]] = []
        self._ahead = rows
        self._position = 0
        size, self._ahead_bytes = 0, 0
        source = self._source
        if source is None:
            if self._detached:
                raise SqlError(_CLOSED)
            return
        connection = source.connection
        try:
            for values in source:
                rows.append(values)
                size += size_of(values)
                if len(rows) == _READ_AHEAD or size > _READ_AHEAD_BYTES:
                    break
            else:
                self._source = None
        except apsw.Error as error:
            self._source = None
            raise self._database.failed(error) from error
        finally:
            self._scans.ignore(connection)
        self._ahead_bytes = size
        self.rows_read += len(rows)
        if self._source is None:
            self.rows_read = max(self.rows_read, self._scans.take())


class Sql:
    """Runs users' SQL."""

    __slots__ = ("_authorizer", "_columns", "_database", "_reads", "_scans")

    def __init__(self, database: Database) -> None:
        self._database = database
        self._authorizer = Authorizer(database.pragmas)
        self._columns: tuple[str, ...] = ()
        """Those of the statement that began last: once it has ended SQLite does not say."""
        self._reads = True
        """Whether that statement only reads."""
        self._scans = Scans()
        database.on_connection = self._install

    @property
    def database_size(self) -> int:
        """Bytes in use in the object's database, free pages not counted."""
        connection = self._database.connection()
        pages, free, size = (
            int(str(connection.pragma(name)))
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size

    def exec(self, query: str, *bindings: Binding) -> Cursor:
        """Run one or more statements; the bindings and the cursor are those of the last.

        Raises SqlError (SqlConstraintError) when a statement fails: the transaction goes on
        without it. ValueError for a wrong number of bindings or a query without a statement.
        """
        if type(query) is not str:
            raise TypeError(f"a query is a str, not {type(query).__name__}")
        *earlier, last = _statements(query)
        for statement in earlier:
            for _ in self._run(statement, ()).raw():
                pass
        return self._run(last, bindings)

    async def exec_in_thread(self, query: str, *bindings: Binding) -> list[Row]:
        """Run a query that takes long in a thread; return all rows of its last statement.

        The loop stays free for other objects. This object is held meanwhile, as in a critical
        section: no event enters, and storage calls of other tasks wait. It is a transaction of its
        own, or part of the one it is called in. Errors are those of `exec`; it may take
        `limits.sql_seconds`, and is stopped when its caller is cancelled.
        """
        if type(query) is not str:
            raise TypeError(f"a query is a str, not {type(query).__name__}")
        statements = _statements(query)
        admission = self._database.admission
        if admission is None:
            raise RuntimeError("this storage belongs to no object")
        return await admission.exclusively(
            lambda: self._in_thread(statements, bindings), limited=False
        )

    async def _in_thread(self, statements: list[str], bindings: tuple[Binding, ...]) -> list[Row]:
        database = self._database
        query = ThreadedQuery(
            statements=statements,
            bindings=bindings,
            authorizer=self._authorizer,
            limits=database.limits,
            monotonic=asyncio.get_running_loop().time,
        )
        await database.settled()
        try:
            return await query.run(database.lend(query))
        except apsw.Error as error:
            raise self._refusal(error) from error
        finally:
            database.take_back(query)
            with suppress(StorageError):  # `on_broken` has been told
                database.flush()

    def _run(self, statement: str, bindings: tuple[Binding, ...]) -> Cursor:
        database, authorizer = self._database, self._authorizer
        connection = database.connection()
        source = connection.cursor()
        source.exec_trace = self._before
        before = connection.total_changes()
        authorizer.start(statement)
        try:
            # A statement of ours with the same text was prepared without the authorizer.
            source.execute(statement, bindings, can_cache=RESERVED not in statement.lower())
            if authorizer.asked and self._columns:
                self._look_again(source, statement, bindings)
        except apsw.Error as error:
            self._scans.ignore(connection)
            raise self._refusal(error) from error
        finally:
            authorizer.active = False
        cursor = Cursor(database, source, self._columns, self._scans)
        cursor.rows_written = connection.total_changes() - before
        if cursor._source is not None:  # noqa: SLF001 (the cursor is ours)
            database.readers.add(cursor)
        return cursor

    def _before(self, source: apsw.Cursor, _sql: str, _bindings: object) -> bool:
        """Before a user's statement runs: one that writes needs the turn's transaction."""
        self._columns = columns_of(source)
        self._reads = source.is_readonly
        self._authorizer.asked = False
        if not self._reads:
            self._authorizer.active = False
            self._database.writing()
            self._authorizer.active = True
        self._scans.listen(source.connection)
        return True

    def _look_again(
        self, source: apsw.Cursor, statement: str, bindings: tuple[Binding, ...]
    ) -> None:
        """The schema has changed since the statement was cached, so SQLite has prepared it anew:
        its columns may be others. One that ended without a row runs again, to tell them.
        """
        columns = columns_of(source)
        if columns:
            self._columns = columns
        elif self._reads:
            source.execute(statement, bindings)

    def _refusal(self, error: apsw.Error) -> Exception:
        if isinstance(error, apsw.BindingsError):
            return ValueError(f"Wrong number of parameter bindings for SQL query. {error}")
        reason = self._authorizer.reason
        if reason is not None and isinstance(error, apsw.AuthError | apsw.SQLError):
            return SqlError(f"not authorized: {reason}")
        return self._database.failed(error)

    def _install(self, connection: apsw.Connection) -> None:
        connection.authorizer = self._authorizer


def _statements(query: str) -> list[str]:
    """Split a query at the ends of its statements; a trailing comment belongs to none.

    Raises ValueError when there is no statement.
    """
    if ";" not in query.rstrip("; \t\r\n"):
        if _BLANK.fullmatch(query):
            raise ValueError("SQL code did not contain a statement.")
        return [query]
    found = [part for part in _complete_parts(query) if not _BLANK.fullmatch(part)]
    if not found:
        raise ValueError("SQL code did not contain a statement.")
    return found


def _complete_parts(query: str) -> Iterator[str]:
    start = end = 0
    while (end := query.find(";", end)) != -1:
        end += 1
        if apsw.complete(query[start:end]):
            yield query[start:end]
            start = end
    yield query[start:]
