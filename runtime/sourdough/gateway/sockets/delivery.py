"""One event of a hibernating socket on its way to the host that owns its object (invariants D1, W3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.gateway.sockets.event_queue import Said
from sourdough.placement import slot_of_key
from sourdough.transport.outgoing import Outgoing
from sourdough.wire.frames import INLINE_BODY, ResetCode
from sourdough.wire.heads import Kind, RequestHead
from sourdough.wire.sockets import SocketEvent

if TYPE_CHECKING:
    from sourdough.gateway.sockets.courier import Courier
    from sourdough.gateway.sockets.event_queue import End
    from sourdough.gateway.sockets.held import HeldSocket


class Delivery(Outgoing):
    """A message or the end of a socket; the head of the answer is its acknowledgement."""

    __slots__ = ("_body", "_courier", "_event", "_held", "_method")

    # At most one for each socket, and their bytes are bounded by the courier.
    counted = False

    def __init__(self, courier: Courier, held: HeldSocket, event: Said | End) -> None:
        self._courier = courier
        self._held = held
        number = held.number
        if isinstance(event, Said):
            self._body = event.data
            self._method = b"message"
            self._event = SocketEvent(number, event.text)
        else:
            self._body = b""
            self._method = b"close" if event.error is None else b"error"
            self._event = SocketEvent(
                number, False, event.code, event.reason, event.clean, event.error or ""
            )
        Outgoing.__init__(self, slot_of_key(held.key), len(self._body) > INLINE_BODY)

    def encode(self) -> bytes:
        # On the same link, which keeps the order: what the object may ask for in this event.
        self._courier.tell_answers()
        return RequestHead(
            Kind.SOCKET,
            self._held.key,
            self._held.name,
            self._method,
            self._event.encode(),
            body=b"" if self.body_follows else self._body,
            version=self.version,
            epoch=self.epoch,
        ).encode()

    def on_granted(self, amount: int) -> None:
        if self.blocked or not self._body:
            return
        # A host that grants credit has accepted the event: it is not sent again (invariant D2).
        body, self._body = self._body, b""
        self.send_body(body, True)

    def on_head(self, flags: int, status: int, payload: bytes) -> None:
        self.close()
        self._courier.heeded(self._held)

    def on_failed(self, code: ResetCode, sentence: str) -> None:
        self._courier.failed(self._held, code)
