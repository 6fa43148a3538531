"""How much of one socket may be on its way to a reader that has not taken it. No input or output."""

from __future__ import annotations

from collections import deque

_MESSAGES = 64
_BYTES = 256 * 1024


class Window:
    """Messages that were sent to a host and that its reader has not taken yet."""

    __slots__ = ("_bytes", "_sizes")

    def __init__(self) -> None:
        self._sizes: deque[int] = deque()
        self._bytes = 0

    @property
    def full(self) -> bool:
        """Whether the client should not be read."""
        return len(self._sizes) >= _MESSAGES or self._bytes >= _BYTES

    def sent(self, size: int) -> None:
        """A message is on its way."""
        self._sizes.append(size)
        self._bytes += size

    def taken(self, count: int) -> None:
        """The reader took the oldest `count`."""
        for _ in range(min(count, len(self._sizes))):
            self._bytes -= self._sizes.popleft()
