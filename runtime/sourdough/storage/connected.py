"""How the database of one object is reached: not at all yet, in memory, or in its file."""

from __future__ import annotations

from dataclasses import replace
from threading import get_ident
from typing import TYPE_CHECKING

from sourdough.errors import StorageError
from sourdough.storage.birth import state_of_memory
from sourdough.storage.connection import open_memory
from sourdough.storage.meta import create_schema, identify

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
        """Settings the user made on the connection; they move along into the file's connection."""
        self.on_connection: Callable[[apsw.Connection], None] | None = None
        self.hold: Admission | None = None
        """The same while a section runs: whoever is outside of it must wait or is refused."""
        self._meta = meta
        self._name_due = False
        self._engine = engine
        self._stopwatch = engine.stopwatch
        self._clock = clock
        self._connection: apsw.Connection | None = None
        self._cursor: apsw.Cursor | None = None
        self._file: ObjectFile | None = None
        self._absent = False
        self._memory_state: tuple[int, object] = (0, 0)
        self._error: Exception | None = None
        self._thread = get_ident()

    @property
    def meta(self) -> ObjectMeta:
        """Whose database this is; the name comes from the file where the caller had none."""
        return self._meta

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
        """Return the connection if one is open; looks at nothing else."""
        return self._connection

    def learn_name(self, name: str) -> None:
        """Keep a name that a caller told; one that is known is never replaced (semantics 1.13)."""
        if self._meta.name is None:
            self._meta = replace(self._meta, name=name)
            self._name_due = self._connection is not None

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
        self._use(file.connection)

    def _use(self, connection: apsw.Connection) -> apsw.Cursor:
        self._connection = connection
        self._cursor = connection.cursor()
        self._stopwatch.watch(connection)
        if self.on_connection is not None:
            self.on_connection(connection)
        return self._cursor
