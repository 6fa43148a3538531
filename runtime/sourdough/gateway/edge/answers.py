"""The parts of an answer that the edge itself writes: status line, date, lengths, error bodies."""

from __future__ import annotations

from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from sourdough.gateway.edge.failure import Failure

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
CLOSE = b"connection: close\r\n"
KEEP_ALIVE = b"connection: keep-alive\r\n"

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_SHORT = tuple(b"content-length: %d\r\n\r\n" % n for n in range(2048))
_MAX_PLAIN = 1024
_MAX_PLAIN_BLOCK = 512
_json = msgspec.json.Encoder()


def length_line(n: int) -> bytes:
    """Return the content-length header and the blank line after it."""
    return _SHORT[n] if n < len(_SHORT) else b"content-length: %d\r\n\r\n" % n


def status_line(status: int) -> bytes:
    """Return the status line. A status without a name gets an empty phrase, which RFC 9112 allows."""
    return f"HTTP/1.1 {status} {_PHRASES.get(status, '')}\r\n".encode()


class Openings:
    """How answers begin: status line and Date, made once per status and second."""

    __slots__ = ("_date", "_made", "plain")

    def __init__(self, now: float) -> None:
        self._date = b""
        self._made: dict[int, bytes] = {}
        self.plain: dict[tuple[int, bytes], bytes] = {}
        """Openings with the header blocks of this second that needed no closer look; bounded."""
        self.tick(now)

    def tick(self, now: float) -> None:
        """Take note of the time (Unix seconds)."""
        date = b"date: %b\r\n" % formatdate(now, usegmt=True).encode()
        if date != self._date:
            self._date = date
            self._made.clear()
            self.plain.clear()

    def of(self, status: int) -> bytes:
        """Return status line and Date header of an answer."""
        made = self._made.get(status)
        if made is None:
            made = self._made[status] = status_line(status) + self._date
        return made

    def remember(self, status: int, block: bytes) -> bytes:
        """Return the opening of an answer with its block; kept for the next answer like it."""
        opening = self.of(status) + block
        if len(block) <= _MAX_PLAIN_BLOCK:
            if len(self.plain) >= _MAX_PLAIN:
                self.plain.clear()
            self.plain[status, block] = opening
        return opening


def error_answer(failure: Failure, request_id: str) -> tuple[bytes, bytes]:
    """Return the header block and the JSON body of an error answer."""
    block = f"content-type: application/json\r\nx-request-id: {request_id}\r\n"
    if failure.retry_after is not None:
        block += f"retry-after: {failure.retry_after}\r\n"
    lines = block.encode() + failure.lines
    body = {"error": failure.sentence, "hint": failure.hint, "request_id": request_id}
    return lines, _json.encode(body)
