"""What waits in front of the objects of a host, and how much of it is too much.

Events wait at an object's input gate while a critical section runs, and in front of all objects
while the disk does not keep up. By number, by size and by time there is an end to it, and each has
its text of overload (semantics section 2, 10.14).
"""

from __future__ import annotations

from dataclasses import dataclass

from sourdough.objects.refusal import TOO_MANY, TOO_MUCH


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLimits:
    """How much may wait."""

    events: int = 1_000
    """In front of one object."""
    size: int = 64 << 20
    """Bytes of their arguments and whole bodies, in front of one object."""
    host_size: int = 256 << 20
    """The same in front of all objects of a host."""
    seconds: float = 60.0
    """For one event."""


class Backlog:
    """How many bytes wait in one host; every gate of it counts here."""

    __slots__ = ("limits", "size")

    def __init__(self, limits: QueueLimits) -> None:
        self.limits = limits
        self.size = 0

    def refuses(self, count: int, waiting: int, size: int) -> str | None:
        """Return the text of overload where `size` more bytes may not wait, else None.

        count, waiting: the events and bytes that wait for the same object.
        """
        limits = self.limits
        if count >= limits.events:
            return TOO_MANY
        # The first may always wait: whatever its size, it has been received already.
        if count and waiting + size > limits.size:
            return TOO_MUCH
        if self.size and self.size + size > limits.host_size:
            return TOO_MUCH
        return None
