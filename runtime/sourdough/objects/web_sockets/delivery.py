"""What happens on an object's WebSockets, as events of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from sourdough.objects.event import Event, NoResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.objects.event import Reply
    from sourdough.sockets.events import ListenerEvent


class OfSocket(Event):
    """Something on a WebSocket; `objects.web_sockets.handling` handles it."""

    __slots__ = ()


class SocketDelivery(OfSocket):
    """A message, the close or an error of a hibernating socket.

    `reply.returned(b"")` is the acknowledgement, told once: when the handler has run to its first
    suspension, or its end, what it has written by then is durable, and what it has sent by then has
    left. `reply.failed` says that the event was not acknowledged: it was refused, or its instance
    ended before. kind: "message", "close" or "error". data, text: of a message. code, reason, clean:
    of a close. begun: its handler was called, or would have been. repeatable: whoever tells of it can
    do so again.
    """

    __slots__ = (
        "begun",
        "clean",
        "code",
        "data",
        "error",
        "kind",
        "reason",
        "repeatable",
        "socket",
        "text",
    )

    def __init__(
        self,
        reply: Reply,
        *,
        socket: int,
        kind: Literal["message", "close", "error"],
        number: int = 0,
        version: int = 0,
        started: float = 0.0,
        data: bytes = b"",
        text: bool = False,
        code: int = 0,
        reason: str = "",
        clean: bool = False,
        error: str = "",
        repeatable: bool = False,
    ) -> None:
        super().__init__(
            _Once(self, reply), number, version, None, f"web_socket_{kind}", b"", started
        )
        self.begun = False
        self.repeatable = repeatable
        self.socket = socket
        self.kind = kind
        self.data = data
        self.text = text
        self.code = code
        self.reason = reason
        self.clean = clean
        self.error = error

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def is_terminal(self) -> bool:
        """Whether it is the last of its socket."""
        return self.kind != "message"

    @property
    def is_unheard(self) -> bool:
        """Whether it is the end of a socket, and the instance it waited for was reset before it.

        The next instance is to hear it: each end is told. Not so where no instance can be made.
        """
        constructed = self.container is not None and self.container.instance is not None
        return self.repeatable and self.is_terminal and not self.begun and constructed


class _Once(NoResponse):
    """The way back to a gateway: what becomes of an event is told once."""

    __slots__ = ("_event", "_reply")

    def __init__(self, event: SocketDelivery, reply: Reply) -> None:
        self._event = event
        self._reply: Reply | None = reply

    def returned(self, value: bytes) -> None:
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.returned(value)

    def failed(self, error: BaseException) -> None:
        reply, self._reply = self._reply, None
        if reply is None:
            return
        container = self._event.container
        refused = getattr(error, "overloaded", False)
        unheard = self._event.is_unheard
        if self._event.is_terminal and container is not None and not refused and not unheard:
            # It is not repeated: no other event will take the socket away (semantics 7.10).
            container.socket_store.ends.hear(self._event.socket)
            container.socket_store.forget(self._event.socket)
        reply.failed(error)


class ListenerDelivery(OfSocket):
    """Listeners of a socket that does not hibernate are called."""

    __slots__ = ("heard", "listeners", "news")

    def __init__(
        self,
        listeners: tuple[Callable[[Any], Any], ...],
        news: ListenerEvent,
        heard: Callable[[], None],
        *,
        number: int = 0,
        version: int,
        started: float,
    ) -> None:
        """heard: called once, when the listeners have ended or never will be called."""
        reply = _Heard(heard)
        super().__init__(reply, number, version, None, "listener", b"", started)
        self.listeners = listeners
        self.news = news
        self.heard = reply.tell

    @property
    def what(self) -> str:
        return "a listener of a WebSocket"

    @property
    def size(self) -> int:
        data = getattr(self.news, "data", "")
        return len(data)


class _Heard(NoResponse):
    """The way back of listeners, who say nothing; implements `objects.event.Reply`."""

    __slots__ = ("_heard",)

    def __init__(self, heard: Callable[[], None]) -> None:
        self._heard: Callable[[], None] | None = heard

    def tell(self) -> None:
        """The listeners have ended."""
        heard, self._heard = self._heard, None
        if heard is not None:
            heard()

    def failed(self, error: BaseException) -> None:
        """They will not be called, or were cut short."""
        self.tell()

    def returned(self, value: bytes) -> None:
        self.tell()
