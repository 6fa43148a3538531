"""A link: one Unix-socket connection that carries all events between two processes.

The side that connects opens streams, the side that accepts answers them. Frames written in one
turn of the loop leave in one system call, control frames before data. A link is always read
(invariant D5). It is *up* only when a HELLO of the same version has come the other way
(invariant D2); until then nothing else is written.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from typing import cast

import msgspec

from sourdough.errors import WireError
from sourdough.transport.stream import Stream
from sourdough.wire.credit import LINK_WINDOW, ReceiveCredit, SendCredit
from sourdough.wire.frames import (
    CREDIT,
    END,
    HEADER,
    PROTOCOL_VERSION,
    Frame,
    FrameReader,
    ResetCode,
    Type,
)  # fmt: skip
from sourdough.wire.sockets import FromGateway, FromHost, SocketMessage, SocketReader, pieces

log = logging.getLogger("sourdough.link")

# A turn of the loop under load reads hundreds of requests. Sent all at its end, they would leave
# the other side idle until then, and this one while it answers.
_EARLY_FRAMES = 4
# Read at a time of what a process has left behind.
_REST = 256 * 1024

_pack = HEADER.pack
_HEAD = Type.HEAD
_CONTROL = Type.RESET


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """Who speaks: "gateway 1" or "host 7" (by serial number)."""

    role: str
    serial: int


Accept = Callable[["Link", int, int, bytes], Stream | None]
"""(link, stream number, flags, payload of HEAD) -> the stream that answers."""

TakeMessage = Callable[["Link", SocketMessage], None]
"""Takes what the other side says about WebSockets. Raises WireError for what makes no sense."""


class Link(asyncio.Protocol):
    """One end of a link."""

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        hello: Hello,
        on_up: Callable[[Link], None],
        on_down: Callable[[Link], None],
        accept: Accept | None = None,
        on_message: TakeMessage | None = None,
    ) -> None:
        self._loop = loop
        self._hello = hello
        self._on_up = on_up
        self._on_down = on_down
        self._accept = accept
        self._on_message = on_message
        self._messages = SocketReader(FromHost | FromGateway)
        self._message_number = 0
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None
        self._descriptor = -1
        self._control: list[bytes] = []
        self._data: list[bytes] = []
        self._scheduled = False
        self._next_stream = 1
        self._fresh: list[Stream] = []
        self._starved: dict[int, Stream] = {}
        self._receive = ReceiveCredit(LINK_WINDOW)
        self._leaving = False
        self._dropped = False
        self.send_credit = SendCredit(LINK_WINDOW)
        self.streams: dict[int, Stream] = {}
        self.peer: Hello | None = None

    def __repr__(self) -> str:
        return f"<Link to {self.peer.role if self.peer else '?'} {len(self.streams)} streams>"

    @property
    def up(self) -> bool:
        return self.peer is not None and self._transport is not None

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._dropped:  # given up while it was being made
            transport.close()
            return
        # uvloop has transports of its own, which do not derive from asyncio.Transport.
        self._transport = cast("asyncio.Transport", transport)
        sock = transport.get_extra_info("socket")
        self._descriptor = -1 if sock is None else sock.fileno()
        self.write(Type.HELLO, 0, PROTOCOL_VERSION, 0, msgspec.msgpack.encode(self._hello))

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._reader.receive(data):
                type_, flags, aux, number, payload = frame
                if type_ == _HEAD:
                    # The common frame, without a detour. No stream's fault leaves this loop: it
                    # would take the whole link with it.
                    stream = self.streams.get(number)
                    if stream is None:
                        self._accepted(number, flags, payload)
                        continue
                    try:
                        stream.on_head(flags, aux, payload)
                    except Exception as error:  # noqa: BLE001 (see above)
                        self._failed(stream, error)
                else:
                    self._dispatch(frame)
        except WireError as error:
            log.warning("link to %s dropped: %s", self.peer, error)
            self.drop()

    def connection_lost(self, exc: Exception | None) -> None:
        self.drop()

    # --- frames out

    def write(
        self, type_: int, flags: int, aux: int, stream: int, payload: bytes | memoryview
    ) -> None:
        """Queue a frame; all of one loop turn leave together, control frames first."""
        frame = _pack(len(payload), type_, flags, aux, stream) + payload
        if type_ >= _CONTROL:
            self._control.append(frame)
        else:
            data = self._data
            data.append(frame)
            if len(data) >= _EARLY_FRAMES:
                self._send_early()
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def tell(self, message: SocketMessage) -> None:
        """Say something about WebSockets; it keeps its place among the events of this link."""
        self._message_number = number = self._message_number + 1 & 0xFFFFFFFF
        for flags, piece in pieces(message):
            self.write(Type.SOCKET, flags, 0, number, piece)

    def _send_early(self) -> None:
        """Send what a busy turn has gathered so far, so that the other side works meanwhile.

        A transport of uvloop sends at the end of the turn. The socket takes it now, unless bytes
        before these still wait in the transport.
        """
        transport, descriptor = self._transport, self._descriptor
        if transport is None or descriptor < 0 or transport.is_closing():
            return  # `_flush`, which is due, knows what to do
        if transport.get_write_buffer_size():
            return
        data = b"".join(self._control + self._data)
        self._control.clear()
        self._data.clear()
        self._fresh.clear()
        try:
            sent = os.write(descriptor, data)
        except OSError:  # full, or gone: the transport finds out which
            sent = 0
        if sent < len(data):
            transport.write(data[sent:])

    def reset(self, stream: Stream, code: ResetCode, sentence: str) -> None:
        """Tell the other side that a stream has ended early."""
        payload = sentence.encode("utf-8", "replace")
        if stream in self._fresh:
            # Behind its HEAD, which has not left yet: the other side would open it for ever.
            self._data.append(HEADER.pack(len(payload), Type.RESET, 0, code, stream.number))
            self._data.append(payload)
        else:
            self.write(Type.RESET, 0, code, stream.number, payload)

    def _flush(self) -> None:
        self._scheduled = False
        control, data = self._control, self._data
        if self._transport is not None:
            if self._transport.is_closing():
                return  # what is new here was not delivered: `drop` follows, and says so (D1)
            if control or data:
                self._transport.write(b"".join(control + data) if control else b"".join(data))
        control.clear()
        data.clear()
        self._fresh.clear()
        if self._leaving and not self.streams:
            self.drop()

    # --- streams

    def open(self, stream: Stream, payload: bytes, end: bool) -> None:
        """Open a stream with its HEAD."""
        stream.link = self
        stream.number = number = self._next_stream
        self._next_stream = number + 1 & 0xFFFFFFFF or 1
        self.streams[number] = stream
        self._fresh.append(stream)
        self.write(_HEAD, END if end else 0, 0, number, payload)

    def forget(self, stream: Stream) -> None:
        self.streams.pop(stream.number, None)
        if self._starved:
            self._starved.pop(stream.number, None)
        if self._leaving and not self.streams and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def retire(self) -> None:
        """Open no more streams; close when the last one has ended."""
        if not self._leaving:
            self._leaving = True
            self.write(Type.GOAWAY, 0, 0, 0, b"")

    def finish(self) -> None:
        """The other process has ended: take what it still said, then drop the link."""
        transport = self._transport
        if transport is not None and self._descriptor >= 0 and not transport.is_closing():
            with suppress(OSError):  # nothing more is there now, or ever
                while data := os.read(self._descriptor, _REST):
                    self.data_received(data)
                    if self._transport is None:
                        return
        self.drop()

    def drop(self) -> None:
        """Close at once. Streams whose HEAD was not written yet were not delivered (D1)."""
        self._dropped = True
        transport, self._transport = self._transport, None
        if transport is None:
            return
        transport.close()
        # First leave every table, then fail the streams: a new event must not come here.
        self._on_down(self)
        undelivered = {stream.number for stream in self._fresh}
        streams, self.streams = list(self.streams.values()), {}
        for stream in streams:
            stream.link = None
            self._guard(stream, stream.on_lost, stream.number not in undelivered)

    # --- credit

    def wait_for_credit(self, stream: Stream) -> None:
        self._starved[stream.number] = stream

    def consumed(self, amount: int) -> None:
        """Some reader on this link took `amount` bytes."""
        grant = self._receive.consumed(amount)
        if grant:
            self.grant(0, grant)

    def grant(self, stream: int, amount: int) -> None:
        self.write(Type.CREDIT, 0, 0, stream, CREDIT.pack(amount))

    # --- frames in

    def _dispatch(self, frame: Frame) -> None:
        type_, flags, aux, number, payload = frame
        if (self.peer is None) is not (type_ == Type.HELLO):
            raise WireError("HELLO is the first frame, and comes once")
        if type_ == Type.DATA:
            self._data_frame(number, flags, payload)
        elif type_ == Type.SOCKET:
            self._socket_frame(flags, number, payload)
        elif type_ == Type.CREDIT:
            self._credit_frame(number, payload)
        elif type_ == Type.RESET:
            self._reset_frame(number, aux, payload)
        elif type_ == Type.HELLO:
            self._hello_frame(aux, payload)
        elif type_ == Type.GOAWAY:
            # The opener closes, when it has every answer. This side cannot know: control frames
            # go first, so HEADs may stand behind this frame and answers may not be written yet.
            pass
        else:
            raise WireError(f"unknown frame type {type_}")

    def _socket_frame(self, flags: int, number: int, payload: bytes) -> None:
        message = self._messages.receive(flags, number, payload)
        if message is None or self._on_message is None or self._transport is None:
            return
        try:
            self._on_message(self, message)
        except WireError:
            raise
        except Exception:  # nobody else's frames may suffer from it
            log.exception("what was said about a WebSocket could not be heeded")

    def _reset_frame(self, number: int, code: int, payload: bytes) -> None:
        stream = self.streams.get(number)
        if stream is not None:
            stream.close()
            self._guard(stream, stream.on_reset, code, payload.decode("utf-8", "replace"))

    def _accepted(self, number: int, flags: int, payload: bytes) -> None:
        if self._accept is None:
            return  # the answer to a stream that we have given up
        if self.peer is None:
            raise WireError("HELLO is the first frame")
        if self._transport is None:
            return  # dropped by a frame before this one
        try:
            stream = self._accept(self, number, flags, payload)
        except WireError:
            raise
        except Exception:
            log.exception("an event could not be taken")
            self.write(Type.RESET, 0, ResetCode.FAILED, number, b"internal error")
            return
        if stream is not None and stream.link is self:
            self.streams[number] = stream

    def _data_frame(self, number: int, flags: int, payload: bytes) -> None:
        self._receive.received(len(payload))
        stream = self.streams.get(number)
        if stream is None:
            self.consumed(len(payload))
            return
        self._guard(stream, stream.received, payload, bool(flags & END))

    def _credit_frame(self, number: int, payload: bytes) -> None:
        if len(payload) != CREDIT.size:
            raise WireError("CREDIT is four bytes")
        (amount,) = CREDIT.unpack(payload)
        if number:
            stream = self.streams.get(number)
            if stream is not None:
                self._guard(stream, stream.granted, amount)
            return
        self.send_credit.grant(amount)
        starved, self._starved = list(self._starved.values()), {}
        for stream in starved:
            self._guard(stream, stream.resume)

    def _hello_frame(self, version: int, payload: bytes) -> None:
        if version != PROTOCOL_VERSION:
            raise WireError(f"the peer speaks protocol {version}, this is {PROTOCOL_VERSION}")
        try:
            self.peer = msgspec.msgpack.decode(payload, type=Hello)
        except msgspec.MsgspecError as error:
            raise WireError(f"HELLO cannot be read: {error}") from error
        self._on_up(self)

    def _guard(self, stream: Stream, call: Callable[..., None], *args: object) -> None:
        try:
            call(*args)
        except Exception as error:  # noqa: BLE001 (no stream's fault leaves the frame loop)
            self._failed(stream, error)

    def _failed(self, stream: Stream, error: Exception) -> None:
        if isinstance(error, WireError):
            raise error  # the peer's fault: the link goes
        log.error("a stream of %r failed", self, exc_info=error)
        stream.reset(ResetCode.FAILED, "internal error")
        try:
            # Whoever waits for it must hear of the end.
            stream.on_reset(ResetCode.FAILED, "internal error")
        except Exception:
            log.exception("a stream of %r could not be ended", self)
