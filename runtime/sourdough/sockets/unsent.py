"""What was said on a WebSocket before there is a line to its other side: kept in order, bounded (W5).

`send` never waits, so whoever says more than may wait here loses the socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.sockets.inbox import MOST_WAITING, PER_MESSAGE

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.sockets.line import Line


class Unsent:
    """Of one end."""

    __slots__ = ("_said", "_size")

    def __init__(self) -> None:
        self._said: list[Callable[[Line], None]] = []
        self._size = 0

    def add(self, what: Callable[[Line], None], size: int) -> bool:
        """Keep it; return False where it is too much. size: in bytes, of a message."""
        self._size += size + PER_MESSAGE
        if self._size > MOST_WAITING:
            return False
        self._said.append(what)
        return True

    def leave(self, line: Line) -> None:
        """There is a line: say it all."""
        said, self._said = self._said, []
        for what in said:
            what(line)
