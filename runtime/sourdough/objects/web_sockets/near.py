"""Hibernating WebSockets whose other end is in this process: the caller of a `stub.fetch`.

To the object they are as any other. This is the gateway's part: events one at a time, automatic
answers, broadcasts. They end with the process, or when the object moves to another host.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextvars import Context
from typing import TYPE_CHECKING, Any, Literal

from sourdough.objects.event import NoResponse, current_event
from sourdough.objects.web_sockets.delivery import SocketDelivery
from sourdough.sockets.line import deliver_soon
from sourdough.wire import close_codes
from sourdough.wire.sockets import (
    Broadcast,
    CloseAll,
    Closed,
    CloseSocket,
    Message,
    Post,
    socket_number,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.objects.web_sockets.mirror import MirroredSocket
    from sourdough.objects.web_sockets.store import SocketStore
    from sourdough.sockets import WebSocket
    from sourdough.wire.sockets import SocketMessage

# No gateway has this serial number.
_SERIAL = 0
_FIRST_OF_GATEWAYS = socket_number(1, 0)
# What may wait for an object that does not take it, in bytes of one socket.
_MOST_WAITING = 1 << 26
_TRY_LATER = (close_codes.TRY_LATER, "the object does not keep up")


def is_near(number: int) -> bool:
    """Whether no gateway holds a socket."""
    return number < _FIRST_OF_GATEWAYS


class NearSockets:
    """All of them in this process."""

    __slots__ = ("_count", "_sockets", "store")

    def __init__(self, store: SocketStore) -> None:
        self.store = store
        self._count = 0
        self._sockets: dict[int, NearSocket] = {}

    def number(self) -> int:
        """Return the number of a new socket."""
        self._count += 1
        return socket_number(_SERIAL, self._count)

    def add(self, held: MirroredSocket, name: bytes | None, far: WebSocket | None) -> NearSocket:
        """Carry a socket. far: the end that is not the object's, None where nobody has it."""
        made = self._sockets[held.number] = NearSocket(self, held, name, far)
        return made

    def tell(self, number: int, message: SocketMessage) -> None:
        """Heed what an object says to one socket."""
        near = self._sockets.get(number)
        if near is None:
            return
        if isinstance(message, Post):
            near.post(message.data, message.text)
        elif isinstance(message, CloseSocket):
            near.close(message.code, message.reason)

    def tell_object(self, key: bytes, message: SocketMessage) -> None:
        """Heed what an object says to all its sockets."""
        if not self._sockets or not isinstance(message, Broadcast | CloseAll):
            return
        for number, near in list(self._sockets.items()):
            if near.held.of.key != key:
                continue
            if isinstance(message, CloseAll):
                near.cut(message.code, message.reason)
            elif number not in message.exclude and message.tag in (None, *near.held.tags):
                near.post(message.data, message.text)

    def forget(self, number: int) -> None:
        """A socket is gone."""
        self._sockets.pop(number, None)

    def clear(self) -> None:
        """The object's host is another one now."""
        for near in list(self._sockets.values()):
            near.cut(close_codes.RESTART, "the object has moved")


class NearSocket:
    """One of them, between the object and the end that is not the object's."""

    __slots__ = ("_far", "_name", "_near", "_over", "_under_way", "_waiting", "_waits", "held")

    def __init__(
        self, near: NearSockets, held: MirroredSocket, name: bytes | None, far: WebSocket | None
    ) -> None:
        self.held = held
        self._near = near
        self._name = name
        self._far = far
        self._waiting: deque[SocketDelivery] = deque()
        self._waits = 0
        self._under_way = False
        self._over = False

    # --- from the object

    def post(self, data: bytes, text: bool) -> None:
        """Send the other end a message."""
        if not self._over:
            self._tell_far(Message(0, data, text))

    def close(self, code: int, reason: str) -> None:
        """The object closes; the other end answers by itself."""
        if not self._over:
            self._tell_far(Closed(0, code or close_codes.NO_CODE, reason, clean=True))
            self.ends(code or close_codes.NO_CODE, reason, clean=True)

    def break_(self) -> None:
        """Nobody has the other end any more."""
        self.ends(close_codes.ABNORMAL, close_codes.ABNORMAL_REASON, clean=False)

    def cut(self, code: int, reason: str) -> None:
        """End it; the object hears no more of it."""
        if not self._over:
            self._tell_far(Closed(0, code, reason, clean=True))
        self._over = True
        self._waiting.clear()
        self._near.forget(self.held.number)

    # --- from the other end

    def hear(self, data: bytes, text: bool) -> None:
        """The other end has sent a message."""
        if self._over:
            return
        if text and self._answered(data):
            return
        if self._waits + len(data) > _MOST_WAITING:
            self._tell_far(Closed(0, *_TRY_LATER, clean=True))
            self.ends(*_TRY_LATER, clean=True)
            return
        self._waits += len(data)
        self._enter(self._event("message", data=data, text=text))

    def _answered(self, text: bytes) -> bool:
        """Answer automatically, where that is set (semantics 7.6)."""
        automatic = self.held.of.automatic
        if automatic is None or self.held.closing or text != automatic.request.encode():
            return False
        self.held.answered = int(self._near.store.clock.now() * 1000)
        self.post(automatic.response.encode(), text=True)
        return True

    def ends(self, code: int, reason: str, *, clean: bool) -> None:
        """Tell the object the end, behind all messages."""
        if not self._over:
            self._over = True
            self._enter(self._event("close", code=code, reason=reason, clean=clean))

    def _tell_far(self, message: SocketMessage) -> None:
        if self._far is not None:
            deliver_soon(self._far, message)

    # --- events, one at a time

    def _event(self, kind: Literal["message", "close"], **what: Any) -> SocketDelivery:
        running = current_event.get()
        return SocketDelivery(
            _Acknowledged(self._acknowledged),
            socket=self.held.number,
            kind=kind,
            number=0 if running is None else running.number,
            version=self._near.store.version() if running is None else running.version,
            started=asyncio.get_running_loop().time(),
            **what,
        )

    def _enter(self, event: SocketDelivery) -> None:
        self._waiting.append(event)
        self._next()

    def _next(self) -> None:
        if self._under_way or not self._waiting:
            return
        self._under_way = True
        event = self._waiting.popleft()
        self._waits -= len(event.data)
        # Not inside of whoever sends: an event may begin, and end, in the call that delivers it.
        loop = asyncio.get_running_loop()
        deliver, key = self._near.store.deliver, self.held.of.key
        loop.call_soon(deliver, key, self._name, event, context=Context())
        if event.kind == "close":
            self._near.forget(self.held.number)

    def _acknowledged(self) -> None:
        self._under_way = False
        self._next()


class FarLine:
    """The line of the end that is not the object's: what it says is an event of the object."""

    __slots__ = ("_far", "_socket")

    def __init__(self, socket: NearSocket, far: WebSocket) -> None:
        self._socket = socket
        self._far = far

    def post(self, data: bytes, text: bool) -> None:
        self._socket.hear(data, text)

    def close(self, code: int, reason: str) -> None:
        self._socket.ends(code or close_codes.NO_CODE, reason, clean=True)
        deliver_soon(self._far, Closed(0, code or close_codes.NO_CODE, reason, clean=True))

    def attach(self, attachment: bytes | None) -> None:
        pass

    def taken(self, count: int) -> None:
        pass


class _Acknowledged(NoResponse):
    """The way back of an event; implements `objects.event.Reply`."""

    __slots__ = ("_told",)

    def __init__(self, told: Callable[[], None]) -> None:
        self._told = told

    def returned(self, value: bytes) -> None:
        self._told()

    def failed(self, error: BaseException) -> None:
        """It was lost with its instance, or refused: it is not repeated, the next one goes on."""
        self._told()
