"""Stops statements that run too long (invariant S12, `limits.sql_seconds`).

SQLite asks every few thousand of its operations whether to go on. A statement costs one assignment
(`begun = 0.0`) and no look at the clock: the first question after it starts the measurement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import apsw

# 0.2 ms of plain work; asking costs 0.2 us. Operations on large values take longer each.
_OPERATIONS = 10_000


class Stopwatch:
    """The time limit of one statement at a time; one for all connections of a loop."""

    __slots__ = ("_monotonic", "begun", "expired", "seconds")

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self.seconds = seconds
        self.begun = 0.0
        """Set to 0.0 before each statement."""
        self.expired = False
        """Whether the last statement that was stopped was stopped here."""
        self._monotonic = monotonic

    def watch(self, connection: apsw.Connection) -> None:
        """Limit the statements of a connection, instead of whoever did it before."""
        connection.set_progress_handler(self, _OPERATIONS)

    def __call__(self) -> bool:
        """Answer SQLite: True stops the statement."""
        now = self._monotonic()
        if not self.begun:
            self.begun = now
            self.expired = False
        elif now - self.begun >= self.seconds:
            self.expired = True
        return self.expired
