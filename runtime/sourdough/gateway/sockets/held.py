"""A hibernating socket: its messages are events of its object, whoever owns that (W2, W3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.gateway.sockets.event_queue import End, EventQueue, Said
from sourdough.wire.sockets import Held

if TYPE_CHECKING:
    from sourdough.gateway.sockets.courier import Courier
    from sourdough.gateway.sockets.delivery import Delivery
    from sourdough.gateway.sockets.socket import Socket
    from sourdough.wire.sockets import Bind, Doubt


class HeldSocket:
    """Whom a client speaks with: an object. It outlives the client until its end is heeded."""

    __slots__ = (
        "_courier", "accepted", "answered", "attachment", "closing", "delivery", "doubt", "extensions",
        "key", "name", "number", "protocol", "queue", "socket", "tags", "url",
    )  # fmt: skip

    def __init__(
        self, courier: Courier, socket: Socket | None, bind: Bind | Held, accepted: int
    ) -> None:
        """socket: None for one whose gateway has ended."""
        self._courier = courier
        self.socket = socket
        self.number = bind.socket
        self.key = bind.key
        self.name = bind.name
        self.tags = bind.tags
        self.attachment = bind.attachment
        self.url = bind.url
        self.protocol = ""
        self.extensions = ""
        self.accepted = accepted
        self.closing = False
        self.answered: int | None = None
        self.doubt: Doubt | None = None
        self.queue = EventQueue()
        self.delivery: Delivery | None = None
        """The event under way."""

    def to_held(self) -> Held:
        """Return it as hosts know it."""
        return Held(
            self.number, self.key, self.name, self.tags, self.attachment, self.url, self.protocol,
            self.extensions, self.accepted, self.closing, self.answered, self.doubt,
        )  # fmt: skip

    @property
    def full(self) -> bool:
        return self.queue.full or (self._courier.crowded and self.queue.waits)

    def opened(self, protocol: str, extensions: str) -> None:
        self.protocol, self.extensions = protocol, extensions
        self._courier.opened(self)

    def received(self, data: bytes, text: bool) -> None:
        self._courier.received(self, Said(data, text))

    def ended(self, end: End) -> None:
        self._courier.ended(self, end)


class Dismissed:
    """Whom a client speaks with whose object wants to hear no more of it: nobody."""

    full = False

    def opened(self, protocol: str, extensions: str) -> None:
        """Nobody asks."""

    def received(self, data: bytes, text: bool) -> None:
        """Nobody listens."""

    def ended(self, end: End) -> None:
        """Nobody waits."""


DISMISSED = Dismissed()
