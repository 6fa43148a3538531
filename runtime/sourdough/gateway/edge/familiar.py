"""Requests that have come before, byte for byte, and what the parser made of them.

What the parser makes of bytes depends on them and on where it stands. A read that is one whole
request without a body begins and ends where it stands between two messages. So when the same bytes
come again at such a place, on any connection, the same request has come, and the parser, which
would stand there again, need not see them. Clients that ask for the same thing again and again are
common, and parsing is the dearest part of taking a request.

The bytes are compared as a whole; nothing is looked for in them. What the reading depends on beside
them (the limits, whether the peer is a trusted proxy) is the same for all who share one memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sourdough.gateway.edge.exchange import Exchange

Head = tuple[bytes, bytes, bytes, bytes]
"""Method, target, host, headers: the rest of such an exchange is as it is made."""

# Programs send so little, browsers more; what is longer is not looked up.
LONGEST = 512
# Full, it is emptied: 4 MB at most.
_MOST = 4096
# One in so many is remembered: what comes often is soon among them, what comes once costs little.
_ONE_IN = 8


class Familiar:
    """Reads, each one request, with their heads; bounded."""

    __slots__ = ("_strange", "heads")

    def __init__(self) -> None:
        self.heads: dict[bytes, Head] = {}
        """The bytes of a whole request -> its head."""
        self._strange = 0

    def remember(self, data: bytes, exchange: Exchange) -> None:
        """Keep what was made of `data`: one message, from its first byte to its last."""
        # Counted are those that were not known: a cycle of requests is not out of step for ever.
        self._strange += 1
        if self._strange % _ONE_IN or not _is_plain(exchange):
            return
        if len(self.heads) >= _MOST:
            self.heads.clear()
        self.heads[data] = (exchange.method, exchange.target, exchange.host, exchange.headers)


def _is_plain(exchange: Exchange) -> bool:
    """Say whether nothing but what a `Head` has in it is told by the request."""
    return (
        exchange.keep_alive
        and exchange.refusal is None
        and exchange.length is None
        and exchange.upload is None
        and not (exchange.legacy or exchange.expects)
    )
