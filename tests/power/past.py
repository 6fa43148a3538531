"""What an object was, commit after commit, and what of it somebody was told."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sourdough.storage.connection import run

if TYPE_CHECKING:
    import apsw

ABSENT = "absent"


@dataclass(slots=True)
class Past:
    """The states of one object; places are positions of the disk's log."""

    states: list[tuple[int, str]] = field(default_factory=lambda: [(-1, ABSENT)])
    """Where a state's first byte may have been written, and its digest."""
    told: list[tuple[int, int]] = field(default_factory=list)
    """Where somebody was told of a state, or of one behind it, and which."""

    def became(self, begun: int, digest: str) -> int:
        """Note a state; return its number. One that is no other than the last has its number."""
        if self.states[-1][1] != digest:
            self.states.append((begun, digest))
        return len(self.states) - 1

    def reveal(self, position: int, number: int) -> None:
        """Note that somebody was told."""
        self.told.append((position, number))

    def admissible(self, position: int) -> set[str]:
        """Return the digests that may be found after a cut at a position."""
        least = self.least(position)
        return {
            digest
            for number, (begun, digest) in enumerate(self.states)
            if number >= least and begun <= position
        }

    def least(self, position: int) -> int:
        """Return the number of the last state that somebody was told of at a position."""
        return max((number for place, number in self.told if place <= position), default=0)

    def until(self, position: int, *, forget_places: bool) -> Past:
        """Return the past as of a position; without places where the disk has a new log."""
        place = -1 if forget_places else None
        return Past(
            [
                (begun if place is None else place, digest)
                for begun, digest in self.states
                if begun <= position
            ],
            [
                (at if place is None else place, number)
                for at, number in self.told
                if at <= position
            ],
        )


def digest(connection: apsw.Connection) -> str:
    """Return a short name for all there is in a database: schema and rows."""
    found = hashlib.blake2b(digest_size=8)
    schema = run(connection, "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY 1, 2")
    found.update(repr(schema).encode())
    for kind, name, *_ in schema:
        if kind == "table":
            for row in connection.execute(f'SELECT * FROM "{name}"', can_cache=False):
                found.update(repr(row).encode())
    return found.hexdigest()
