"""The database of one object: opened when needed, one transaction per turn, numbered commits.

    nothing ----first write or SQL----> memory ----first commit of an event----> file
       \\-------------------------the file exists already-------------------------/

A new object lives in memory until an event commits something: reading an unknown object, or only
running `create table if not exists` in a constructor, leaves no file. The first write of a loop
turn opens the transaction, the end of the turn commits it (semantics 4.4.1); nothing here ever
suspends, so no other event sees half of a turn. An earlier alarm holds the commit back until the
index has it (`storage.alarm`); the turns that come before that join the transaction.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import apsw

from sourdough.errors import StorageError, StorageFullError
from sourdough.storage import failure
from sourdough.storage.alarm import Alarm
from sourdough.storage.birth import move_into_file, state_of_memory
from sourdough.storage.connected import Connected
from sourdough.storage.connection import run, vacuum
from sourdough.storage.engine import wait_until_durable, when_both
from sourdough.storage.held import Held

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sourdough.clock import Clock
    from sourdough.storage.admission import Admission
    from sourdough.storage.alarm import AlarmIndex
    from sourdough.storage.engine import Engine, ObjectFile
    from sourdough.storage.meta import ObjectMeta
    from sourdough.storage.threaded import Borrower

# Statements of ours carry a mark. SQL of users that contains "_sd_" bypasses the statement cache, so
# that none of theirs can run a statement of ours, which was prepared without the authorizer.
_BEGIN = "/*_sd_*/BEGIN IMMEDIATE"
_COMMIT = "/*_sd_*/COMMIT"
_SET_NAME = "/*_sd_*/UPDATE _sd_meta SET value = ? WHERE key = 'name' AND value IS NULL"


class Database(Connected):
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
        alarms: AlarmIndex | None = None,
    ) -> None:
        """Prepare; nothing is opened yet.

        schedule: runs a function at the end of the loop turn (`loop.call_soon`).
        on_broken: called once when the storage had to give up; the instance must be reset.
        on_created: called when the object gets its file (the catalogue wants to know).
        alarms: hears when the object wants to be woken; None where nobody wakes it.
        """
        super().__init__(path=path, meta=meta, engine=engine, clock=clock)
        self.alarm = Alarm(self, clock, alarms)
        self.admission: Admission | None = None
        """The object's critical sections; None for a database that belongs to no live object."""
        self.critical = False
        """Whether SQLite gave up a transaction (semantics 4.4.4)."""
        self._borrower: Borrower | None = None
        self._schedule = schedule
        self._on_broken = on_broken
        self._on_created = on_created
        self._constructed = False
        self._must_confirm = False
        self._confirmed = 0
        # The last commit of another object that what this one says depends on; 0 if it is durable.
        self._leans_on = 0
        self._vacuum_due = False
        self._held = Held()

    # Reading and writing

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
        SQLite when one that wrote was stopped, with all of the transaction.
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
            if borrower.cancelled and not self._connection.in_transaction:
                self._lost()

    def _lost(self) -> None:
        if self.depth:
            self._break(StorageError(failure.LOST), None)
        self._in_transaction = False

    # Commits

    def flush(self) -> int:
        """Commit now; return the commit that an answer given now depends on, 0 if all is durable.

        Raises StorageError when the commit fails; the object is broken then.
        """
        if self._error is not None:
            raise self._error.with_traceback(None)
        if self._in_transaction:
            if self.depth == 0 and self._may_commit():
                self._commit()
            elif self._must_confirm and self.alarm.holds:
                return self.commits + 1
        file = self._file
        own = 0 if file is None or self._confirmed <= file.durable else self._confirmed
        if not self._leans_on or (order := self._engine.order) is None:
            return own
        if self._leans_on <= order.reached():
            self._leans_on = 0
        return max(own, self._leans_on)

    def lean_on(self, other: Database, commit: int) -> bool:
        """Let what this object says wait for a commit of another as well (invariant S1).

        False where the two have no common order, in which what this object commits later cannot
        be durable before it: whoever asks must wait for the commit instead.
        """
        if self._engine.order is None or other._engine is not self._engine:
            return False
        if other._in_transaction or (other._file is not None and not other._file.in_order):
            return False
        self._leans_on = max(self._leans_on, commit)
        return True

    def end_turn(self) -> None:
        """Commit what the turn wrote, if nothing holds it back."""
        if not self._in_transaction or self.depth or self._error is not None:
            return
        with suppress(StorageError):  # `on_broken` has been told
            if self._may_commit():
                self._commit()

    def joins(self, callback: Callable[[Exception | None], None]) -> bool:
        """Call back as `when_durable` for what the end of this turn commits, if answers wait for it."""
        if not (self._in_transaction and self._must_confirm) or self.depth or self.alarm.holds:
            return False
        self._held.add(callback)
        return True

    def when_durable(self, commit: int, callback: Callable[[Exception | None], None]) -> None:
        """Call back once with None when a commit is durable, with an error if it never will be."""
        order, foreign = self._engine.order, commit > self.commits and commit == self._leans_on
        if self._in_transaction and commit > self.commits and (not foreign or self.alarm.holds):
            self._held.add(callback)
        elif foreign and order is not None:
            when_both(self._file, self._confirmed, order, commit, self, callback)
        elif self._file is None:
            callback(self._error)
        else:
            self._file.when_durable(commit, callback)

    def told(self, callback: Callable[[Exception | None], None]) -> None:
        """Call back as `when_durable`, for what was committed so far here or is leaned on, and
        whatever becomes of this database; at once where that is durable, or where no order says.
        """
        order, last = self._engine.order, max(self.commits, self._leans_on)
        if order is None or last <= order.reached():
            callback(None)
        else:
            order.when(last, self, callback)

    def mark_constructed(self) -> None:
        """The constructor has run: from here on, commits make the object exist.

        What only a constructor wrote to a new object stays in memory, because it would write the
        same again.
        """
        if self._file is None and self._connection is not None:
            self.flush()
            self._memory_state = state_of_memory(self._connection)
        self._constructed = True

    async def settled(self) -> None:
        """Commit what was written; waits only where an alarm holds the commit back."""
        self.flush()
        if self._in_transaction and self.alarm.holds:
            await self.sync()

    async def sync(self) -> None:
        """Return when everything written so far, also unconfirmed, is durable (4.2.5)."""
        self.flush()
        last = self.commits + (self._in_transaction and self.alarm.holds)
        if last and (self._file is None or self._file.durable < last):
            await wait_until_durable(self, last)

    # Endings

    async def close(self) -> None:
        """Commit, make durable, fold the WAL into the file, close (invariant S4)."""
        await self._end(fold=True)

    async def release(self) -> None:
        """Commit, make durable, close without folding: the next owner reads the WAL."""
        await self._end(fold=False)

    def remove(self) -> int:
        """Delete the object's file, never opened here, then its facets'; return the bytes freed."""
        self.abandon()
        return sum(map(self._engine.remove, [self.path, *self._engine.facets(self.path)]))

    def abandon(self, reason: Exception | None = None) -> None:
        """The instance is dead: undo the open transaction, close; every later call raises.

        reason: what they are told who wait for a commit to become durable.
        """
        error = self._error or reason or failure.closed()
        self._error = error if self.critical else failure.closed()
        if self._borrower is not None:
            self._borrower.stop()
        self.readers.detach()
        connection, file = self._forget()
        self._held.failed(error)
        with suppress(apsw.Error):
            if connection is not None and connection.in_transaction:
                run(connection, "ROLLBACK")
        if file is not None:
            file.abandon(error)
            self._file_closed()
        elif connection is not None:
            connection.close(True)

    def shrink_after_commit(self) -> None:
        """Give the free pages back as soon as the running transaction is committed."""
        self._vacuum_due = True

    # Inside

    def _use_file(self, file: ObjectFile) -> None:
        super()._use_file(file)
        self._confirmed = file.commits
        self.alarm.opened()

    def _wake(self, file: ObjectFile) -> None:
        try:
            super()._wake(file)
        except StorageError as error:
            raise self._break(error, None) from error

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
            self._schedule(self.end_turn)

    def _may_commit(self) -> bool:
        """Say whether nothing holds the commit back. Raises StorageError where it would fail."""
        try:
            if self._file is not None:
                self._file.admit()
            return self.alarm.may_commit()
        except StorageFullError as error:
            raise self._break(error, None) from None
        except OSError as error:
            full = failure.write_error("an alarm could not be noted", error, path=self.path)
            raise self._break(full, None) from error

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
        number = self._materialise(connection) if self._file is None else self._number(self._file)
        if confirm:
            self._confirmed = number
        if self.alarm.touched:
            self.alarm.committed(number)
        self._held.committed(max(number, self._leans_on), self.when_durable)

    def _number(self, file: ObjectFile) -> int:
        try:
            return file.committed()
        except StorageError as error:
            self._break(error, None)
            raise

    def _materialise(self, connection: apsw.Connection) -> int:
        """Make the file of a new object, if an event wrote something; return its commit number."""
        same = not self._constructed or state_of_memory(connection) == self._memory_state
        if same and self.alarm.stored() is None:
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
            self._held.failed(error)
        return error

    async def _end(self, *, fold: bool) -> None:
        await self.settled()
        self._error = failure.closed()
        self.readers.detach()
        connection, file = self._forget()
        if file is not None:
            try:
                await file.close(fold=fold)
            except BaseException as error:
                file.abandon(error if isinstance(error, Exception) else failure.closed())
                raise
            finally:
                self._file_closed()
        elif connection is not None:
            connection.close(True)
