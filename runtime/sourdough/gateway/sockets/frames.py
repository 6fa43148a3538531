"""Frames from a server to a client (RFC 6455 5.2): whole messages, not masked, not compressed."""

from __future__ import annotations

import struct

_TEXT, _BINARY = 0x81, 0x82
_SHORT, _MIDDLE = 126, 1 << 16


def message_frame(data: bytes, text: bool) -> bytes:
    """Return the frame of a message: the same for every client."""
    first, size = _TEXT if text else _BINARY, len(data)
    if size < _SHORT:
        return bytes((first, size)) + data
    if size < _MIDDLE:
        return struct.pack("!BBH", first, 126, size) + data
    return struct.pack("!BBQ", first, 127, size) + data
