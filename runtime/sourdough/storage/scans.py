"""What SQLite says of a statement that has ended: how many rows its scans of tables went through.

Rows that are found by an index are not among them; no count of SQLite has those. So the number is
0 where an index is used to the full, and the size of the table where one is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import apsw

if TYPE_CHECKING:
    from collections.abc import Mapping

_STEPS = "SQLITE_STMTSTATUS_FULLSCAN_STEP"


class Scans:
    """Listens to users' statements alone, while they run: each that is heard costs 2 us."""

    __slots__ = ("_steps",)

    def __init__(self) -> None:
        self._steps = 0

    def listen(self, connection: apsw.Connection) -> None:
        """Hear of the statements that end from here on."""
        connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, self)

    def ignore(self, connection: apsw.Connection) -> None:
        """Hear of none any more."""
        connection.trace_v2(0, None)

    def __call__(self, ended: Mapping[str, Any]) -> None:
        """Take what SQLite tells when a statement has ended."""
        self._steps = ended["stmt_status"][_STEPS]

    def take(self) -> int:
        """Return the rows that the last statement scanned."""
        steps = self._steps
        # A step goes from one row to the next: the first is not among them.
        return steps and steps + 1
