"""The alarm of one object: a value in its database, and what the index must hear of it (S11).

The object's database is the truth, the coordinator's index of due times only an aid, so the index
may be early but never late (semantics 4.4.3):

    sooner than what the index holds --> the journal has noted it   --> COMMIT; the index is told
        where there is no journal    --> the index keeps it durably --> COMMIT
    later, or none                   --> COMMIT is durable          --> the index is told

Where there is no journal the turn's transaction stays open until the index has confirmed: what
later turns write joins it, and answers wait for it as for any commit. Nothing is committed that the
index does not know of or will be told after a crash, so a crash at any moment leaves at worst a
spurious wake-up, which the object checks (semantics 6.15).

While `alarm()` runs, the alarm it runs for is *deferred*: still stored, so that a crash repeats the
run, but not shown (semantics 6.4, 6.6).
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import apsw

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.clock import Clock
    from sourdough.storage.database import Database

_GET = "/*_sd_*/SELECT value FROM _sd_meta WHERE key = 'alarm'"
_SET = "/*_sd_*/UPDATE _sd_meta SET value = ? WHERE key = 'alarm'"

# The last millisecond of the year 9999, which is also the last that a datetime can say.
_LATEST = 253_402_300_799_999

NO_HANDLER = "Your Durable Object class must have an alarm() handler in order to call set_alarm()"


class AlarmIndex(Protocol):
    """The index of due times, as one object sees it. All times are ms since the Unix epoch."""

    def sooner(self, due: int, name: str | None, kept: Callable[[], None]) -> bool:
        """Note a time before the one it holds; `kept` is called once that is durable.

        name: the object's, by which it is known when it is woken (semantics 1.13). Returns whether
        a commit may follow at once, since the journal will tell the index whatever happens.
        """
        ...

    def moved(self, due: int | None, name: str | None) -> None:
        """Note what is stored durably: a later time, or none."""
        ...


def milliseconds(when: datetime | float) -> int:
    """Return a moment in ms since the Unix epoch, rounded up so that nothing is early.

    Raises TypeError for what is no moment, a datetime without a time zone and a time <= 0,
    ValueError for one after the year 9999.
    """
    if isinstance(when, datetime):
        if when.utcoffset() is None:
            raise TypeError(
                "set_alarm() takes a datetime with a time zone, for example datetime.now(UTC)"
            )
        when = when.timestamp() * 1000
    elif isinstance(when, bool) or not isinstance(when, int | float):
        raise TypeError(
            "set_alarm() takes a datetime or milliseconds since the Unix epoch,"
            f" not {type(when).__name__}"
        )
    if when <= 0:
        raise TypeError("set_alarm() cannot be called with an alarm time <= 0")
    if not when <= _LATEST:  # NaN too
        raise ValueError("an alarm can be set until the end of the year 9999, in milliseconds")
    return math.ceil(when)


class Alarm:
    """The alarm of one object. Everything is synchronous, like the database it is in."""

    __slots__ = (
        "_asked", "_bound", "_changes", "_clock", "_database", "_index", "_running", "_told",
        "deferred", "has_handler", "holds", "touched",
    )  # fmt: skip

    def __init__(self, database: Database, clock: Clock, index: AlarmIndex | None) -> None:
        """index: None where nobody wakes the object, so nobody has to know."""
        self._database = database
        self._clock = clock
        self._index = index
        self._bound: int | None = None
        """What the index holds is this or earlier; None: perhaps nothing."""
        self._asked: int | None = None
        self._told = 0
        """Counts `moved`: a confirmation of something older says nothing any more."""
        self._changes = 0
        self._running: int | None = None
        self.deferred = False
        self.holds = False
        """Whether the open transaction waits for the index."""
        self.touched = False
        """Whether the open transaction may have changed the alarm."""
        self.has_handler = True
        """Whether the class has `alarm()`; not yet known while the constructor runs (6.2)."""

    # --- ctx.storage

    def set(self, when: datetime | float, *, confirm: bool = True) -> None:
        """Set the alarm, in place of the one that is set (semantics 6.1 - 6.3)."""
        due = milliseconds(when)
        if not self.has_handler:
            raise TypeError(NO_HANDLER)
        due = max(due, self.now())
        if self._running is not None:
            # Another run than the one under way, also within the same millisecond.
            due = max(due, self._running + 1)
        if self.deferred or self.stored() != due:
            self._write(due, confirm=confirm)

    def get(self) -> int | None:
        """Return the alarm in ms; None where there is none, or it is the one that runs (6.4)."""
        return None if self.deferred else self.stored()

    def delete(self, *, confirm: bool = True) -> None:
        """Remove the alarm; does not stop a run under way (semantics 6.10)."""
        if self.deferred or self.stored() is not None:
            self._write(None, confirm=confirm)

    def dropped(self) -> None:
        """`delete_all` has removed it with everything else."""
        self._note()

    # --- a run

    def begin(self) -> int | None:
        """Return the time of the alarm that is to run now; None: nothing is due (6.15)."""
        due = self.stored()
        if due is None or due > self.now():
            return None
        self.deferred = True
        self._running = due
        return due

    def succeed(self) -> None:
        """The run was good: its alarm goes, unless the handler set or deleted it (6.6)."""
        if self.deferred:
            self._write(None)
        self._running = None

    def fail(self) -> None:
        """The run was not good: its alarm shows again (semantics 6.4)."""
        self.deferred = False
        self._running = None

    def clear(self, due: int) -> None:
        """Give up an alarm whose runs all failed, if it is still set (semantics 6.7)."""
        if self.stored() == due:
            self._write(None)

    def correct(self) -> None:
        """The index woke the object for nothing: tell it what is stored, once that is durable."""
        if self._index is not None and not self.touched:
            self._tell_when_durable(self._read(), self._database.commits)

    # --- the database

    def stored(self) -> int | None:
        """Return what the database holds, also while the alarm is deferred."""
        self._database.reading()
        return self._read()

    def opened(self) -> None:
        """The object's file has been opened: the index knows what it holds, or earlier."""
        self._bound = self._read()

    def may_commit(self) -> bool:
        """Say whether the open transaction may be committed; if not, it soon may."""
        self.holds = self.touched and self._index is not None and not self._is_known(self._read())
        return not self.holds

    def committed(self, commit: int) -> None:
        """The transaction that touched the alarm is committed, under this number."""
        self.touched = False
        due = self._read()
        if self._index is not None and (due != self._bound or self._asked is not None):
            self._tell_when_durable(due, commit)

    def now(self) -> int:
        """Return the wall clock's time in whole ms, so that nothing is early."""
        return int(self._clock.now() * 1000)

    def _read(self) -> int | None:
        # Not by `Database.reading`: our own bookkeeping belongs to nobody's critical section.
        connection = self._database.connection_or_none()
        if connection is None:
            return None
        try:
            [(due,)] = connection.execute(_GET).fetchall()
        except apsw.Error as error:
            raise self._database.failed(error) from error
        return None if due is None else int(due)

    def _write(self, due: int | None, *, confirm: bool = True) -> None:
        cursor = self._database.writing(confirm=confirm)
        try:
            cursor.execute(_SET, (due,))
        except apsw.Error as error:
            raise self._database.failed(error) from error
        self._note()

    def _note(self) -> None:
        self.touched = True
        self.deferred = False
        self._changes += 1

    def _is_known(self, due: int | None) -> bool:
        """Whether the index holds this time or an earlier one; if not, it is asked to."""
        if due is None or (self._bound is not None and self._bound <= due):
            return True
        if self._index is not None and (self._asked is None or due < self._asked):
            self._asked = due
            told, name = self._told, self._database.meta.name
            if self._index.sooner(due, name, lambda: self._kept(due, told)):
                self._bound, self._asked = due, None
                return True
        return False

    def _kept(self, due: int, told: int) -> None:
        if told != self._told:
            return
        self._bound = due
        if self._asked == due:
            self._asked = None
        self._database.end_turn()

    def _tell_when_durable(self, due: int | None, commit: int) -> None:
        changes = self._changes

        def durable(error: Exception | None) -> None:
            # After another change, the commit of that change tells.
            if error is None and changes == self._changes and self._index is not None:
                self._told += 1
                self._asked = None
                self._bound = due
                self._index.moved(due, self._database.meta.name)

        self._database.when_durable(commit, durable)
