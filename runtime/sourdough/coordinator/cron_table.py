"""What is durable of crons: two tables of the catalogue.

    crons(cron, seen)       up to when occurrences are accounted for, in ms
    cron_runs(cron, due)    runs that are to be done and have not ended

A catalogue that is lost forgets them: nothing is missed then, and what was running is not repeated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.policy.crons import Occurrence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sourdough.coordinator.catalogue import Catalogue
    from sourdough.policy.crons import Turn

_SEE = """
INSERT INTO crons (cron, seen) VALUES (?, ?) ON CONFLICT (cron) DO UPDATE SET seen = excluded.seen
"""
_BEGIN = "INSERT OR IGNORE INTO cron_runs (cron, due) VALUES (?, ?)"
_END = "DELETE FROM cron_runs WHERE cron = ? AND due = ?"


class CronTable:
    """The tables of crons in a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    async def load(self) -> tuple[dict[str, int], list[Occurrence]]:
        """Return up to when each cron is accounted for, and the runs that have not ended."""
        seen = await self._catalogue.rows("SELECT cron, seen FROM crons")
        runs = await self._catalogue.rows("SELECT cron, due FROM cron_runs ORDER BY due")
        return dict(map(tuple, seen)), [Occurrence(cron, due) for cron, due in runs]

    async def begin(self, turn: Turn) -> None:
        """Record what is due, in one transaction; durable on return."""
        async with self._catalogue.transaction() as connection:
            await connection.executemany(_SEE, list(turn.seen.items()))
            rows = [(each.cron, each.due) for each in turn.occurrences]
            await connection.executemany(_BEGIN, rows)

    async def end(self, runs: Sequence[Occurrence]) -> None:
        """Record that runs have ended."""
        async with self._catalogue.transaction() as connection:
            await connection.executemany(_END, [(each.cron, each.due) for each in runs])
