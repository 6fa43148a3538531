"""The CBOR tags (RFC 8949) that stored values use; numbers are format and never change meaning.

Standard tags are used where they keep a value exactly. The others are ours, from the range that
IANA gives out first come, first served:

    28, 29   shared value, reference to one       258     set
    37       UUID                                 43000   complex
    0x5300   tuple: array                         0x5301  frozenset: array
    0x5302   datetime: ISO 8601 text              0x5303  date: ISO 8601 text
    0x5304   time: ISO 8601 text                  0x5305  timedelta: [days, seconds, microseconds]
    0x5306   Decimal: its text                    0x5307  what is passed by reference, never stored

A datetime or time with `fold` set is the array [text, 1] instead of the text.

CBOR's own date and decimal tags (0, 4, 1004) are read but not written: they have no naive times,
no offsets with seconds, no NaN that stays a Decimal and no negative zero.
"""

from __future__ import annotations

SHARED = 28
REFERENCE = 29
UUID = 37
SET = 258
TUPLE = 0x5300
FROZENSET = 0x5301
DATETIME = 0x5302
DATE = 0x5303
TIME = 0x5304
TIMEDELTA = 0x5305
DECIMAL = 0x5306
REMOTE = 0x5307

# Major types of CBOR, already in the three high bits of the first byte.
ARRAY_MAJOR = 0x80
MAP_MAJOR = 0xA0
TAG_MAJOR = 0xC0


def head(major: int, argument: int) -> bytes:
    """Return the head of a CBOR item: its major type and the shortest form of its argument."""
    if argument < 24:
        return bytes((major | argument,))
    for code, size in ((24, 1), (25, 2), (26, 4)):
        if argument < 1 << 8 * size:
            return bytes((major | code,)) + argument.to_bytes(size, "big")
    return bytes((major | 27,)) + argument.to_bytes(8, "big")
