"""How the sockets of an instance close that ends."""

from __future__ import annotations

from typing import NamedTuple

from sourdough.wire import close_codes


class Farewell(NamedTuple):
    """Code and reason of a Close frame."""

    code: int
    reason: str


RESET = Farewell(close_codes.FAILED, "the object was reset")
"""By its own failure (semantics 7.17)."""
MOVED = Farewell(close_codes.RESTART, "the host was replaced")
"""With its host (invariant W2)."""
EVICTED = Farewell(close_codes.RESTART, "the object has left memory")
"""After a long silence (semantics 3.9)."""
