"""What waits to be drawn: bounded, and never in the way of who adds to it (invariant P7)."""

from __future__ import annotations

from collections import deque
from threading import Condition
from typing import TYPE_CHECKING

from sourdough.observe.records import Dropped
from sourdough_cli.views.folding import Folding

if TYPE_CHECKING:
    from sourdough.clock import Clock
    from sourdough.observe.banner import Banner
    from sourdough.observe.records import AnyRecord


# Some twenty seconds of the fastest log after folding; a few hundred KB at the worst.
MOST_ITEMS = 1_000


class Backlog:
    """A queue from any thread to the one that draws.

    `put` folds fast requests, costs a lock and no system call, and drops with a count what does
    not fit. The count is told where the lost items would have stood.
    """

    def __init__(self, clock: Clock, most_items: int = MOST_ITEMS) -> None:
        self._clock = clock
        self._most_items = most_items
        self._items: deque[AnyRecord | Banner] = deque()
        self._folding = Folding()
        self._dropped = 0
        self._poked = False
        self._urgent = False
        self._closed = False
        self._changed = Condition()

    def put(self, record: AnyRecord) -> None:
        """Add a record."""
        with self._changed:
            for shown in self._folding.add(record, self._clock.now()):
                self._append(shown)

    def put_banner(self, banner: Banner) -> None:
        """Add the banner."""
        with self._changed:
            self._append(banner)

    def poke(self, *, urgent: bool = False) -> None:
        """Wake the thread that draws, though there is nothing new; `urgent` ends its rest too."""
        with self._changed:
            self._poked = True
            self._urgent = self._urgent or urgent
            self._changed.notify()

    def close(self) -> None:
        """Let the thread that draws take the rest and end."""
        with self._changed:
            for shown in self._folding.close():
                self._append(shown)
            self._closed = True
            self._changed.notify()

    def take(self, seconds: float) -> list[AnyRecord | Banner]:
        """Wait at most `seconds` for something and return all there is."""
        with self._changed:
            self._changed.wait_for(self._has_news, seconds)
            if not self._closed:
                for shown in self._folding.settle(self._clock.now()):
                    self._append(shown)
            self._poked = self._urgent = False
            return self._emptied()

    def rest(self, seconds: float) -> bool:
        """Wait `seconds`, or less when something is urgent; return whether it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._urgent, seconds)
            return self._closed

    def _has_news(self) -> bool:
        return bool(self._items) or self._poked or self._closed

    def _append(self, item: AnyRecord | Banner) -> None:
        if len(self._items) >= self._most_items:
            self._dropped += 1
            return
        self._items.append(item)
        self._changed.notify()

    def _emptied(self) -> list[AnyRecord | Banner]:
        items = list(self._items)
        self._items.clear()
        if self._dropped:
            items.append(Dropped(ts=self._clock.now(), count=self._dropped))
            self._dropped = 0
        return items
