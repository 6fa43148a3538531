"""A client's connection after the switch of protocols: bytes <-> messages, by RFC 6455.

    open --Close frame, either way--> closing --both--> closed
      `----- what RFC 6455 forbids, no bytes for long, the client reads nothing ----'

The bytes are those of `websockets`' protocol without input or output; this is its asyncio side.
The owner hears of each message and, exactly once, of the end. No call raises for what a client
does, or because it has left.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from websockets.exceptions import PayloadTooBig
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from sourdough.gateway.sockets.event_queue import End
from sourdough.gateway.sockets.frames import message_frame
from sourdough.wire import close_codes

if TYPE_CHECKING:
    import asyncio

    from websockets.extensions import Extension

    from sourdough.gateway.edge import Edge
    from sourdough.gateway.edge.timeouts import Timeout
    from sourdough.gateway.sockets.waits import Waits

# Nothing is logged for a socket, so nothing is formatted for it either.
_LOG = logging.getLogger("sourdough.gateway.websocket")
_LOG.setLevel(logging.ERROR)

DROPPED = End(close_codes.ABNORMAL, close_codes.ABNORMAL_REASON)
NOT_READING = End(close_codes.TRY_LATER, "the client does not read what is sent to it")
_STOPPING = "the server is stopping"


class Owner(Protocol):
    """Who a socket's messages are for."""

    def opened(self, connection: SocketConnection) -> None:
        """The handshake is complete."""
        ...

    def received(self, data: bytes, text: bool) -> None:
        """The client has sent a message."""
        ...

    def ended(self, end: End) -> None:
        """The client will send nothing more."""
        ...


class _Protocol(ServerProtocol):
    """A client may close in the middle of a message: that is an orderly close (RFC 6455 5.4)."""

    def recv_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None  # what came of the message is forgotten
        super().recv_frame(frame)


class SocketConnection:
    """The asyncio side of one client that speaks WebSocket."""

    __slots__ = (
        "_buffer_bytes", "_edge", "_owner", "_parts", "_protocol", "_reading", "_since",
        "_text", "_told", "_transport", "_wait_kind", "_waits",
    )  # fmt: skip

    def __init__(
        self,
        *,
        edge: Edge,
        waits: Waits,
        owner: Owner,
        extensions: list[Extension],
        message_bytes: int,
        buffer_bytes: int,
    ) -> None:
        self._edge = edge
        self._waits = waits
        self._owner = owner
        self._buffer_bytes = buffer_bytes
        self._protocol = _Protocol(state=State.OPEN, max_size=message_bytes, logger=_LOG)
        self._protocol.extensions = extensions
        self._transport: asyncio.Transport | None = None
        self._parts: bytearray | None = None
        """What has come of a message in fragments; as small as it is, however many they are."""
        self._text = False
        self._told = False
        self._reading = True
        self._wait_kind: Timeout | None = None
        self._since = 0.0

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._wait(self._waits.quiet)
        self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        waits = self._waits
        if self._since != waits.now or self._wait_kind is waits.pongs:
            self._heard()
        protocol = self._protocol
        protocol.receive_data(data)
        for frame in protocol.events_received():
            self._frame(frame)
        if protocol.parser_exc is not None:
            self._broken(protocol.parser_exc)
        if protocol.writes:
            self._flush()

    def eof_received(self) -> bool:
        return False  # without a Close frame: the client is gone

    def pause_writing(self) -> None:
        """Nothing: what may wait for the client is bounded where it is written."""

    def resume_writing(self) -> None:
        """Nothing: nobody waits for it."""

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._wait(None)
        self._tell(DROPPED)
        self._edge.connections.discard(self)
        self._edge.on_left()

    # --- what is sent

    @property
    def compresses(self) -> bool:
        """Whether a message must be framed for this client alone."""
        return bool(self._protocol.extensions)

    @property
    def open(self) -> bool:
        """Whether messages can be sent."""
        return self._transport is not None and self._protocol.state is State.OPEN

    def send(self, frame: bytes) -> None:
        """Send a message whose frame is made; dropped when the socket is closing."""
        transport = self._transport
        if transport is None or self._protocol.state is not State.OPEN or transport.is_closing():
            return
        transport.write(frame)
        if transport.get_write_buffer_size() > self._buffer_bytes:
            self.give_up(NOT_READING)

    def say(self, data: bytes, text: bool) -> None:
        """Send a message."""
        protocol = self._protocol
        if not protocol.extensions or protocol.state is not State.OPEN:
            self.send(message_frame(data, text))
            return
        (protocol.send_text if text else protocol.send_binary)(data)
        self.send(b"".join(protocol.data_to_send()))

    def close(self, code: int, reason: str = "") -> None:
        """Begin the close handshake; code 0: an empty Close frame. The first call counts."""
        protocol = self._protocol
        if protocol.state is not State.OPEN:
            return
        # Not `send_close`: it refuses the codes from 2000 to 2999, which objects may give.
        data = code.to_bytes(2) + reason.encode() if code else b""
        protocol.send_frame(Frame(Opcode.CLOSE, data))
        protocol.close_sent = Close(code or close_codes.NO_CODE, reason)
        protocol.state = State.CLOSING
        self._wait(self._waits.closes)
        self._flush()

    def give_up(self, end: End) -> None:
        """Close because of the client: the owner hears of it now, whatever the client says."""
        self.close(end.code, end.reason)
        if end is NOT_READING:
            self._wait(self._waits.stalled)
        self._tell(end)
        self._resume()

    def read(self, reading: bool) -> None:
        """Read the client, or let it wait; one that is not listened to any more is always read."""
        if reading or self._told:
            self._resume()
            return
        transport = self._transport
        if self._reading and transport is not None and not transport.is_closing():
            self._reading = False
            transport.pause_reading()
            if self._protocol.state is State.OPEN:
                self._wait(None)  # who is asked to wait is not silent

    # --- the edge

    def drain(self) -> None:
        """The server stops."""
        self.close(close_codes.GOING_AWAY, _STOPPING)
        if self._transport is not None:
            self._wait(self._waits.leaving)

    def abort(self) -> None:
        """Drop the client."""
        if self._transport is None:
            self._tell(DROPPED)
        else:
            self._transport.abort()

    def timed_out(self) -> None:
        kind, self._wait_kind = self._wait_kind, None
        if kind is self._waits.quiet and self._protocol.state is State.OPEN:
            self._protocol.send_ping(b"")
            self._wait(self._waits.pongs)
            self._flush()
        else:
            self.abort()

    # --- what arrives

    def _frame(self, frame: object) -> None:
        assert isinstance(frame, Frame)
        opcode = frame.opcode
        if opcode is Opcode.TEXT or opcode is Opcode.BINARY:
            self._text = opcode is Opcode.TEXT
            if frame.fin:
                self._message(bytes(frame.data))
            else:
                self._parts = bytearray(frame.data)
        elif opcode is Opcode.CONT and self._parts is not None:
            self._parts += frame.data
            if frame.fin:
                parts, self._parts = self._parts, None
                self._message(bytes(parts))
        elif opcode is Opcode.CLOSE:
            said = self._protocol.close_rcvd
            assert said is not None
            self._tell(End(said.code, said.reason, clean=True))

    def _message(self, data: bytes) -> None:
        if self._told:
            return
        if self._text and not data.isascii() and not _is_text(data):
            self._protocol.fail(close_codes.INVALID_DATA, "invalid UTF-8")
            self._fail(close_codes.INVALID_DATA, "a text message is not valid UTF-8")
            return
        self._owner.received(data, self._text)

    def _broken(self, error: Exception) -> None:
        sent = self._protocol.close_sent
        code = sent.code if sent is not None else DROPPED.code
        if isinstance(error, PayloadTooBig):
            self._fail(code, "a message is too large")
        else:
            self._fail(code, str(error) or type(error).__name__)

    def _fail(self, code: int, error: str) -> None:
        if not self._told:
            self._wait(self._waits.closes)
            self._tell(End(code, error, error=error))

    def _tell(self, end: End) -> None:
        if not self._told:
            self._told = True
            self._owner.ended(end)

    # --- bytes and waits

    def _flush(self) -> None:
        transport = self._transport
        pieces = self._protocol.data_to_send()
        if transport is None or transport.is_closing():
            return
        for piece in pieces:
            if piece:
                transport.write(piece)
        if self._protocol.eof_sent:
            self._finish(transport)
        elif transport.get_write_buffer_size() > self._buffer_bytes:
            self.give_up(NOT_READING)  # the client asks for pongs and does not take them

    def _finish(self, transport: asyncio.Transport) -> None:
        """Everything is said. What a broken client still sends is read, so that it gets the Close."""
        self._wait(self._waits.closes)
        if self._protocol.close_rcvd is not None or not transport.can_write_eof():
            transport.close()
        else:
            transport.write_eof()
            self._resume()

    def _heard(self) -> None:
        """The client lives."""
        if self._reading and self._protocol.state is State.OPEN:
            self._wait(self._waits.quiet)

    def _resume(self) -> None:
        transport = self._transport
        if not self._reading and transport is not None:
            self._reading = True
            if not transport.is_closing():
                transport.resume_reading()
            if self._wait_kind is None:
                self._wait(self._waits.quiet)

    def _wait(self, kind: Timeout | None) -> None:
        if self._wait_kind is not None:
            self._wait_kind.waiting.pop(self, None)
        self._wait_kind = kind
        if kind is not None:
            self._since = kind.waiting[self] = self._waits.now


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
