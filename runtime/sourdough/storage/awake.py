"""Which databases of a host are open: those in use. The others doze (`connected.py`).

    awake --looked at, not used since the last look--> tired --looked at again--> dozing
      ^------------------------- its next storage call -----------------------------'

An open database takes 70 KB, three or four descriptors, and time at each opening of another:
SQLite looks for the file among all that are open, one by one. So about a thousand are open, and of
those only what is used. Who goes is found as the hand of a clock finds it: what was used since it
last came by gets another round. A storage call pays nothing for that: the look takes its cursor
away, and the next call finds that it has none.

Where more than that are in use at once, closing them would be all that is done, so as many as there
are descriptors for may be open, unless that are too few as well:

    few --many woken in a second--> many --all descriptors taken--> few, for two minutes at least
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from sourdough.errors import DurableObjectError

if TYPE_CHECKING:
    from collections.abc import Callable

# So many are open where others could be woken for them. A call of one of 8,000 that are called in turn
# takes 0.41 ms of processor time with this many, 0.51 with 2,048, 0.82 with 4,096; 0.05 ms where all
# of them are open.
AWAKE = 1024

# From this share of them on that are woken in a second, more are in use than may be open; when that
# was tried and was not enough, it is tried again after so many looks.
_CROWDED = 1 / 4
_AGAIN = 120

# Looks in a row that find a database unused until it dozes: for another's sake, and for its own.
# There is a look a second.
_TIRED = 2
_RESTED = 3

# Looked at for one that is opened; put to sleep in one turn of the loop, 50 us each.
_LOOKS = 16
_AT_ONCE = 16

TOO_MANY = "Durable Object is overloaded. Too many databases are in use at once."


class Sleeper(Protocol):
    """A database that can doze."""

    def tire(self) -> int:
        """Look whether it was used since the last look; return how many found it unused, in a row.

        0: it cannot doze now.
        """
        ...

    def doze(self) -> bool:
        """Close, if nothing has to be waited for; say whether it is closed."""
        ...


class Awake:
    """The open databases of one host, of all levels of durability. Everything runs on the loop."""

    def __init__(
        self,
        *,
        soon: Callable[[Callable[[], None]], object],
        limit: int = AWAKE,
        most: int | None = None,
    ) -> None:
        """soon: runs a function in the next turn of the loop (`loop.call_soon`).

        limit: how many are to be open; more are where they cannot doze, or are all in use, up to
        `most` (invariant P10). None: there are descriptors for any number.
        """
        self._soon = soon
        self._most: float = math.inf if most is None else most
        self._few = min(limit, self._most)
        self._limit = self._few
        self._woken = 0
        """Since the last look, for whom others had to doze."""
        self._looks_until_many = 0
        self._open: OrderedDict[Sleeper, None] = OrderedDict()
        self._resting: list[Sleeper] = []

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, *, woken: bool = False) -> None:
        """See to it that one more may be opened. Raises DurableObjectError when all are in use.

        woken: whether it has been open before; who comes for the first time says nothing of how
        many are in use at once.
        """
        if len(self._open) < self._limit:
            return
        self._woken += woken
        self._choose_limit()
        self._make_room(_LOOKS, self._limit)
        if len(self._open) >= self._most:
            self._make_room(_TIRED * len(self._open), self._most)
            if len(self._open) >= self._most:
                raise DurableObjectError(TOO_MANY, overloaded=True)

    def opened(self, database: Sleeper) -> None:
        """Note a database that is open now."""
        self._open[database] = None

    def closed(self, database: Sleeper) -> None:
        """Note that a database has given up its descriptors; one that was not open is none."""
        self._open.pop(database, None)

    def look(self) -> None:
        """Look at all; once a second. Those that rest doze, some in each turn of the loop."""
        self._woken = 0
        self._looks_until_many = max(0, self._looks_until_many - 1)
        idle = not self._resting
        self._resting = [each for each in self._open if each.tire() >= _RESTED]
        if idle and self._resting:
            self._soon(self._put_to_sleep)

    def _choose_limit(self) -> None:
        if self._limit == self._most:
            self._limit = self._few
            self._looks_until_many = _AGAIN
        elif self._woken > _CROWDED * self._few and not self._looks_until_many:
            self._limit = self._most

    def _put_to_sleep(self) -> None:
        try:
            for _ in range(min(_AT_ONCE, len(self._resting))):
                database = self._resting.pop()
                # It may have been used, or closed, since.
                if database in self._open and database.tire() > _RESTED and database.doze():
                    self.closed(database)
        finally:  # one that cannot keeps no other awake
            if self._resting:
                self._soon(self._put_to_sleep)

    def _make_room(self, looks: int, limit: float) -> None:
        """Have the next ones that were not used for a round doze, until there are fewer."""
        for _ in range(min(looks, len(self._open))):
            if len(self._open) < limit:
                return
            database = next(iter(self._open))
            if database.tire() >= _TIRED and database.doze():
                self.closed(database)
            else:
                self._open.move_to_end(database)
