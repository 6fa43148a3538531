"""The WebSockets of a host: the mirror of what gateways hold for its objects, and the plain ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.objects.web_sockets.ends import Ends
from sourdough.objects.web_sockets.farewell import MOVED, RESET
from sourdough.objects.web_sockets.mirror import MirroredSocket, ObjectSockets
from sourdough.objects.web_sockets.near import NearSockets, is_near
from sourdough.wire.sockets import CloseAll, Closed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sourdough.clock import Clock
    from sourdough.objects.event import Event
    from sourdough.objects.web_sockets.mirror import Outlet
    from sourdough.sockets import WebSocket
    from sourdough.wire.sockets import Held, Message, Opened, Settings, SocketMessage


class NoGateways:
    """The outlet of objects that no gateway reaches."""

    def tell(self, socket: int, message: SocketMessage) -> None:
        pass

    def tell_object(self, key: bytes, message: SocketMessage) -> None:
        pass


class SocketStore:
    """One per host, made before its `Registry`, which it is given to."""

    def __init__(
        self, outlet: Outlet, clock: Clock, version: Callable[[], int] = lambda: 0
    ) -> None:
        """version: of the table, for events that begin here."""
        self.clock = clock
        self.version = version
        self.plain: dict[int, WebSocket] = {}
        """Sockets that do not hibernate, by number: Message, Closed and Opened are for them."""
        self.deliver: Callable[[bytes, bytes | None, Event], None] = _nowhere
        """Hands an event to its object; set by the registry."""
        self._outlet = outlet
        self._objects: dict[bytes, ObjectSockets] = {}
        self._held: dict[int, MirroredSocket] = {}
        self.ends = Ends(clock)
        self.near = NearSockets(self)

    def __len__(self) -> int:
        """How many hibernating sockets the host's objects have."""
        return len(self._held)

    def __iter__(self) -> Iterator[ObjectSockets]:
        return iter(self._objects.values())

    # --- what gateways tell

    def mirrored(self, held: Held) -> None:
        """A gateway holds this socket; a known one is brought up to date."""
        known = self._held.get(held.socket)
        if known is not None:
            known.update(held)
        elif held.socket not in self.ends:  # a gateway that died had not noted that it was told
            self.add(held)

    def settings(self, settings: Settings) -> None:
        """A gateway knows what an object has set for its sockets."""
        found = self._objects.get(settings.key)
        if found is not None:
            found.set(settings)

    def answered(self, times: Iterable[tuple[int, int]]) -> None:
        """Automatic answers were given: (socket, Unix milliseconds)."""
        for number, time in times:
            held = self._held.get(number)
            if held is not None:
                held.answered = time

    def opened(self, message: Opened) -> None:
        """A handshake is complete."""
        held = self._held.get(message.socket)
        if held is not None:
            held.protocol, held.extensions = message.protocol, message.extensions
        self.hear(message)

    def hear(self, message: Message | Closed | Opened) -> None:
        """Hand a gateway's message to the plain socket that it is for; dropped where none is."""
        socket = self.plain.get(message.socket)
        if isinstance(message, Closed):
            self.plain.pop(message.socket, None)
        if socket is not None:
            socket.deliver(message)

    # --- for objects

    def of(self, key: bytes) -> ObjectSockets:
        """Return what is known of an object's sockets, made when first needed."""
        found = self._objects.get(key)
        if found is None:
            found = self._objects[key] = ObjectSockets(key)
        return found

    def find(self, key: bytes) -> ObjectSockets | None:
        """Return what is known of an object's sockets, None where nothing is."""
        return self._objects.get(key)

    def in_doubt(self, key: bytes) -> bool:
        """Whether an object has a socket with a message in doubt."""
        found = self._objects.get(key)
        return found is not None and bool(found.in_doubt)

    def held(self, number: int) -> MirroredSocket | None:
        """Return a hibernating socket."""
        return self._held.get(number)

    def add(self, held: Held) -> MirroredSocket:
        """An object has this socket from now on."""
        of = self.of(held.key)
        made = self._held[held.socket] = of.held[held.socket] = MirroredSocket(of, held)
        of.last = max(of.last, held.accepted)
        return made

    def forget(self, number: int) -> None:
        """A socket has had its terminal event."""
        held = self._held.pop(number, None)
        if held is not None:
            del held.of.held[number]
            self.drop_if_empty(held.of)

    def drop_if_empty(self, sockets: ObjectSockets) -> None:
        """Nothing is known of an object that has no sockets and does not live."""
        if sockets.empty and self._objects.get(sockets.key) is sockets:
            del self._objects[sockets.key]

    def close_all(self, key: bytes) -> None:
        """An object was reset by its own failure: its sockets close, and it hears no more of them."""
        found = self._objects.get(key)
        if found is None:
            return
        if found.held:
            self.tell_object(key, CloseAll(key, *RESET))
        for number in found.held:
            del self._held[number]
        found.held.clear()
        found.automatic = found.event_timeout = None
        self.drop_if_empty(found)

    def tell(self, socket: int, message: SocketMessage) -> None:
        """Tell whoever holds a socket: a gateway, or code in this process."""
        if is_near(socket):
            self.near.tell(socket, message)
        else:
            self._outlet.tell(socket, message)

    def tell_object(self, key: bytes, message: SocketMessage) -> None:
        """Tell everybody who holds sockets of an object."""
        self.near.tell_object(key, message)
        self._outlet.tell_object(key, message)

    # --- the end

    def close_plain(self) -> None:
        """The host gives its seat up: what does not hibernate ends (invariant W2)."""
        for number, socket in list(self.plain.items()):
            self.plain.pop(number, None)
            socket.end(*MOVED)

    def clear(self) -> None:
        """The seat is given up, and every gateway has heeded what was said: forget everything."""
        self.close_plain()
        self.near.clear()
        self._objects.clear()
        self._held.clear()
        self.ends.clear()


def _nowhere(key: bytes, name: bytes | None, event: Event) -> None:
    raise AssertionError("the registry has not taken these sockets yet")
