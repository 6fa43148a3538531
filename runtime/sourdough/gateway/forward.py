"""A client's request on its way to a host, and the answer on its way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.gateway.edge import Exchange, Failure
from sourdough.transport.outgoing import Outgoing
from sourdough.wire.frames import END, ResetCode
from sourdough.wire.heads import SECURE, RequestHead, decode_answer

if TYPE_CHECKING:
    from sourdough.gateway.gateway import Gateway
    from sourdough.gateway.router import Destination

_FAILURES = {
    ResetCode.LOST: Failure(
        503, "host_lost", "The process that worked on this request ended before it answered.",
        "It may or may not have run; it was not repeated.", 1,
    ),
    ResetCode.OVERLOADED: Failure(
        503, "overloaded", "Too many requests are waiting.", "Try again later.", 1
    ),
    ResetCode.EXPIRED: Failure(
        503, "no_host", "No host took this request in time; it did not run.", "Try again later.", 1
    ),
    ResetCode.NOT_OWNER: Failure(
        503, "no_host", "No host took this request in time; it did not run.", "Try again later.", 1
    ),
    ResetCode.FAILED: Failure(500, "cut_short", "The answer was cut short by an error."),
    ResetCode.CANCELLED: Failure(500, "cut_short", "The answer was cut short by an error."),
}  # fmt: skip

NOTES = {
    ResetCode.LOST: "in flight at the crash; was not repeated",
    ResetCode.EXPIRED: "no host in time; did not run",
    ResetCode.OVERLOADED: "overloaded; did not run",
}


class Forward(Outgoing):
    """One request between the edge and a host: the edge's `Stream`."""

    __slots__ = ("_destination", "_exchange", "_gateway")

    def __init__(self, gateway: Gateway, exchange: Exchange, destination: Destination) -> None:
        # Each `super()` would cost as much as the call.
        Outgoing.__init__(self, destination.slot, not exchange.body_complete)
        self._gateway = gateway
        self._exchange = exchange
        self._destination = destination

    def encode(self) -> bytes:
        exchange, destination = self._exchange, self._destination
        # By position: names would cost as much again as the packing.
        return RequestHead(
            destination.kind,
            destination.key,
            destination.name,
            exchange.method,
            exchange.target,
            exchange.client.encode(),
            exchange.headers,
            exchange.body if exchange.body_complete else b"",
            SECURE if exchange.scheme == "https" else 0,
            exchange.number,
            self.version,
            self.epoch,
            destination.mount,
            exchange.socket,
        ).encode()

    @property
    def started(self) -> float:
        """When the client's request began, by the monotonic clock."""
        return self._exchange.started

    # --- from the edge

    def send(self, chunk: bytes, end: bool) -> None:
        if end and not chunk:
            # An empty body needs no credit, so it may end before a host has accepted the event:
            # a HEAD that is sent from now on, the first or again, says that nothing follows.
            self.body_follows = False
        self.send_body(chunk, end)

    def cancel(self) -> None:
        self._gateway.answered(self._exchange.number)
        super().cancel()

    # --- from the host

    def on_head(self, flags: int, status: int, payload: bytes) -> None:
        block, body, note = decode_answer(payload)
        exchange = self._exchange
        self._gateway.answered(exchange.number)
        if note:
            self._gateway.note(exchange.number, note)
        if flags & END:
            self.close()
            exchange.on_head(status, block, body, True)
        else:
            exchange.on_head(status, block, body, False)

    def on_body(self, chunk: bytes, end: bool) -> None:
        if end:
            self.close()
        self._exchange.on_data(chunk, end)

    def on_granted(self, amount: int) -> None:
        self._exchange.on_credit(amount)

    def on_failed(self, code: ResetCode, sentence: str) -> None:
        self._gateway.answered(self._exchange.number)
        note = sentence if code is ResetCode.FAILED else NOTES.get(code)
        if note:
            self._gateway.note(self._exchange.number, f"\0\0{note}".encode())
        self._exchange.on_fail(_FAILURES[code])

    def timed_out(self, seconds: float) -> None:
        """No head of an answer within the limit: the client is told, the object works on."""
        if self.link is None:
            self.cancel()
        else:
            self.reset(ResetCode.EXPIRED)
        self._exchange.on_fail(
            Failure(
                504, "timeout", f"The handler did not answer within {seconds:g} seconds.",
                "limits.request_timeout sets how long it may take.",
            )
        )  # fmt: skip
