"""The way back of a hibernating socket's event to its gateway.

heeded        the head of an answer: the next event of the socket may come
never begun   NOT_OWNER: the host has given its seat up, the next owner gets it (invariant D1)
refused       OVERLOADED: the object takes nothing now, or ended before it heard of a socket's end
cut short     LOST: it is in doubt (invariant W3)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.objects.event import NoResponse
from sourdough.wire.frames import INLINE_BODY, ResetCode
from sourdough.wire.sockets import Doubt

if TYPE_CHECKING:
    from sourdough.host.incoming import Incoming
    from sourdough.objects.web_sockets.delivery import SocketDelivery
    from sourdough.objects.web_sockets.store import SocketStore


class Acknowledgement(NoResponse):
    """Implements `objects.event.Reply`."""

    __slots__ = ("_incoming", "_sockets", "event")

    def __init__(self, incoming: Incoming, sockets: SocketStore) -> None:
        self._incoming = incoming
        self._sockets = sockets
        self.event: SocketDelivery | None = None

    def returned(self, value: bytes) -> None:
        """The event was heeded."""
        self._incoming.returned(value)

    def failed(self, error: BaseException) -> None:
        """It was not: whoever made it may not have to lose it."""
        code = self._code(error)
        if code is ResetCode.LOST and self.event is not None:
            self._doubt(self.event)
        self._incoming.refuse(code, str(error))

    def _doubt(self, event: SocketDelivery) -> None:
        """Remember it for the next instance, as the gateway does for the next host."""
        held = self._sockets.held(event.socket)
        if held is not None and not event.is_terminal:
            held.doubt = Doubt(event.data if len(event.data) <= INLINE_BODY else None, event.text)

    def _code(self, error: BaseException) -> ResetCode:
        begun = self.event is None or self.event.begun
        # The bytes of a large message are its gateway's no more (invariant D2).
        if not begun and self._incoming.released and self._incoming.body is None:
            return ResetCode.NOT_OWNER
        if getattr(error, "overloaded", False):
            return ResetCode.OVERLOADED
        if self.event is not None and self.event.is_unheard:
            return ResetCode.OVERLOADED
        return ResetCode.LOST
