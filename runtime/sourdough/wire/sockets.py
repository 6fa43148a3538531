"""What gateways and hosts say to each other about clients' WebSockets.

A message is a tagged MessagePack array in SOCKET frames of the link: `aux` 0, `stream` its number,
END on its last piece. SOCKET frames keep their place among HEAD frames, so what was said before an
event arrives before it. Messages of hibernating sockets to an object are no such frames: they are
events of their own (`heads.Kind.SOCKET`), parked and refused as any other (invariant D1).

A socket is known by its `socket` number, the capability that its gateway made for it: the serial
number of the gateway's process, and a counter (invariant W1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sourdough.errors import WireError
from sourdough.wire.frames import END

if TYPE_CHECKING:
    from collections.abc import Iterator

# A message above this is cut: control frames, and everybody else's, go in between.
_PIECE = 256 * 1024
# Larger than any message of a client plus what stands around it.
_MAX_MESSAGE = 1 << 28
_COUNTER_BITS = 40
_SERIAL_BITS = 24
DOORS = 1 << _SERIAL_BITS - 1
"""Numbers from here on are those of gateways in programs with the library, which choose their own;
those below are given by coordinators."""


def socket_number(serial: int, count: int) -> int:
    """Return the number of the `count`-th socket of a gateway's process."""
    return serial << _COUNTER_BITS | count


def maker_of(socket: int) -> int:
    """Return the serial number of the gateway's process that made a number."""
    return socket >> _COUNTER_BITS


class SocketMessage(msgspec.Struct, frozen=True, array_like=True, tag=True, gc=False):
    """Root of the messages about sockets."""


# --- host -> gateway


class Bind(SocketMessage, frozen=True):
    """An answer of 101 accepts this client for an object, or for a request of the entrypoint.

    The client's handshake is completed when the 101 itself has come, which others may relay.
    """

    socket: int
    hibernates: bool
    """Taken by `accept_web_socket`: it outlives instance and host (invariant W2)."""
    key: bytes = b""
    """The object, as in `RequestHead.key`; empty for the entrypoint."""
    name: bytes | None = None
    tags: tuple[str, ...] = ()
    attachment: bytes | None = None
    url: str = ""


class Post(SocketMessage, frozen=True):
    """Send a message to some sockets."""

    sockets: tuple[int, ...]
    data: bytes
    text: bool


class Broadcast(SocketMessage, frozen=True):
    """Send a message to all hibernating sockets of an object, or to those with a tag."""

    key: bytes
    tag: str | None
    exclude: tuple[int, ...]
    data: bytes
    text: bool


class CloseSocket(SocketMessage, frozen=True):
    """Begin the close handshake. code 0: an empty Close frame."""

    socket: int
    code: int = 0
    reason: str = ""


class CloseAll(SocketMessage, frozen=True):
    """The object was reset by its own failure: its sockets close and it hears no more of them."""

    key: bytes
    code: int
    reason: str


class Attach(SocketMessage, frozen=True):
    """A socket's attachment is another now; bytes until somebody asks for it."""

    socket: int
    attachment: bytes | None


class Taken(SocketMessage, frozen=True):
    """A reader took so many messages of a socket that does not hibernate: as many more may come."""

    socket: int
    count: int


class Reported(SocketMessage, frozen=True):
    """A new instance has been told which messages of this gateway are in doubt (invariant W3)."""

    key: bytes


class Barrier(SocketMessage, frozen=True):
    """Say Passed: everything before this has been heeded."""

    number: int


# --- both ways


class Settings(SocketMessage, frozen=True):
    """What an object has set for all its sockets; in `Mirror`, what the gateway knows of that."""

    key: bytes
    request: str | None = None
    """A text that the gateway answers by itself, and the answer (semantics 7.6)."""
    response: str | None = None
    event_timeout: int | None = None
    """Milliseconds that a handler of a socket's event may take (semantics 7.7)."""


# --- gateway -> host


class Doubt(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The message that was delivered when its host ended, and perhaps not handled (invariant W3)."""

    data: bytes | None
    """None: it was too large to be kept."""
    text: bool


class Held(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A hibernating socket as its gateway knows it."""

    socket: int
    key: bytes
    name: bytes | None
    tags: tuple[str, ...]
    attachment: bytes | None
    url: str = ""
    protocol: str = ""
    extensions: str = ""
    accepted: int = 0
    """Rises with each socket of an object: their order (semantics 7.3). Unix nanoseconds."""
    closing: bool = False
    """The object has closed its side."""
    answered: int | None = None
    """When the gateway last gave the automatic answer; Unix milliseconds."""
    doubt: Doubt | None = None


class Mirror(SocketMessage, frozen=True):
    """Hibernating sockets of objects in the host's seat; the first thing a gateway says (W4).

    A large mirror comes in several messages; `end`: this is the last.
    """

    sockets: tuple[Held, ...]
    settings: tuple[Settings, ...] = ()
    end: bool = True


class Message(SocketMessage, frozen=True):
    """A client's message, on a socket that does not hibernate."""

    socket: int
    data: bytes
    text: bool


class Closed(SocketMessage, frozen=True):
    """A socket that does not hibernate is gone; `error`: what was wrong with what it sent."""

    socket: int
    code: int
    reason: str
    clean: bool
    error: str | None = None


class Opened(SocketMessage, frozen=True):
    """The handshake of a socket is complete: what the client and its gateway have agreed upon."""

    socket: int
    protocol: str
    extensions: str


class AnsweredBySelf(SocketMessage, frozen=True):
    """When automatic answers were given last: (socket, Unix milliseconds)."""

    times: tuple[tuple[int, int], ...]


class Passed(SocketMessage, frozen=True):
    """Everything before the Barrier of this number has been heeded."""

    number: int


FromHost = (
    Bind
    | Post
    | Broadcast
    | CloseSocket
    | CloseAll
    | Attach
    | Taken
    | Reported
    | Barrier
    | Settings
)
FromGateway = Mirror | Message | Closed | Opened | AnsweredBySelf | Passed


# --- events: kind SOCKET


class SocketEvent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What happened on a hibernating socket: the target of the event's head.

    The event's method says what: b"message", whose data is the body; b"close"; b"error".
    """

    socket: int
    text: bool = False
    code: int = 0
    reason: str = ""
    clean: bool = False
    error: str = ""

    def encode(self) -> bytes:
        return _encode(self)

    @staticmethod
    def decode(data: bytes) -> SocketEvent:
        """Read the target of a head. Raises WireError for nonsense."""
        try:
            return _decode_event(data)
        except msgspec.MsgspecError as error:
            raise WireError(f"an event of a socket cannot be read: {error}") from error


_encode = msgspec.msgpack.Encoder().encode
_decode_event = msgspec.msgpack.Decoder(SocketEvent).decode


def pieces(message: SocketMessage) -> Iterator[tuple[int, bytes | memoryview]]:
    """Yield (flags, payload) of the frames that carry a message."""
    data = _encode(message)
    if len(data) <= _PIECE:
        yield END, data
        return
    view = memoryview(data)
    for start in range(0, len(data), _PIECE):
        yield END if start + _PIECE >= len(data) else 0, view[start : start + _PIECE]


class SocketReader:
    """Puts the messages of one link together; several may be on their way at once."""

    __slots__ = ("_decode", "_parts")

    def __init__(self, types: object) -> None:
        """types: `FromHost` or `FromGateway`, or both."""
        self._decode = msgspec.msgpack.Decoder(types).decode
        self._parts: dict[int, bytearray] = {}

    def receive(self, flags: int, number: int, payload: bytes) -> SocketMessage | None:
        """Take a frame; return the message that it completes. Raises WireError for nonsense."""
        parts = self._parts.get(number)
        if flags & END:
            if parts is not None:
                del self._parts[number]
                parts += payload
                payload = bytes(parts)
            try:
                message: SocketMessage = self._decode(payload)
            except msgspec.MsgspecError as error:
                raise WireError(f"a message about a socket cannot be read: {error}") from error
            return message
        if parts is None:
            self._parts[number] = bytearray(payload)
        else:
            parts += payload
            if len(parts) > _MAX_MESSAGE:
                raise WireError(f"a message about a socket is above {_MAX_MESSAGE} bytes")
        return None
