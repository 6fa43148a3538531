"""How the sockets of an instance close that ends."""

from __future__ import annotations

from typing import NamedTuple


class Farewell(NamedTuple):
    """Code and reason of a Close frame."""

    code: int
    reason: str


RESET = Farewell(1011, "the object was reset")
"""By its own failure (semantics 7.17)."""
MOVED = Farewell(1012, "the host was replaced")
"""With its host (invariant W2)."""
EVICTED = Farewell(1012, "the object has left memory")
"""After a long silence (semantics 3.9)."""
