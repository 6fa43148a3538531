"""A socket that does not hibernate: its messages go to the host that has accepted it (W2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.gateway.sockets.window import Window
from sourdough.wire.sockets import Closed, Message, Opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.gateway.sockets.event_queue import End
    from sourdough.gateway.sockets.socket import Socket
    from sourdough.transport.link import Link


class PlainSocket:
    """Whom a client speaks with: a host, for as long as there is the link to it."""

    __slots__ = ("_forget", "_window", "link", "socket")

    def __init__(self, socket: Socket, link: Link, forget: Callable[[PlainSocket], None]) -> None:
        self.socket = socket
        self.link = link
        self._window = Window()
        self._forget = forget

    @property
    def full(self) -> bool:
        return self._window.full

    def opened(self, protocol: str, extensions: str) -> None:
        self.link.tell(Opened(self.socket.number, protocol, extensions))

    def received(self, data: bytes, text: bool) -> None:
        self._window.sent(len(data))
        self.link.tell(Message(self.socket.number, data, text))

    def taken(self, count: int) -> None:
        """The host's reader took so many messages."""
        self._window.taken(count)
        self.socket.settle()

    def ended(self, end: End) -> None:
        self._forget(self)
        self.link.tell(Closed(self.socket.number, end.code, end.reason, end.clean, end.error))
