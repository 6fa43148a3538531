"""One stream of a link, seen from either side.

A stream is a request one way and its answer the other; each may have a body that flows under
credit. Subclasses say what happens with what arrives; the base keeps the account.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from sourdough.wire.credit import (
    SPARE_PIECE,
    SPARE_WINDOW,
    STREAM_WINDOW,
    ReceiveCredit,
    SendCredit,
)
from sourdough.wire.frames import END, INLINE_BODY, ResetCode, Type

if TYPE_CHECKING:
    from sourdough.transport.link import Link


class Stream:
    """One stream. `link` is None before it is opened and after it has ended."""

    __slots__ = ("_backlog", "_inflow", "_outflow", "link", "number")

    # What this side may send before it hears of any credit. Answers may start at once; a
    # request's body waits until the owner has accepted it (invariant D2).
    initial_credit = STREAM_WINDOW

    def __init__(self) -> None:
        self.link: Link | None = None
        self.number = 0
        self._outflow: SendCredit | None = None
        self._inflow: ReceiveCredit | None = None
        self._backlog: deque[tuple[bytes | memoryview, bool]] | None = None

    # --- what arrives; subclasses override

    def on_head(self, flags: int, status: int, payload: bytes) -> None:
        """The answer's head has arrived."""

    def on_body(self, chunk: bytes, end: bool) -> None:
        """A piece of the body has arrived; the reader calls `consumed` when it has taken it."""

    def on_reset(self, code: int, sentence: str) -> None:
        """The other side ended the stream early; it is closed already."""

    def on_lost(self, delivered: bool) -> None:
        """The link is gone. `delivered`: some of it may have reached the other side (D1)."""

    def on_writable(self) -> None:
        """Everything handed to `send_body` has left; more may be sent."""

    def on_granted(self, amount: int) -> None:
        """The other side takes `amount` more bytes of the body."""

    # --- bodies out

    @property
    def blocked(self) -> bool:
        """Whether a part of the body still waits for credit."""
        return bool(self._backlog)

    def send_body(self, chunk: bytes, end: bool) -> bool:
        """Send a piece of the body; return False when some of it waits for credit."""
        if self.link is None:
            return True
        if self._backlog is None:
            self._backlog = deque()
        self._backlog.append((chunk, end))
        return self._pump()

    def granted(self, amount: int) -> None:
        """Credit has come for this stream."""
        self._credit().grant(amount)
        self.on_granted(amount)
        self.resume()

    def resume(self) -> None:
        """Go on sending what waited for credit of the stream or of the link."""
        if self._backlog and self._pump():
            self.on_writable()

    def _credit(self) -> SendCredit:
        if self._outflow is None:
            self._outflow = SendCredit(self.initial_credit)
        return self._outflow

    def _pump(self) -> bool:
        link, backlog, credit = self.link, self._backlog, self._credit()
        if link is None or backlog is None:
            return True
        while backlog:
            chunk, end = backlog[0]
            shared = link.send_credit.available
            if shared <= 0 and credit.available >= SPARE_WINDOW:
                shared = SPARE_PIECE
            size = credit.take(min(len(chunk), INLINE_BODY, max(shared, 0)))
            if size == 0 and chunk:
                if shared <= 0:
                    link.wait_for_credit(self)
                return False
            link.send_credit.available -= size
            whole = size == len(chunk)
            piece = chunk if whole else chunk[:size]
            link.write(Type.DATA, END if end and whole else 0, 0, self.number, piece)
            if whole:
                backlog.popleft()
            else:
                # A view: copying the rest for each frame would cost the square of its size.
                backlog[0] = (memoryview(chunk)[size:], end)
        return True

    # --- bodies in

    def received(self, chunk: bytes, end: bool) -> None:
        """A DATA frame has come for this stream."""
        if self._inflow is None:
            self._inflow = ReceiveCredit(STREAM_WINDOW)
        self._inflow.received(len(chunk))
        self.on_body(chunk, end)

    def consumed(self, amount: int) -> None:
        """The reader has taken `amount` bytes: give credit for as many."""
        link = self.link
        if link is None or self._inflow is None:
            return
        link.consumed(amount)
        grant = self._inflow.consumed(amount)
        if grant:
            link.grant(self.number, grant)

    # --- the end

    def reset(self, code: ResetCode, sentence: str = "") -> None:
        """End the stream early and tell the other side."""
        link = self.link
        if link is not None:
            link.reset(self, code, sentence)
            self.close()

    def close(self) -> None:
        """Forget the stream; what was received and not consumed is given back to the link."""
        link = self.link
        if link is None:
            return
        self.link = None
        self._backlog = None
        if self._inflow is not None and self._inflow.outstanding:
            link.consumed(self._inflow.outstanding)
        link.forget(self)
