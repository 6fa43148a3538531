"""Requests whose client has had its 504: a drain does not wait for what still works on them."""

from __future__ import annotations

from sourdough.objects.event import Event

# A stop must not take long to look them up; who has forgotten one only waits for it.
_MOST = 1_000


class Overdue:
    """The numbers of such requests. Events that handlers cause carry the number of their request."""

    def __init__(self) -> None:
        self._numbers: dict[int, None] = {}

    def add(self, number: int) -> None:
        """Note that nobody waits for a request any more, because it took too long."""
        if number:
            self._numbers[number] = None
            if len(self._numbers) > _MOST:
                del self._numbers[next(iter(self._numbers))]

    def __contains__(self, event: object) -> bool:
        return isinstance(event, Event) and event.number in self._numbers
