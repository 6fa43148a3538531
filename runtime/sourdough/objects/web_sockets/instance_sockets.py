"""The hibernating WebSockets of one instance: one Python object for each.

What outlives the instance is in `mirror`, what it says and hears in `conversation`.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from sourdough.objects.calls.departure import calling_object
from sourdough.objects.event import current_event
from sourdough.objects.web_sockets.conversation import Conversation
from sourdough.objects.web_sockets.mirror import HeldLine
from sourdough.objects.web_sockets.near import FarLine
from sourdough.objects.web_sockets.restored import RestoredSocket
from sourdough.sockets.limits import MAX_SOCKETS, checked_tags, from_payload, to_payload
from sourdough.sockets.owner import NOBODY, find_owners_by
from sourdough.sockets.websocket import Use, WebSocket
from sourdough.wire.sockets import Bind, Broadcast, Held, Reported, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sourdough.objects.container import Container
    from sourdough.objects.event import Event
    from sourdough.objects.web_sockets.mirror import MirroredSocket, ObjectSockets
    from sourdough.objects.web_sockets.near import NearSocket
    from sourdough.objects.web_sockets.store import SocketStore
    from sourdough.sockets import WebSocketRequestResponsePair
    from sourdough.sockets.owner import Owner

_ACCEPTED = "Cannot call `accept_web_socket()` if the WebSocket was already accepted via `accept()`"
_PAIR_USED = (
    "Cannot call `accept_web_socket()` on this WebSocket because its pair has already been accepted"
    " or used in a Response."
)
_TOO_MANY = f"only {MAX_SOCKETS} websockets can be accepted on a single Durable Object instance"


class InstanceSockets(Conversation):
    """Made when an instance first has to do with WebSockets."""

    __slots__ = ("_by_number", "_restored", "_unbound", "automatic", "event_timeout", "of")

    def __init__(self, container: Container, store: SocketStore) -> None:
        super().__init__(container, store)
        self.of: ObjectSockets = store.of(container.key)
        self.of.used += 1
        self.automatic = self.of.automatic
        """What was set last; it is in `of` when it has left."""
        self.event_timeout = self.of.event_timeout
        self._by_number: dict[int, WebSocket] = {}
        self._unbound: dict[WebSocket, Event | None] = {}
        """Taken by `accept_web_socket`, in order; no response with the other end has left yet.
        The event in which it was taken, on whose response it depends."""
        self._restored: tuple[RestoredSocket, ...] | None = None

    @property
    def key(self) -> bytes:
        """Under which the object is known."""
        return self.of.key

    # --- hibernating sockets

    def accept(self, socket: WebSocket, tags: Iterable[str]) -> None:
        """Take one end of a pair; see `ctx.accept_web_socket`."""
        if socket.use in {Use.ACCEPTED, Use.HIBERNATES}:
            raise RuntimeError(_ACCEPTED)
        peer = socket.peer
        if socket.use is Use.ANSWERS or peer is None or peer.use is not Use.RAW:
            raise RuntimeError(_PAIR_USED)
        distinct = checked_tags(tags)
        if len(self.of) + len(self._unbound) >= MAX_SOCKETS:
            raise RuntimeError(_TOO_MANY)
        socket.tags = distinct
        now = int(self.store.clock.now() * 1e9)
        socket.order = self.of.last = max(self.of.last + 1, now)
        socket.take(Use.HIBERNATES, self)
        self._unbound[socket] = current_event.get()

    def socket(self, number: int) -> WebSocket | None:
        """Return the socket of a number, the same each time; None for one that is unknown."""
        held = self.of.held.get(number)
        if held is None:
            return None
        found = self._by_number.get(number)
        if found is None:
            found = self._by_number[number] = self._restore(held)
        # What client and gateway have agreed upon is known when the handshake is complete.
        found.protocol, found.extensions = held.protocol, held.extensions
        return found

    def all(self, tag: str | None) -> list[WebSocket]:
        """Return the sockets: newest first, those with a tag oldest first (semantics 7.3)."""
        found = [
            each
            for each in (*(self._of(held) for held in self.of.held.values()), *self._unbound)
            if tag is None or tag in each.tags
        ]
        found.sort(key=lambda each: each.order, reverse=tag is None)
        return found

    def answered(self, socket: WebSocket) -> dt.datetime | None:
        """Return when a socket was answered automatically for the last time."""
        held = self.of.held.get(socket.number)
        if held is None or held.answered is None:
            return None
        return dt.datetime.fromtimestamp(held.answered / 1000, dt.UTC)

    def broadcast(self, data: Any, tag: str | None, exclude: Iterable[WebSocket]) -> None:
        """Send a message to many; those that are taken later do not get it."""
        payload, text = to_payload(data)
        excluded = tuple(exclude)
        newest = self.of.last
        unbound = [
            each
            for each in self._unbound
            if (tag is None or tag in each.tags) and each not in excluded and not each.said_close
        ]

        def leave() -> None:
            for each in unbound:
                if not each.connected:
                    each.say(lambda line: line.post(payload, text), len(payload))
            if self.of.held:
                but = tuple(each.number for each in excluded if each.number)
                but += self.of.since(newest)
                message = Broadcast(self.key, tag, but, payload, text)
                self.store.tell_object(self.key, message)

        self.post(leave)

    def set(
        self, automatic: WebSocketRequestResponsePair | None, event_timeout: int | None
    ) -> None:
        """Set what is the same for all sockets."""
        self.automatic, self.event_timeout = automatic, event_timeout

        def leave() -> None:
            self.of.automatic, self.of.event_timeout = automatic, event_timeout
            if self.of.held:
                self.store.tell_object(self.key, self.of.settings)

        self.post(leave)

    def bind(
        self, socket: WebSocket, number: int, url: str, protocol: str, attachment: bytes | None
    ) -> bool:
        """A response with the other end leaves: the gateway of that number holds the socket.

        attachment: that of the moment whose commits the response has waited for; a later one is
        said when its own are durable. False where the socket has ended meanwhile.
        """
        if socket not in self._unbound:
            return False
        socket.url, socket.protocol = url, protocol
        held = self._hold_on(socket, number, attachment)
        bind = Bind(
            number,
            hibernates=True,
            key=self.key,
            name=self._name,
            tags=socket.tags,
            attachment=attachment,
            url=url,
        )
        self.store.tell(number, bind)
        if self.of.settings != Settings(self.key):
            self.store.tell(number, self.of.settings)
        socket.couple(HeldLine(held, self.store))
        return True

    def ended(self, socket: WebSocket) -> None:
        """A socket has had its terminal event."""
        self._by_number.pop(socket.number, None)
        self.store.forget(socket.number)

    def _hold_on(self, socket: WebSocket, number: int, attachment: bytes | None) -> MirroredSocket:
        socket.number = number
        del self._unbound[socket]
        self._by_number[number] = socket
        return self.store.add(
            Held(
                socket=number,
                key=self.key,
                name=self._name,
                tags=socket.tags,
                attachment=attachment,
                url=socket.url,
                protocol=socket.protocol,
                accepted=socket.order,
            )
        )

    def _of(self, held: MirroredSocket) -> WebSocket:
        found = self.socket(held.number)
        assert found is not None
        return found

    def _restore(self, held: MirroredSocket) -> WebSocket:
        socket = WebSocket()
        socket.number, socket.order = held.number, held.order
        socket.tags, socket.attachment = held.tags, held.attachment
        socket.url, socket.protocol, socket.extensions = held.url, held.protocol, held.extensions
        socket.owner = self
        socket.restore(HeldLine(held, self.store), closing=held.closing)
        return socket

    # --- what the instance is told of sockets that outlived the one before

    @property
    def restored(self) -> tuple[RestoredSocket, ...]:
        """The sockets whose message was in doubt when this instance was made."""
        if self._restored is None:
            self._restored = tuple(self._in_doubt(held) for held in self.of.in_doubt)
        return self._restored

    def report(self) -> None:
        """The instance was made, and can look: the doubts are its own from here on."""
        if not self.restored:
            return
        for held in self.of.in_doubt:
            held.doubt = None
        self.store.tell_object(self.key, Reported(self.key))

    def _in_doubt(self, held: MirroredSocket) -> RestoredSocket:
        doubt = held.doubt
        data = None if doubt is None else doubt.data
        message = None if doubt is None or data is None else from_payload(data, doubt.text)
        return RestoredSocket(web_socket=self._of(held), in_doubt=True, message=message)

    # --- ends that are used in this process

    def coupled(self, socket: WebSocket, other: WebSocket) -> None:
        """The other end was accepted in this process."""
        near = self._near(socket, other)
        other.couple(FarLine(near, other))

    def forsaken(self, socket: WebSocket) -> None:
        """The other end was thrown away: no answer with it ever left."""
        self._near(socket, None).break_()

    def forsake(self, event: Event) -> None:
        """An event has failed, and with it the responses that it might have given."""
        for socket in [each for each, cause in self._unbound.items() if cause is event]:
            self.forsaken(socket)

    def _near(self, socket: WebSocket, other: WebSocket | None) -> NearSocket:
        held = self._hold_on(socket, self.store.near.number(), socket.attachment)
        near = self.store.near.add(held, self._name, other)
        socket.couple(HeldLine(held, self.store))
        return near

    # --- the end

    def closed(self) -> None:
        super().closed()
        self._let_go()

    def broken(self, told: BaseException) -> None:
        super().broken(told)
        # The next instance is not to hear of sockets that nobody was ever given.
        unbound, self._unbound = self._unbound, {}
        for socket in unbound:
            socket.gone()
        self._let_go()

    def _let_go(self) -> None:
        self.of.used -= 1
        self.store.drop_if_empty(self.of)

    @property
    def _name(self) -> bytes | None:
        name = self.container.state.id.name
        return None if name is None else name.encode()


def _owner_of_running_code() -> Owner:
    container = calling_object()
    return NOBODY if container is None else container.sockets


find_owners_by(_owner_of_running_code)
