"""The events of one hibernating socket on their way to its object (invariant W3). No input or output.

    waiting -> under way -> heeded | lost

One at a time, in the order in which the client sent them, and the end behind all of them: exactly
one. What was delivered and lost is not sent again; what was never delivered may be.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

# Beyond it the client is not read: enough that an object which heeds at once never waits for it.
_MOST_WAITING = 16
_MOST_WAITING_BYTES = 64 * 1024


class Said(NamedTuple):
    """A message of the client."""

    data: bytes
    text: bool


class End(NamedTuple):
    """The end of a socket, as its object hears of it."""

    code: int
    reason: str
    clean: bool = False
    error: str | None = None
    """What was wrong with what the client sent: the event is "error" instead of "close"."""


class EventQueue:
    """What waits for an object, and what is on its way there."""

    __slots__ = ("_end", "_waiting", "_waiting_bytes", "over", "size", "under_way")

    def __init__(self) -> None:
        # Most sockets are idle: nothing is kept for what may come.
        self._waiting: deque[Said] | None = None
        self._waiting_bytes = 0
        self._end: End | None = None
        self.under_way: Said | End | None = None
        """What was given out by `next` and is not acknowledged."""
        self.size = 0
        """Bytes of all messages that are kept here."""
        self.over = False
        """The end has been heeded, or was lost: nothing more will come."""

    @property
    def ended(self) -> bool:
        """Whether the end is known."""
        return self._end is not None

    @property
    def full(self) -> bool:
        """Whether so much waits that the client should not be read."""
        return self._waiting_bytes > _MOST_WAITING_BYTES or (
            self._waiting is not None and len(self._waiting) >= _MOST_WAITING
        )

    @property
    def waits(self) -> bool:
        """Whether any message waits for its turn."""
        return bool(self._waiting)

    def say(self, said: Said) -> None:
        """Take a message; ignored behind the end."""
        if self._end is not None:
            return
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(said)
        self._waiting_bytes += len(said.data)
        self.size += len(said.data)

    def end(self, end: End) -> None:
        """Take the end; only the first one counts."""
        if self._end is None:
            self._end = end

    def next(self) -> Said | End | None:
        """Give out what is to be sent now; None while something is under way, or nothing is left."""
        if self.under_way is not None or self.over:
            return None
        if self._waiting:
            said = self._waiting.popleft()
            self._waiting_bytes -= len(said.data)
            self.under_way = said
            if not self._waiting:
                self._waiting = None
        else:
            self.under_way = self._end
        return self.under_way

    def heeded(self) -> None:
        """What is under way has been acknowledged."""
        self._done()

    def lost(self) -> Said | None:
        """What is under way was delivered, and nobody says what became of it: return the message."""
        done = self._done()
        return done if isinstance(done, Said) else None

    def unsent(self) -> None:
        """What is under way was never delivered: a message is dropped, the end stays to be sent."""
        if isinstance(self.under_way, End):
            self.under_way = None
        else:
            self._done()

    def drop(self) -> None:
        """Forget all messages that wait."""
        self._waiting = None
        self.size -= self._waiting_bytes
        self._waiting_bytes = 0

    def dismiss(self) -> None:
        """Nobody wants to hear any more of it."""
        self.drop()
        self.under_way = None
        self.size = 0
        self.over = True

    def _done(self) -> Said | End | None:
        done, self.under_way = self.under_way, None
        if isinstance(done, Said):
            self.size -= len(done.data)
        elif done is not None:
            self.over = True
        return done
