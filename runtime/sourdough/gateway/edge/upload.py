"""A request body on its way upstream: what has arrived, and how much of it may be sent."""

from __future__ import annotations


class Upload:
    """Bytes in as the client sends them, bytes out as credit allows. No input or output."""

    __slots__ = ("_credit", "_parts", "buffered", "complete", "received", "sent_end")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._credit = 0
        self.buffered = 0
        """Bytes that have arrived and may not be sent yet."""
        self.received = 0
        """Bytes that have arrived in all."""
        self.complete = False
        """The client has sent all of it."""
        self.sent_end = False
        """All of it was taken, and its end with it."""

    def add(self, chunk: bytes) -> None:
        """Take what arrived."""
        self._parts.append(chunk)
        self.buffered += len(chunk)
        self.received += len(chunk)

    def grant(self, n: int) -> None:
        """Allow `n` more bytes to be sent."""
        self._credit += n

    def take(self) -> tuple[bytes, bool] | None:
        """Return what may be sent now and whether it is the end; None when there is nothing."""
        if self.sent_end:
            return None
        chunk = self._within_credit()
        self._credit -= len(chunk)
        self.buffered -= len(chunk)
        self.sent_end = self.complete and not self.buffered
        return (chunk, self.sent_end) if chunk or self.sent_end else None

    def _within_credit(self) -> bytes:
        if not self._parts or not self._credit:
            return b""
        data = b"".join(self._parts)
        rest = data[self._credit :]
        self._parts = [rest] if rest else []
        return data[: self._credit]
