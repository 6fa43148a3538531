"""Two ends of one WebSocket: `client, server = WebSocketPair()`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.sockets.websocket import WebSocket

if TYPE_CHECKING:
    from collections.abc import Iterator


class WebSocketPair:
    """Two ends: what is sent on one arrives at the other.

    One is accepted here, the other is returned in a response: `Response(None, status=101,
    web_socket=client)`. Both may be used in the same process too.
    """

    __slots__ = ("_ends",)

    def __init__(self) -> None:
        client, server = WebSocket(), WebSocket()
        client.pair_with(server)
        server.pair_with(client)
        self._ends = (client, server)

    def __iter__(self) -> Iterator[WebSocket]:
        return iter(self._ends)

    def __getitem__(self, index: int) -> WebSocket:
        return self._ends[index]

    def __len__(self) -> int:
        return 2
