"""The hibernating WebSockets of one object, as its host knows them: a mirror of its gateways.

It outlives the instance. What an instance says of a socket (its attachment, that it closes) comes
here when it leaves the output gate, so what the mirror has, the gateway was told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sourdough.sockets import WebSocketRequestResponsePair
from sourdough.wire.sockets import Attach, CloseSocket, Held, Post, Settings, Taken

if TYPE_CHECKING:
    from sourdough.wire.sockets import Doubt, SocketMessage


class Outlet(Protocol):
    """The way to the gateways; told in order, kept in order."""

    def tell(self, socket: int, message: SocketMessage) -> None:
        """Tell whoever holds that socket now; dropped where nobody does."""

    def tell_object(self, key: bytes, message: SocketMessage) -> None:
        """Tell every gateway that holds sockets of the object."""


class MirroredSocket:
    """One socket of the mirror."""

    __slots__ = (
        "answered", "attachment", "closing", "doubt", "extensions", "name", "number", "of", "order",
        "protocol", "tags", "url",
    )  # fmt: skip

    def __init__(self, of: ObjectSockets, held: Held) -> None:
        self.of = of
        """Whose it is."""
        self.number = held.socket
        self.name = held.name
        """The object's, as in `RequestHead.name`."""
        self.tags = held.tags
        self.order = held.accepted
        """Rises with each socket of an object (semantics 7.3)."""
        self.update(held)

    def update(self, held: Held) -> None:
        """Its gateway, or the next to hold it, tells what it knows of it."""
        self.attachment = held.attachment
        self.url = held.url
        self.protocol = held.protocol
        self.extensions = held.extensions
        self.closing = held.closing
        self.answered = held.answered
        self.doubt: Doubt | None = held.doubt


class ObjectSockets:
    """The sockets of one object, and what it has set for all of them."""

    __slots__ = ("automatic", "event_timeout", "held", "key", "last", "used")

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.held: dict[int, MirroredSocket] = {}
        self.automatic: WebSocketRequestResponsePair | None = None
        self.event_timeout: int | None = None
        """Milliseconds (semantics 7.7)."""
        self.last = 0
        """The order of the socket that was accepted last."""
        self.used = 0
        """How many instances hold on to this."""

    def __len__(self) -> int:
        return len(self.held)

    @property
    def empty(self) -> bool:
        """Whether nothing is lost when it is dropped."""
        return not self.held and not self.used

    @property
    def settings(self) -> Settings:
        """What is set."""
        automatic = self.automatic
        return Settings(
            self.key,
            None if automatic is None else automatic.request,
            None if automatic is None else automatic.response,
            self.event_timeout,
        )

    def set(self, settings: Settings) -> None:
        """Take what a gateway knows to be set."""
        self.event_timeout = settings.event_timeout
        self.automatic = (
            None
            if settings.request is None or settings.response is None
            else WebSocketRequestResponsePair(settings.request, settings.response)
        )

    def ordered(self) -> list[MirroredSocket]:
        """Return the sockets, oldest first."""
        return sorted(self.held.values(), key=lambda each: each.order)

    def since(self, order: int) -> tuple[int, ...]:
        """Return the numbers of the sockets that were accepted behind that one."""
        if self.last <= order:
            return ()
        return tuple(each.number for each in self.held.values() if each.order > order)

    @property
    def in_doubt(self) -> list[MirroredSocket]:
        """The sockets whose message was delivered to an earlier host, and perhaps not handled."""
        return [each for each in self.ordered() if each.doubt is not None]


class GatewayLine:
    """The line of a socket that a gateway holds."""

    __slots__ = ("_number", "_outlet")

    def __init__(self, number: int, outlet: Outlet) -> None:
        self._number = number
        self._outlet = outlet

    def post(self, data: bytes, text: bool) -> None:
        self._outlet.tell(self._number, Post((self._number,), data, text))

    def close(self, code: int, reason: str) -> None:
        self._outlet.tell(self._number, CloseSocket(self._number, code, reason))

    def attach(self, attachment: bytes | None) -> None:
        pass

    def taken(self, count: int) -> None:
        self._outlet.tell(self._number, Taken(self._number, count))


class HeldLine(GatewayLine):
    """The line of a hibernating socket: what the gateway is told, the mirror has."""

    __slots__ = ("_held",)

    def __init__(self, held: MirroredSocket, outlet: Outlet) -> None:
        super().__init__(held.number, outlet)
        self._held = held

    def close(self, code: int, reason: str) -> None:
        self._held.closing = True
        super().close(code, reason)

    def attach(self, attachment: bytes | None) -> None:
        self._held.attachment = attachment
        self._outlet.tell(self._number, Attach(self._number, attachment))
