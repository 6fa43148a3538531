"""How the database of one object is reached: not at all yet, in memory, or in its file.

    nothing --> memory --> file, open <--> file, dozing
       `--------------------^

A file that nobody uses *dozes* (`awake.py`): all of it is on the medium and folded, the connection
is closed, and instance and gates know nothing of it. The next storage call opens it again. Nobody
else opens it meanwhile: it is the file of an object whose slot this host owns, as one that does not
live (invariants P1, P2, S3). What a connection remembers for its user is kept: pragmas, and
`last_insert_rowid()`; but `changes()` and `total_changes()` count anew.
"""

from __future__ import annotations

from dataclasses import replace
from threading import get_ident
from typing import TYPE_CHECKING

from sourdough.errors import StorageError
from sourdough.storage.birth import state_of_memory
from sourdough.storage.connection import open_memory, run
from sourdough.storage.meta import create_schema, identify
from sourdough.storage.readers import Readers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import apsw

    from sourdough.clock import Clock
    from sourdough.storage.admission import Admission
    from sourdough.storage.engine import Engine, ObjectFile
    from sourdough.storage.meta import ObjectMeta


class Connected:
    """The connection of `Database`, opened at the first use."""

    def __init__(self, *, path: Path, meta: ObjectMeta, engine: Engine, clock: Clock) -> None:
        """See `Database`."""
        self.path = path
        self.limits = engine.limits
        self.pragmas: dict[str, str] = {}
        """Settings the user made on the connection; they move along into the next connection."""
        self.readers = Readers()
        self.depth = 0
        """How many transactions are open inside each other; the outermost's end commits."""
        self.on_connection: Callable[[apsw.Connection], None] | None = None
        self.on_emptied: Callable[[], None] = lambda: None
        """Called when `delete_all` has taken the names of all facets away."""
        self.hold: Admission | None = None
        """While a section runs: whoever is outside of it must wait or is refused."""
        self._meta = meta
        self._name_due = False
        self._engine = engine
        self._stopwatch = engine.stopwatch
        self._clock = clock
        self._connection: apsw.Connection | None = None
        self._cursor: apsw.Cursor | None = None
        self._file: ObjectFile | None = None
        self._absent = False
        self._in_transaction = False
        self._unused = 0
        self._last_rowid = 0
        self._memory_state: tuple[int, object] = (0, 0)
        self._error: Exception | None = None
        self._thread = get_ident()

    @property
    def meta(self) -> ObjectMeta:
        """Whose database this is; the name comes from the file where the caller had none."""
        return self._meta

    @property
    def pending(self) -> bool:
        """Whether something written is not durable yet."""
        file = self._file
        return self._in_transaction or (file is not None and file.durable < file.commits)

    @property
    def commits(self) -> int:
        """The number of the last commit; 0 for an object without a file."""
        return 0 if self._file is None else self._file.commits

    @property
    def in_order(self) -> bool:
        """Whether what is committed here is durable before what others commit later."""
        return self._engine.order is not None and (self._file is None or self._file.in_order)

    @property
    def engine(self) -> Engine:
        """What makes its commits durable."""
        return self._engine

    @property
    def exists(self) -> bool:
        """Whether the object has a file."""
        self.reading()
        return self._file is not None

    def reading(self) -> apsw.Cursor | None:
        """Return the cursor for a statement of ours that reads; None: the object has no data."""
        if get_ident() != self._thread:
            # A transaction is what one turn of the loop writes: a thread would break it open.
            raise StorageError(
                "An object's storage is used on its loop, and this is another thread.",
                hint="use it in `async def`; frameworks run plain functions in threads",
            )
        if self._error is not None:
            raise self._error.with_traceback(None)
        if self.hold is not None:
            self.hold.check()
        self._stopwatch.begun = 0.0
        if self._cursor is None and not self._absent:
            self._open_existing()
        return self._cursor

    def connection(self) -> apsw.Connection:
        """Return the connection for users' SQL; a new object gets its database in memory."""
        if self.reading() is None:
            self._open_memory()
        connection = self._connection
        assert connection is not None
        return connection

    def connection_or_none(self) -> apsw.Connection | None:
        """Return the connection if there is one; looks at nothing else."""
        if self._dozes:
            self._open_existing()
        return self._connection

    @property
    def _dozes(self) -> bool:
        return self._connection is None and self._file is not None

    def learn_name(self, name: str) -> None:
        """Keep a name that a caller told; one that is known is never replaced (semantics 1.13)."""
        if self._meta.name is None:
            self._meta = replace(self._meta, name=name)
            self._name_due = self._file is not None or self._connection is not None

    # A file that nobody uses: implements `Sleeper`

    def tire(self) -> int:
        """Take the cursor away; whoever finds it gone uses the database (`awake.py`)."""
        if self._connection is None or self._in_transaction or self.depth or self.readers.unread:
            return 0
        if self._cursor is not None:
            self._cursor = None
            self._unused = 0
        self._unused += 1
        return self._unused

    def doze(self) -> bool:
        """Close the file, if it can be closed at once and nothing of its connection is in use."""
        file, connection = self._file, self._connection
        if file is None or connection is None:
            return False
        self._last_rowid = connection.last_insert_rowid()
        if self.pragmas:
            self._note_pragmas(connection)
        if not file.doze():
            return False
        self._connection = self._cursor = None
        return True

    def rest(self) -> bool:
        """Doze now, where nothing of the connection is in use; say whether it does."""
        if not (self.tire() and self.doze()):
            return False
        self._file_closed()
        return True

    def _note_pragmas(self, connection: apsw.Connection) -> None:
        """Some of those that were set did nothing, for example inside a transaction."""
        for name in self.pragmas:
            for (value,) in run(connection, f"PRAGMA {name}"):
                self.pragmas[name] = str(value)

    def _wake(self, file: ObjectFile) -> None:
        connection = file.wake()
        connection.set_last_insert_rowid(self._last_rowid)
        for name, value in self.pragmas.items():
            run(connection, f"PRAGMA {name}={value}")
        self._use(connection)

    # Opening

    def _open_existing(self) -> None:
        connection, file, awake = self._connection, self._file, self._engine.awake
        if connection is not None:
            self._cursor = connection.cursor()
            return
        if awake is not None:
            awake.admit(woken=file is not None)
        if file is None:
            self._open_found()
        else:
            self._wake(file)

    def _open_found(self) -> None:
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

    def _forget(self) -> tuple[apsw.Connection | None, ObjectFile | None]:
        connection, file = self._connection, self._file
        self._connection = self._cursor = self._file = None
        self._in_transaction = False
        return connection, file

    def _file_closed(self) -> None:
        if self._engine.awake is not None:
            self._engine.awake.closed(self)

    def _open_memory(self) -> apsw.Cursor:
        connection = open_memory(self._engine.limits)
        create_schema(connection, self._meta, created=self._clock.now())
        self._memory_state = state_of_memory(connection)
        return self._use(connection)

    def _use_file(self, file: ObjectFile) -> None:
        self._file = file
        file.rest = self.rest
        self._absent = False
        self._use(file.connection)

    def _use(self, connection: apsw.Connection) -> apsw.Cursor:
        self._connection = connection
        self._cursor = connection.cursor()
        self._stopwatch.watch(connection)
        if self._file is not None and self._engine.awake is not None:
            self._engine.awake.opened(self)
        if self.on_connection is not None:
            self.on_connection(connection)
        return self._cursor
