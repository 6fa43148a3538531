"""The frames of a link.

0        4     5      6       8          12
+--------+-----+------+-------+----------+---------+
| length | type| flags|  aux  |  stream  | payload |
+--------+-----+------+-------+----------+---------+
   u32     u8    u8      u16      u32      length bytes          big endian

HELLO   aux = protocol version; payload = msgpack of `Hello`; the first frame both ways
HEAD    opens a stream (request) or answers on one (aux = status); END: the body is inside
DATA    a piece of a body; END: the last one
RESET   ends a stream at once; aux = ResetCode, payload = a sentence in UTF-8
CREDIT  payload = u32: so many more bytes of DATA may be sent; stream 0 = for the whole link
GOAWAY  no more streams will be opened on this link by the sender
SOCKET  a piece of a message about WebSockets (`wire.sockets`); stream = its number; END: the last
"""

from __future__ import annotations

import struct
from enum import IntEnum

from sourdough.errors import WireError

# A link between processes of two versions is refused in HELLO (invariant S14).
PROTOCOL_VERSION = 3

HEADER = struct.Struct("!IBBHI")
CREDIT = struct.Struct("!I")

# A body up to this size travels inside its HEAD frame.
INLINE_BODY = 64 * 1024
# Larger than any head (headers are limited far below) plus an inline body; refused before it is
# buffered.
MAX_PAYLOAD = 1024 * 1024

END = 1
"""Flag: nothing follows on this stream in this direction."""
NOTE = 2
"""Flag of an answer's HEAD: a note for the log stands before the header block."""


class Type:
    """What a frame is. Plain numbers: an enum's members cost 0.1 us each time one is packed."""

    HELLO = 1
    HEAD = 2
    DATA = 3
    SOCKET = 4
    # From here on: control frames, which go before the others of a turn.
    RESET = 5
    CREDIT = 6
    GOAWAY = 7


class ResetCode(IntEnum):
    """Why a stream ended early."""

    NOT_OWNER = 1  # refused before anything ran: may go to another owner (invariant D1)
    CANCELLED = 2  # the caller left
    FAILED = 3  # the answer was cut short
    OVERLOADED = 4  # a queue is full
    LOST = 5  # the process that ran it is gone; it is not repeated (invariant D3)
    EXPIRED = 6  # waited too long: for an owner, or, told to the owner, for the answer


# A plain tuple: a named one costs three times as much to make, and there is one per frame.
Frame = tuple[int, int, int, int, bytes]
"""One frame as it came off a link: type, flags, aux, stream, payload."""


def encode(type_: int, flags: int, aux: int, stream: int, payload: bytes = b"") -> bytes:
    """Return the bytes of one frame."""
    return HEADER.pack(len(payload), type_, flags, aux, stream) + payload


class FrameReader:
    """Cuts a stream of bytes into frames, however the bytes are split."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def receive(self, data: bytes) -> list[Frame]:
        """Return the frames that are complete with `data`. Raises WireError for an impossible one."""
        if self._rest:
            data = self._rest + data
        frames: list[Frame] = []
        position, available = 0, len(data)
        unpack = HEADER.unpack_from
        while available - position >= 12:
            length, type_, flags, aux, stream = unpack(data, position)
            if length > MAX_PAYLOAD:
                raise WireError(f"a frame of {length} bytes is above the limit of {MAX_PAYLOAD}")
            end = position + 12 + length
            if end > available:
                break
            frames.append((type_, flags, aux, stream, data[position + 12 : end]))
            position = end
        self._rest = data[position:] if position < available else b""
        return frames
