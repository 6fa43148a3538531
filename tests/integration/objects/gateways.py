"""A host's gateways and their clients, in memory: what objects tell them, what clients do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sourdough.http import Request
from sourdough.objects.event import Event
from sourdough.objects.web_sockets.binding import bind_answer
from sourdough.objects.web_sockets.delivery import SocketDelivery
from sourdough.objects.web_sockets.store import SocketStore
from sourdough.wire.sockets import (
    Attach,
    Bind,
    Broadcast,
    CloseAll,
    CloseSocket,
    Post,
    Taken,
    socket_number,
)

if TYPE_CHECKING:
    from sourdough.wire.sockets import SocketMessage


class Gateways:
    """Implements `objects.web_sockets.mirror.Outlet`; remembers what each socket was told."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.store = SocketStore(self, world.clock)
        self.told: list[SocketMessage] = []
        self._count = 0

    # --- Outlet

    def tell(self, socket: int, message: SocketMessage) -> None:
        self.told.append(message)

    def tell_object(self, key: bytes, message: SocketMessage) -> None:
        self.told.append(message)

    # --- clients

    def number(self) -> int:
        self._count += 1
        return socket_number(1, self._count)

    def ask(self, path: str = "/", label: str = "a", socket: int | None = None) -> Answer:
        """Send a request for an upgrade; `socket=0`: an ordinary request."""
        number = self.number() if socket is None else socket
        request = Request.received(
            b"GET", path.encode(), b"", b"host: x\r\n", b"", False, 1, 0, number
        )
        answer = Answer(self, request)
        self.world.registry.deliver(
            self.world.key(label), label.encode(), Event(answer, 1, 1, request)
        )
        return answer

    async def open(self, path: str = "/", label: str = "a") -> int:
        """Return the number of a client's socket that was taken."""
        answer = self.ask(path, label)
        response = await answer
        assert response.status == 101
        return answer.request.socket

    def event(self, socket: int, kind: str, label: str = "a", **what: Any) -> Acknowledgement:
        """Deliver what happened on a hibernating socket."""
        reply = Acknowledgement(self)
        event = SocketDelivery(reply, socket=socket, kind=kind, number=1, version=1, **what)
        self.world.registry.deliver(self.world.key(label), label.encode(), event)
        return reply

    def says(self, socket: int, data: str | bytes, label: str = "a") -> Acknowledgement:
        text = isinstance(data, str)
        payload = data.encode() if isinstance(data, str) else data
        return self.event(socket, "message", label, data=payload, text=text)

    # --- what was told

    def to(self, socket: int) -> list[Any]:
        """Return what a client has got: texts, bytes, (code, reason) of a close."""
        found: list[Any] = []
        for message in self.told:
            found += _as_seen_by(socket, message)
        return found

    def of(self, kind: type) -> list[Any]:
        return [message for message in self.told if isinstance(message, kind)]

    @property
    def attached(self) -> dict[int, bytes | None]:
        """The attachments as gateways have them."""
        found = {bind.socket: bind.attachment for bind in self.of(Bind)}
        return found | {each.socket: each.attachment for each in self.of(Attach)}

    def taken(self, socket: int) -> int:
        return sum(each.count for each in self.of(Taken) if each.socket == socket)


class Answer:
    """The way back of an upgrade: `objects.event.Reply`, as a host implements it."""

    def __init__(self, gateways: Gateways, request: Request) -> None:
        self.request = request
        self._gateways = gateways
        self._answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def respond(self, response) -> None:
        bind_answer(response, self.request, self._gateways.store)
        self._answer.set_result(response)

    async def stream(self, response, before_chunk) -> None:
        raise AssertionError("nobody streams here")

    def returned(self, value: bytes) -> None:
        raise AssertionError("a request has a response")

    def failed(self, error: BaseException) -> None:
        if not self._answer.done():
            self._answer.set_exception(error)
            self._answer.exception()

    def __await__(self):
        return self._answer.__await__()


class Acknowledgement:
    """Awaited: what the gateway had been told, in all, when the event was acknowledged."""

    def __init__(self, gateways: Gateways) -> None:
        self.times = 0
        self._gateways = gateways
        self._told: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def done(self) -> bool:
        return self._told.done()

    def returned(self, value: bytes) -> None:
        assert value == b""
        self.times += 1
        self._told.set_result(len(self._gateways.told))

    def failed(self, error: BaseException) -> None:
        self.times += 1
        self._told.set_exception(error)
        self._told.exception()

    def respond(self, response) -> None:
        raise AssertionError("an event has no response")

    async def stream(self, response, before_chunk) -> None:
        raise AssertionError("an event has no response")

    def __await__(self):
        return self._told.__await__()


def _as_seen_by(socket: int, message: Any) -> list[Any]:
    if isinstance(message, Post) and socket in message.sockets:
        return [message.data.decode() if message.text else message.data]
    if isinstance(message, Broadcast) and socket not in message.exclude:
        return [("all", message.tag, message.data.decode() if message.text else message.data)]
    if isinstance(message, CloseSocket) and message.socket == socket:
        return [(message.code, message.reason)]
    if isinstance(message, CloseAll):
        return [(message.code, message.reason)]
    return []
