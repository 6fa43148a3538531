"""Frames made by hand, by the sections of RFC 6455 and RFC 7692, and what has to come back.

A case is bytes of a client and the frames that answer them, of an object that sends every message
back. They are sent in one piece and byte by byte: where the network cuts them must not matter.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
FIN, RSV1, RSV2, RSV3 = 0x80, 0x40, 0x20, 0x10
KEY = b"\x37\xfa\x21\x3d"

Answer = tuple[int, bytes]
"""Opcode and payload; of a Close frame, its code alone."""


def frame(opcode: int, data: bytes = b"", *, fin: bool = True, bits: int = 0) -> bytes:
    """Return a client's frame: masked, its length in the shortest form."""
    if len(data) < 126:
        length = bytes([0x80 | len(data)])
    elif len(data) < 65536:
        length = b"\xfe" + struct.pack("!H", len(data))
    else:
        length = b"\xff" + struct.pack("!Q", len(data))
    return bytes([(FIN if fin else 0) | bits | opcode]) + length + KEY + masked(data)


def masked(data: bytes) -> bytes:
    key = (KEY * (len(data) // 4 + 1))[: len(data)]
    return (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(len(data), "big")


def close(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason)


def closed(code: int) -> Answer:
    return CLOSE, struct.pack("!H", code)


def deflated(data: bytes) -> bytes:
    """Return a message as RFC 7692 compresses it, from an empty window."""
    deflate = zlib.compressobj(wbits=-15)
    return (deflate.compress(data) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]


@dataclass(frozen=True, slots=True)
class Case:
    """`name` begins with the section it is about."""

    name: str
    sent: bytes
    answers: tuple[Answer, ...] = ()
    """Without a Close frame among them the connection is open behind them."""


def _echo(data: bytes, opcode: int = TEXT) -> Answer:
    return opcode, data


_HALF = "\u20ac".encode()
BAD_UTF8 = {
    "lone continuation": b"\x80",
    "cut short": b"ab\xe2\x82",
    "overlong": b"\xc0\xaf",
    "overlong nul": b"\xe0\x80\x80",
    "surrogate": b"\xed\xa0\x80",
    "above U+10FFFF": b"\xf4\x90\x80\x80",
    "five bytes": b"\xf8\x88\x80\x80\x80",
    "0xFF": b"\xff",
}

FRAMING = [
    Case("5.1 a frame without a mask", b"\x81\x02hi", (closed(1002),)),
    Case("5.1 a Close without a mask", b"\x88\x02\x03\xe8", (closed(1002),)),
    *(
        Case(f"5.2 reserved bit {bit:#x}", frame(TEXT, b"x", bits=bit), (closed(1002),))
        for bit in (RSV1, RSV2, RSV3, RSV1 | RSV2 | RSV3)
    ),
    *(
        Case(f"5.2 reserved opcode {opcode:#x}", frame(opcode, b"x"), (closed(1002),))
        for opcode in (0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF)
    ),
    Case("5.2 an empty text", frame(TEXT), (_echo(b""),)),
    Case("5.2 empty bytes", frame(BINARY), (_echo(b"", BINARY),)),
    *(
        Case(f"5.2 a text of {size}", frame(TEXT, b"x" * size), (_echo(b"x" * size),))
        for size in (1, 125, 126, 127, 128)
    ),
    Case(
        "5.2 the highest bit of a length", b"\x82\xff" + b"\xff" * 8 + KEY, (closed(1009),)
    ),
    Case("10.4 a frame above the limit", b"\x82\xff" + struct.pack("!Q", 2**40) + KEY,
         (closed(1009),)),
]  # fmt: skip

FRAGMENTS = [
    Case("5.4 two fragments", frame(TEXT, b"a", fin=False) + frame(CONT, b"b"), (_echo(b"ab"),)),
    Case(
        "5.4 empty fragments",
        frame(BINARY, fin=False) + frame(CONT, fin=False) + frame(CONT),
        (_echo(b"", BINARY),),
    ),
    Case(
        "5.4 many fragments",
        frame(TEXT, b"0", fin=False) + frame(CONT, b"1", fin=False) * 50 + frame(CONT, b"2"),
        (_echo(b"0" + b"1" * 50 + b"2"),),
    ),
    Case(
        "5.4 a ping between fragments",
        frame(TEXT, b"a", fin=False) + frame(PING, b"now") + frame(CONT, b"b"),
        ((PONG, b"now"), _echo(b"ab")),
    ),
    Case(
        "5.4 a pong between fragments",
        frame(TEXT, b"a", fin=False) + frame(PONG, b"?") + frame(CONT, b"b"),
        (_echo(b"ab"),),
    ),
    Case(
        "5.4 a Close between fragments",
        frame(TEXT, b"a", fin=False) + close(1000),
        (closed(1000),),
    ),
    Case("5.4 a continuation of nothing", frame(CONT, b"a"), (closed(1002),)),
    Case(
        "5.4 a new message inside another",
        frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"),
        (closed(1002),),
    ),
]  # fmt: skip

CONTROL = [
    Case("5.5.2 a ping is answered", frame(PING, b"data"), ((PONG, b"data"),)),
    Case("5.5.2 an empty ping", frame(PING), ((PONG, b""),)),
    Case("5.5.2 the longest ping", frame(PING, b"p" * 125), ((PONG, b"p" * 125),)),
    Case("5.5.3 a pong of its own", frame(PONG, b"unasked")),
    Case("5.5 a control frame of 126", frame(PING, b"p" * 126), (closed(1002),)),
    Case("5.5 a control frame in fragments", frame(PING, b"p", fin=False), (closed(1002),)),
    Case("5.5 a Close in fragments", frame(CLOSE, b"\x03\xe8", fin=False), (closed(1002),)),
    Case("5.5 a reserved bit on a ping", frame(PING, bits=RSV1), (closed(1002),)),
    Case("5.5.1 an empty Close", frame(CLOSE), ((CLOSE, b""),)),
    Case("5.5.1 a Close of one byte", frame(CLOSE, b"\x03"), (closed(1002),)),
    Case("5.5.1 the longest reason", close(1000, b"r" * 123), (closed(1000),)),
    Case("5.5.1 a reason that is no UTF-8", close(1000, b"\xc3\x28"), (closed(1007),)),
    Case("5.5.1 nothing counts behind a Close", close(1000) + frame(TEXT, b"x"), (closed(1000),)),
    *(
        Case(f"7.4 a Close with {code}", close(code), (closed(code),))
        for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
    ),
    *(
        Case(f"7.4 a Close with {code}", close(code), (closed(1002),))
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535)
    ),
]

TEXTS = [
    *(
        Case(f"8.1 {name}", frame(TEXT, data), (closed(1007),)) for name, data in BAD_UTF8.items()
    ),
    *(
        Case(
            f"8.1 {name}, over fragments",
            frame(TEXT, data[:1], fin=False) + frame(CONT, data[1:]),
            (closed(1007),),
        )
        for name, data in BAD_UTF8.items()
    ),
    *(
        Case(
            f"8.1 a character cut at {at}",
            frame(TEXT, _HALF[:at], fin=False) + frame(CONT, _HALF[at:]),
            (_echo(_HALF),),
        )
        for at in (0, 1, 2, 3)
    ),
    Case("8.1 the last code point", frame(TEXT, "\U0010ffff".encode()),
         (_echo("\U0010ffff".encode()),)),
    Case("8.1 bytes may be anything", frame(BINARY, b"\xff\x80"), (_echo(b"\xff\x80", BINARY),)),
]  # fmt: skip

COMPRESSED = [
    Case(
        "7692 6 a compressed text", frame(TEXT, deflated(b"aa" * 50), bits=RSV1), (_echo(b"aa" * 50),)
    ),
    Case("7692 6 one that is not", frame(TEXT, b"plain"), (_echo(b"plain"),)),
    Case(
        "7692 6 each begins anew",
        frame(TEXT, deflated(b"again" * 9), bits=RSV1) * 2,
        (_echo(b"again" * 9), _echo(b"again" * 9)),
    ),
    Case(
        "7692 6.1 the bit is on the first fragment",
        frame(TEXT, deflated(b"fragments")[:3], fin=False, bits=RSV1)
        + frame(CONT, deflated(b"fragments")[3:]),
        (_echo(b"fragments"),),
    ),
    Case(
        "7692 6.1 the bit on another fragment",
        frame(TEXT, b"a", fin=False) + frame(CONT, b"b", bits=RSV1),
        (closed(1002),),
    ),
    Case("7692 6 the bit on a ping", frame(PING, bits=RSV1), (closed(1002),)),
    Case(
        "7692 6 an invalid text, compressed",
        frame(TEXT, deflated(b"\xc3\x28"), bits=RSV1),
        (closed(1007),),
    ),
    Case(
        "7692 8 a small frame that becomes a large message",
        frame(BINARY, deflated(bytes(64 * 1024 * 1024)), bits=RSV1),
        (closed(1009),),
    ),
]  # fmt: skip
