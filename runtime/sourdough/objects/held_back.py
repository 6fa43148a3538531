"""Events that wait in front of all objects for one reason, in the order in which they came."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from sourdough.objects.refusal import overloaded_error

if TYPE_CHECKING:
    from sourdough.errors import DurableObjectError
    from sourdough.objects.backlog import Backlog
    from sourdough.objects.event import Event

Onward = Callable[[bytes, bytes | None, "Event"], None]
"""(key, name, event): where an event goes that waits no more."""


class HeldBack:
    """A barrier: while it is shut, and until those that wait have passed, nobody overtakes."""

    __slots__ = ("_backlog", "_concerns", "_events", "_onward", "_shut")

    def __init__(
        self, backlog: Backlog, onward: Onward, concerns: Callable[[bytes], bool] | None = None
    ) -> None:
        """concerns: for which objects it is there; None: for all."""
        self._backlog = backlog
        self._onward = onward
        self._concerns = concerns
        self._events: deque[tuple[bytes, bytes | None, Event]] = deque()
        self._shut = False

    def __len__(self) -> int:
        return len(self._events)

    @property
    def active(self) -> bool:
        """Whether an event may have to wait here."""
        return self._shut or bool(self._events)

    def takes(self, key: bytes, name: bytes | None, event: Event) -> bool:
        """Keep an event that has to wait here, or refuse it where too much waits; else False."""
        if not self.active or not (self._concerns is None or self._concerns(key)):
            return False
        refusal = self._backlog.refuses(0, 0, event.size)
        if refusal is not None:
            event.reply.failed(overloaded_error(refusal))
            return True
        self._backlog.size += event.size
        self._events.append((key, name, event))
        return True

    def shut(self, *, shut: bool) -> None:
        """Shut or open it. Those that pass may shut it again."""
        self._shut = shut
        while self._events and not self._shut:
            key, name, event = self._events.popleft()
            self._backlog.size -= event.size
            self._onward(key, name, event)

    def refuse_all(self, error: DurableObjectError) -> None:
        """Fail everything that waits."""
        for _, _, event in self._events:
            self._backlog.size -= event.size
            event.reply.failed(error)
        self._events.clear()
