"""The request for a WebSocket (RFC 6455 4.2.1): what is asked, and whether it may be.

Any other protocol is refused with 501: whoever proposes one may go on without (RFC 9110 7.8), but
the parser reads nothing behind such a request.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING

from sourdough.gateway.edge.failure import (
    ORIGIN_REFUSED,
    UPGRADE_UNSUPPORTED,
    WEB_SOCKET_VERSION,
    RefusedError,
    malformed,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.gateway.edge.exchange import Exchange
    from sourdough.gateway.edge.head import Notes
    from sourdough.gateway.edge.upstream import Successor

WEB_SOCKET_LINE = (b"Upgrade", b": ", b"websocket", b"\r\n")
"""What the handler sees of it, beside the Sec-WebSocket headers."""
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY_BYTES = 16


class Upgrade:
    """What a client asks for that wants a WebSocket."""

    __slots__ = ("extensions", "key", "take_over")

    def __init__(self, key: bytes, extensions: bytes) -> None:
        self.key = key
        self.extensions = extensions
        """Those that the client offers, as it lists them."""
        self.take_over: Callable[[bytes], tuple[bytes, Successor]] = _nobody
        """Set by the upstream: handler's header lines -> all lines of the 101, who takes over."""

    @property
    def accept_lines(self) -> bytes:
        """The header lines by which the server proves that it speaks WebSocket."""
        digest = hashlib.sha1(self.key + _MAGIC, usedforsecurity=False).digest()
        return (
            b"upgrade: websocket\r\nconnection: Upgrade\r\n"
            b"sec-websocket-accept: " + base64.b64encode(digest) + b"\r\n"
        )


def read_upgrade(
    notes: Notes, exchange: Exchange, parts: list[bytes], origins: frozenset[bytes]
) -> Upgrade:
    """Return what is asked for. parts: the headers, four items each.

    Raises RefusedError: 501 for another protocol, 426 for another version, 403 for an origin that
    is not listed, 400 for anything else that RFC 6455 does not allow.
    """
    if notes.upgrade != [b"websocket"] or exchange.legacy:
        raise RefusedError(UPGRADE_UNSUPPORTED)
    if exchange.method != b"GET" or notes.chunked or notes.length:
        raise RefusedError(malformed("a WebSocket is asked for with GET and without a body"))
    said: dict[bytes, list[bytes]] = {}
    for at in range(0, len(parts), 4):
        said.setdefault(parts[at].lower(), []).append(parts[at + 2].strip(b" \t"))
    if said.get(b"sec-websocket-version") != [b"13"]:
        raise RefusedError(WEB_SOCKET_VERSION)
    key = said.get(b"sec-websocket-key", [])
    if len(key) != 1 or not _is_key(key[0]):
        raise RefusedError(malformed("its Sec-WebSocket-Key is not 16 bytes in base64"))
    if origins and said.get(b"origin", [b""])[0] not in origins:
        raise RefusedError(ORIGIN_REFUSED)
    return Upgrade(key[0], b", ".join(said.get(b"sec-websocket-extensions", ())))


def _is_key(value: bytes) -> bool:
    try:
        return len(base64.b64decode(value, validate=True)) == _KEY_BYTES
    except binascii.Error:
        return False


def _nobody(lines: bytes) -> tuple[bytes, Successor]:
    raise ValueError("nobody takes WebSockets")
