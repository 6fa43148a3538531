"""The index of due times: a table of the catalogue, in the order in which alarms are due (S11).

It is an index only. A time in it may be earlier than what the object's database holds, never later;
the object decides when it is woken.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from sourdough.coordinator.alarm_book import Due, Key, Position

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sourdough.coordinator.catalogue import Catalogue

# A name that is known stays (semantics 1.13).
_PUT = """
INSERT INTO alarms (storage, id, due, name) VALUES (?, ?, ?, ?)
ON CONFLICT (storage, id) DO UPDATE SET
    due = excluded.due, name = COALESCE(excluded.name, name)
"""
_FIND = """
INSERT INTO alarms (storage, id, due, name) VALUES (?, ?, ?, ?)
ON CONFLICT (storage, id) DO UPDATE SET
    due = min(due, excluded.due), name = COALESCE(excluded.name, name)
"""
_REMOVE = "DELETE FROM alarms WHERE storage = ? AND id = ?"
_PAGE = """
SELECT storage, id, due, name FROM alarms
WHERE (due, storage, id) > (?, ?, ?) AND due <= ? ORDER BY due, storage, id LIMIT ?
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What the index is to hold of one object; `found`: unless it holds something sooner."""

    key: Key
    alarm: Due | None
    found: bool = False

    def followed_by(self, later: Change) -> Change:
        """Return the one change that does what this and a later one of the same object do."""
        mine, its = self.alarm, later.alarm
        if mine is None or its is None:
            return later if its is None else replace(later, found=False)
        due = min(mine.due, its.due) if later.found else its.due
        alarm = replace(its, due=due, name=its.name or mine.name)
        return replace(later, alarm=alarm, found=self.found and later.found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A part of the index, and the position up to which it is complete."""

    alarms: tuple[Due, ...]
    end: Position


def _statement(change: Change) -> str:
    if change.alarm is None:
        return _REMOVE
    return _FIND if change.found else _PUT


def _row(change: Change) -> tuple[object, ...]:
    alarm = change.alarm
    return change.key if alarm is None else (*change.key, alarm.due, alarm.name)


class AlarmIndex:
    """The `alarms` table of a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    async def write(self, changes: Sequence[Change]) -> None:
        """Make changes, in their order and in one transaction; they are durable on return."""
        async with self._catalogue.transaction() as connection:
            # Each call is a round trip to the catalogue's thread: what is alike goes together.
            for statement, alike in groupby(changes, _statement):
                await connection.executemany(statement, [_row(change) for change in alike])

    async def page(self, after: Position, until: int, limit: int) -> Page:
        """Return the alarms behind a position that are due at `until` or before, `limit` at most."""
        rows = await self._catalogue.rows(_PAGE, *after, until, limit)
        alarms = tuple(
            Due(key=(storage, raw), due=due, name=name) for storage, raw, due, name in rows
        )
        if len(alarms) < limit:
            return Page(alarms=alarms, end=(until + 1, "", b""))
        last = alarms[-1]
        return Page(alarms=alarms, end=(last.due, *last.key))
