"""One client connection: bytes to the intake, exchanges to the upstream one at a time, in order.

Requests are opened and held-back bytes parsed in one place, `_pump`; the connection's one wait,
and whether it is read, are chosen in one place, `_settle`; every path that may change what is
possible ends there. No call raises for what a client does, or because it has left.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, cast

from sourdough.gateway.edge import answers
from sourdough.gateway.edge.failure import (
    BODY_TIMEOUT,
    CLIENT_LEFT,
    CLIENT_STALLED,
    HEAD_TIMEOUT,
)
from sourdough.gateway.edge.intake import SLICE, Intake

if TYPE_CHECKING:
    from sourdough.gateway.edge.edge import Edge
    from sourdough.gateway.edge.exchange import Exchange
    from sourdough.gateway.edge.timeouts import Timeout
    from sourdough.gateway.edge.upstream import Successor

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Connection(asyncio.Protocol):
    """The asyncio side of one client."""

    __slots__ = (
        "_current", "_edge", "_fresh", "_held", "_intake", "_leaving", "_pumping",
        "_reading", "_timed_request", "_timer", "_transport", "client", "eof", "paused",
    )  # fmt: skip

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._transport: asyncio.Transport | None = None
        self._intake: Intake
        self._current: Exchange | None = None
        """The exchange being answered; the others wait in the intake."""
        self._held = b""
        """Bytes that arrived and are not parsed yet, since enough is waiting already."""
        self._timer: Timeout | None = None
        self._timed_request = 0
        self._reading = True
        self._pumping = False
        self._fresh = True
        """No request was answered yet."""
        self.eof = False
        """The client will send nothing more."""
        self._leaving = False
        """Nothing more is answered; at most the client is still reading."""
        self.client = ""
        """The peer's address."""
        self.paused = False
        """The client reads too slowly: nothing is written, no credit given back."""

    # -- asyncio.Protocol -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.client = peer[0] if isinstance(peer, tuple) else "unix"
        self._intake = Intake(self._edge, self)
        self._edge.connections.add(self)
        self._settle()

    def data_received(self, data: bytes) -> None:
        if self._leaving:
            return  # read only so that closing does not reset what the client has yet to read
        if self._held or len(data) > SLICE:
            self._held += data
            self._pump()
        else:
            self._pump(data)
        if self._timer is self._edge.bodies:
            self._restart_streamed_body()

    def eof_received(self) -> bool:
        self.eof = True
        # A client may close its half and still read: what it has asked for in full is answered.
        # One that does so in the middle of a streamed answer is taken to be gone (D7).
        current = self._current
        if self._leaving or (current is not None and current.wants_more):
            return False
        return not self._nothing_left()

    def pause_writing(self) -> None:
        self.paused = True
        self._settle()

    def resume_writing(self) -> None:
        self.paused = False
        if self._current is not None:
            self._current.resume()
        self._pump()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._leaving = True
        self._wait(None)
        self._edge.connections.discard(self)
        current, receiving = self._current, self._intake.receiving
        self._current = None
        self._intake.end()
        self._held = b""
        if current is not None:
            current.abandon()
        self._drop_waiting()
        if receiving is not None:
            receiving.abandon()
        self._edge.on_left()

    # -- called by exchanges ----------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send bytes, if there is still somebody to send them to."""
        transport = self._transport
        # A transport that is closing may raise instead of dropping what is written (uvloop does).
        if transport is not None and not transport.is_closing():
            transport.write(data)

    def finished(self, exchange: Exchange, keep: bool) -> None:
        """Take the next request, or close: this one's answer is written."""
        if exchange is self._current:
            self._current = None
            self._fresh = False
        if not keep and not self._leaving:
            self._leave(exchange)
        if self._pumping:
            return
        if self._held or self._intake.ready:
            self._pump()
        else:
            self._settle()

    def has_more(self) -> bool:
        """Say whether the client has asked for more already, behind what is being answered."""
        return bool(self._intake.ready or self._held)

    def body_moved(self) -> None:
        """Read on, perhaps: there is room for more of the request's body."""
        self._pump()

    def cut(self, *, reset: bool) -> None:
        """Close in the middle of an answer; `reset` where an orderly close would look complete."""
        self._leaving = True
        transport = self._transport
        if transport is None:
            return
        if reset:
            sock = transport.get_extra_info("socket")
            if sock is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            transport.abort()
        else:
            transport.close()

    def hand_over(self, head: bytes, successor: Successor) -> None:
        """Answer with a switch of protocols; from now on the transport is the successor's."""
        transport, self._transport = self._transport, None
        self._leaving = True
        self._wait(None)
        edge, behind = self._edge, (self._intake.behind or b"") + self._held
        edge.connections.discard(self)
        self._intake.end()
        self._held = b""
        if transport is None or transport.is_closing():
            successor.abort()
            return
        edge.connections.add(successor)
        transport.write(head)
        transport.set_protocol(cast("asyncio.Protocol", successor))
        successor.connection_made(transport)
        if not self._reading:
            transport.resume_reading()
        if behind:
            successor.data_received(behind)
        if edge.draining:
            successor.drain()

    # -- called by the edge -----------------------------------------------------------------------

    def drain(self) -> None:
        """Close if idle. A client that has only just connected may send its first request yet."""
        if self._is_idle() and not self._fresh:
            self._close()
        else:
            self._settle()

    def abort(self) -> None:
        """Drop the connection with whatever is in flight."""
        if self._transport is not None:
            self._transport.abort()

    def timed_out(self) -> None:
        """End the wait that has been too long; `Timeout.expire` has taken it out already."""
        timer, self._timer = self._timer, None
        edge = self._edge
        if timer is edge.idle:
            self._close()
        elif timer is edge.heads or timer is edge.bodies:
            self._pumping = True
            self._intake.refuse(HEAD_TIMEOUT if timer is edge.heads else BODY_TIMEOUT)
            self._pumping = False
            self._pump()
        else:
            self._leaving = True
            if self._current is not None:
                self._current.abandon(CLIENT_STALLED)
            self.abort()

    # -- deciding ---------------------------------------------------------------------------------

    def _pump(self, data: bytes | None = None) -> None:
        """Parse and open as much as is possible now."""
        if self._pumping:
            return
        self._pumping = True
        if data is not None:
            self._feed(data)
        ready = self._intake.ready
        while not self._leaving:
            if ready and self._current is None and not self.paused:
                self._current = exchange = ready.popleft()
                exchange.open()
            elif self._held and not self._has_enough():
                held, self._held = self._held[:SLICE], self._held[SLICE:]
                self._feed(held)
            else:
                break
        self._pumping = False
        self._settle()

    def _feed(self, data: bytes) -> None:
        self._intake.feed(data)
        current = self._current
        if current is not None and current.upload is not None:
            current.push()

    def _has_enough(self) -> bool:
        """Say whether as much is waiting here as may wait."""
        limits = self._edge.limits
        intake = self._intake
        receiving = intake.receiving
        return len(intake.ready) >= limits.pipeline or (
            receiving is not None
            and receiving.upload is not None
            and receiving.upload.buffered > limits.collect
        )

    def _settle(self) -> None:
        """Choose what is waited for, and whether to read."""
        transport = self._transport
        if transport is None:
            return
        intake = self._intake
        if self.eof and not self._leaving and self._nothing_left():
            self._close()
        if intake.ready or intake.receiving is not None or not self._reading:
            self._settle_reading(transport)
        wanted = self._wanted_wait()
        if wanted is not self._timer or intake.begun != self._timed_request:
            self._timed_request = intake.begun
            self._wait(wanted)

    def _settle_reading(self, transport: asyncio.Transport) -> None:
        """Read on or not; ask for a body that waits to be asked for."""
        if self._leaving:
            return
        reading = not self._held and not self._has_enough()
        if reading is not self._reading:
            self._reading = reading
            if not transport.is_closing():
                (transport.resume_reading if reading else transport.pause_reading)()
        if self._intake.receiving is not None:
            self._invite_body(self._intake.receiving)

    def _wanted_wait(self) -> Timeout | None:
        edge = self._edge
        if self._leaving:
            return edge.closing
        if self.paused:
            return edge.stalled
        intake = self._intake
        if intake.in_head:
            return edge.heads
        receiving = intake.receiving
        if receiving is not None:
            # Who is asked to wait, by us or by the object, is not slow.
            return edge.bodies if self._reading and not receiving.expects else None
        if self._current is not None:
            return None
        return edge.closing if edge.draining else edge.idle

    def _wait(self, timeout: Timeout | None) -> None:
        if self._timer is not None:
            self._timer.waiting.pop(self, None)
        self._timer = timeout
        if timeout is not None:
            timeout.waiting[self] = self._edge.now

    def _restart_streamed_body(self) -> None:
        """A streamed body may take as long as it likes if only it goes on."""
        receiving = self._intake.receiving
        if receiving is not None and receiving.upload is not None:
            self._wait(self._edge.bodies)

    def _invite_body(self, receiving: Exchange) -> None:
        """Send 100 Continue for a body that is collected, once no other answer is under way."""
        if receiving.expects and receiving.upload is None and self._current is None:
            receiving.expects = False
            if not self._intake.body_begun:
                self.write(answers.CONTINUE)

    def _is_idle(self) -> bool:
        intake = self._intake
        return not (
            self._current or intake.ready or intake.in_head or intake.receiving or self._held
        )

    def _nothing_left(self) -> bool:
        """Say whether a client that sends nothing more has nothing more to be answered."""
        if self._held:
            return False
        if self._intake.receiving is not None:
            return True  # the rest of a body will never come
        return self._current is None and not self._intake.ready

    # -- the end ----------------------------------------------------------------------------------

    def _leave(self, exchange: Exchange) -> None:
        """Close after an answer, in such a way that the client gets to read it."""
        self._leaving = True
        self._drop_waiting()
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        upload = exchange.upload
        cut_short = exchange.refusal is not None or (upload is not None and not upload.complete)
        if (cut_short or self._held) and not self.eof:
            # Closing with bytes unread would reset the connection, and with it the answer.
            self._held = b""
            transport.write_eof()
            if not self._reading:
                self._reading = True
                transport.resume_reading()
        else:
            transport.close()

    def _close(self) -> None:
        self._leaving = True
        if self._transport is not None:
            self._transport.close()

    def _drop_waiting(self) -> None:
        ready = self._intake.ready
        while ready:
            ready.popleft().abandon(CLIENT_LEFT if self._transport is None else _NOT_ITS_TURN)


_NOT_ITS_TURN = "the connection was closed before the request's turn"
