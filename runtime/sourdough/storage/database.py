"""The database of one object: opened when needed, one transaction per turn, numbered commits.

    nothing ----first write or SQL----> memory ----first commit of an event----> file
       \\-------------------------the file exists already-------------------------/

A new object lives in memory until an event commits something: reading an unknown object, or only
running `create table if not exists` in a constructor, leaves no file. The first write of a loop
turn opens the transaction, the end of the turn commits it (semantics 4.4.1); nothing here ever
suspends, so no other event sees half of a turn.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import apsw

from sourdough.errors import StorageError
from sourdough.storage import failure
from sourdough.storage.birth import move_into_file, state_of_memory
from sourdough.storage.connection import open_memory, run, vacuum
from sourdough.storage.engine import wait_until_durable
from sourdough.storage.meta import create_schema, identify
from sourdough.storage.readers import Readers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sourdough.clock import Clock
    from sourdough.storage.admission import Admission
    from sourdough.storage.engine import Engine, ObjectFile
    from sourdough.storage.meta import ObjectMeta
    from sourdough.storage.threaded import Borrower

# Statements of ours carry a mark. SQL of users that contains "_sd_" bypasses the statement cache, so
# that none of theirs can run a statement of ours, which was prepared without the authorizer.
_BEGIN = "/*_sd_*/BEGIN IMMEDIATE"
_COMMIT = "/*_sd_*/COMMIT"
_SET_NAME = "/*_sd_*/UPDATE _sd_meta SET value = ? WHERE key = 'name' AND value IS NULL"


class Database:
    """One object's database. All methods run on the loop and are synchronous but where `async`."""

    def __init__(
        self,
        *,
        path: Path,
        meta: ObjectMeta,
        engine: Engine,
        schedule: Callable[[Callable[[], None]], object],
        clock: Clock,
        on_broken: Callable[[Exception], None],
        on_created: Callable[[], None] | None = None,
    ) -> None:
        """Prepare; nothing is opened yet.

        schedule: runs a function at the end of the loop turn (`loop.call_soon`).
        on_broken: called once when the storage had to give up; the instance must be reset.
        on_created: called when the object gets its file (the catalogue wants to know).
        """
        self.path = path
        self.limits = engine.limits
        self.pragmas: dict[str, str] = {}
        """Settings the user made on the connection; they move along into the file's connection."""
        self.on_connection: Callable[[apsw.Connection], None] | None = None
        self.readers = Readers()
        self.depth = 0
        """How many transactions are open inside each other; the outermost's end commits."""
        self.admission: Admission | None = None
        """The object's critical sections; None for a database that belongs to no live object."""
        self.hold: Admission | None = None
        """The same while a section runs: whoever is outside of it must wait or is refused."""
        self.critical = False
        """Whether SQLite gave up a transaction (semantics 4.4.4)."""
        self._meta = meta
        self._name_due = False
        self._engine = engine
        self._stopwatch = engine.stopwatch
        self._borrower: Borrower | None = None
        self._schedule = schedule
        self._clock = clock
        self._on_broken = on_broken
        self._on_created = on_created
        self._connection: apsw.Connection | None = None
        self._cursor: apsw.Cursor | None = None
        self._file: ObjectFile | None = None
        self._absent = False
        self._constructed = False
        self._memory_state: tuple[int, object] = (0, 0)
        self._in_transaction = False
        self._must_confirm = False
        self._confirmed = 0
        self._vacuum_due = False
        self._error: Exception | None = None

    @property
    def meta(self) -> ObjectMeta:
        """Whose database this is; the name comes from the file where the caller had none."""
        return self._meta

    @property
    def exists(self) -> bool:
        """Whether the object has a file."""
        self.reading()
        return self._file is not None

    @property
    def pending(self) -> bool:
        """Whether something written is not durable yet."""
        file = self._file
        return self._in_transaction or (file is not None and file.durable < file.commits)

    # Reading and writing

    def reading(self) -> apsw.Cursor | None:
        """Return the cursor for a statement of ours that reads; None: the object has no data."""
        if self._error is not None:
            raise self._error.with_traceback(None)
        if self.hold is not None:
            self.hold.check()
        self._stopwatch.begun = 0.0
        if self._cursor is None and not self._absent:
            self._open_existing()
        return self._cursor

    def writing(self, *, confirm: bool = True) -> apsw.Cursor:
        """Return the cursor for a statement of ours that writes; opens the turn's transaction.

        confirm: whether answers wait for this write (False for `allow_unconfirmed`).
        """
        cursor = self.reading()
        if cursor is None:
            cursor = self._open_memory()
        if confirm:
            self._must_confirm = True
        if not self._in_transaction:
            self._begin(cursor)
        return cursor

    def connection(self) -> apsw.Connection:
        """Return the connection for users' SQL; a new object gets its database in memory."""
        if self.reading() is None:
            self._open_memory()
        connection = self._connection
        assert connection is not None
        return connection

    def connection_or_none(self) -> apsw.Connection | None:
        """Return the connection if one is open; looks at nothing else."""
        return self._connection

    def failed(self, error: apsw.Error) -> Exception:
        """Return what to raise for an error of SQLite; breaks the storage if it was critical.

        SQLite ends the transaction by itself when the disk is full or broken (semantics 4.4.4).
        """
        connection = self._connection
        limit = self._borrower or self._stopwatch
        if self._in_transaction and connection is not None and not connection.in_transaction:
            return self._break(failure.critical_error(error, limit), error)
        return failure.statement_error(error, limit)

    # Lending the connection to a thread

    def lend(self, borrower: Borrower) -> apsw.Connection:
        """Give the connection away, in a transaction of its own; nobody else may use it then."""
        self.flush()
        self.writing(confirm=False)
        connection = self.connection()
        self.depth += 1
        self._borrower = borrower
        if self._file is not None:
            self._file.lent = True
        return connection

    def take_back(self, borrower: Borrower) -> None:
        """Have the connection again; does nothing after `abandon`.

        What the borrower's statements did is committed by the next `flush`, or was undone by
        SQLite when one that wrote was stopped; then this forgets the transaction.
        """
        if self._borrower is not borrower:
            return
        self._borrower = None
        self.depth -= 1
        if self._file is not None:
            self._file.lent = False
        if borrower.wrote:
            self._must_confirm = True
        if self._connection is not None:
            self._stopwatch.watch(self._connection)
            if borrower.cancelled and not self.depth:
                self._in_transaction = self._connection.in_transaction

    # Commits

    def flush(self) -> int:
        """Commit now; return the commit that an answer given now depends on, 0 if all is durable.

        Raises StorageError when the commit fails; the object is broken then.
        """
        if self._error is not None:
            raise self._error.with_traceback(None)
        if self._in_transaction and self.depth == 0:
            self._commit()
        file = self._file
        if file is None or self._confirmed <= file.durable:
            return 0
        return self._confirmed

    def when_durable(self, commit: int, callback: Callable[[Exception | None], None]) -> None:
        """Call back once with None when a commit is durable, with an error if it never will be."""
        if self._file is None:
            callback(self._error)
        else:
            self._file.when_durable(commit, callback)

    def mark_constructed(self) -> None:
        """The constructor has run: from here on, commits make the object exist.

        What only a constructor wrote to a new object stays in memory, because it would write the
        same again.
        """
        if self._file is None and self._connection is not None:
            self.flush()
            self._memory_state = state_of_memory(self._connection)
        self._constructed = True

    def learn_name(self, name: str) -> None:
        """Keep a name that a caller told; one that is known is never replaced (semantics 1.13)."""
        if self._meta.name is None:
            self._meta = replace(self._meta, name=name)
            self._name_due = self._connection is not None

    async def sync(self) -> None:
        """Return when everything written so far, also unconfirmed, is durable (4.2.5)."""
        self.flush()
        file = self._file
        if file is None or file.durable >= file.commits:
            return
        await wait_until_durable(file, file.commits)

    # Endings

    async def close(self) -> None:
        """Commit, make durable, fold the WAL into the file, close (invariant S4)."""
        await self._end(fold=True)

    async def release(self) -> None:
        """Commit, make durable, close without folding: the next owner reads the WAL."""
        await self._end(fold=False)

    def abandon(self) -> None:
        """The instance is dead: undo the open transaction, close; every later call raises."""
        error = self._error or failure.closed()
        self._error = failure.closed()
        if self._borrower is not None:
            self._borrower.stop()
        self.readers.detach()
        connection, file = self._forget()
        if connection is None:
            return
        with suppress(apsw.Error):
            if connection.in_transaction:
                run(connection, "ROLLBACK")
        if file is None:
            connection.close(True)
        else:
            file.abandon(error)

    # Helpers of the storage API

    def shrink_after_commit(self) -> None:
        """Give the free pages back as soon as the running transaction is committed."""
        self._vacuum_due = True

    # Inside

    def _open_existing(self) -> None:
        if not self._engine.exists(self.path):
            self._absent = True
            return
        file = self._engine.open(self.path)
        try:
            name = identify(file.connection, self.path)
        except StorageError as error:
            file.abandon(error)
            raise
        self._name_due = name is None and self._meta.name is not None
        if name is not None:
            self._meta = replace(self._meta, name=name)
        self._use_file(file)

    def _open_memory(self) -> apsw.Cursor:
        connection = open_memory(self._engine.limits)
        create_schema(connection, self._meta, created=self._clock.now())
        self._memory_state = state_of_memory(connection)
        return self._use(connection)

    def _use_file(self, file: ObjectFile) -> None:
        self._file = file
        self._confirmed = file.commits
        self._use(file.connection)

    def _use(self, connection: apsw.Connection) -> apsw.Cursor:
        self._connection = connection
        self._cursor = connection.cursor()
        self._stopwatch.watch(connection)
        if self.on_connection is not None:
            self.on_connection(connection)
        return self._cursor

    def _begin(self, cursor: apsw.Cursor) -> None:
        try:
            cursor.execute(_BEGIN)
            self._in_transaction = True
            if self._name_due:
                cursor.execute(_SET_NAME, (self._meta.name,))
                self._name_due = False
        except apsw.Error as error:
            raise self.failed(error) from error
        if not self.depth:
            self._schedule(self._end_of_turn)

    def _end_of_turn(self) -> None:
        if self._in_transaction and not self.depth and self._error is None:
            with suppress(StorageError):  # `on_broken` has been told
                self._commit()

    def _commit(self) -> None:
        cursor, connection = self._cursor, self._connection
        assert cursor is not None
        assert connection is not None
        self._stopwatch.begun = 0.0
        try:
            cursor.execute(_COMMIT)
        except apsw.Error as error:
            with suppress(apsw.Error):
                run(connection, "ROLLBACK")
            raise self._break(failure.commit_error(error), error) from error
        self._in_transaction = False
        if self._vacuum_due:
            self._vacuum_due = False
            self._stopwatch.begun = 0.0
            vacuum(connection)
        confirm, self._must_confirm = self._must_confirm, False
        number = self._materialise(connection) if self._file is None else self._file.committed()
        if confirm:
            self._confirmed = number

    def _materialise(self, connection: apsw.Connection) -> int:
        """Make the file of a new object, if an event wrote something; return its commit number."""
        if not self._constructed or state_of_memory(connection) == self._memory_state:
            return 0
        try:
            file = move_into_file(
                connection, engine=self._engine, path=self.path, pragmas=self.pragmas
            )
        except StorageError as error:
            self._break(error, None)
            raise
        self._use_file(file)
        if self._on_created is not None:
            self._on_created()
        return file.commits

    def _break(self, error: Exception, cause: apsw.Error | None) -> Exception:
        self._in_transaction = False
        if self._error is None:
            self._error = error
            self.critical = True
            if cause is not None and failure.is_failed_sync(cause):
                self._engine.fail(error)
            self._on_broken(error)
        return error

    def _forget(self) -> tuple[apsw.Connection | None, ObjectFile | None]:
        connection, file = self._connection, self._file
        self._connection = self._cursor = self._file = None
        self._in_transaction = False
        return connection, file

    async def _end(self, *, fold: bool) -> None:
        self.flush()
        self._error = failure.closed()
        self.readers.detach()
        connection, file = self._forget()
        if file is not None:
            try:
                await file.close(fold=fold)
            except BaseException as error:
                file.abandon(error if isinstance(error, Exception) else failure.closed())
                raise
        elif connection is not None:
            connection.close(True)
