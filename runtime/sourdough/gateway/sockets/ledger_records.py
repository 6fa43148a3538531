"""The records of a gateway's ledger: bytes <-> what was noted. No input or output.

    header | length u32 | checksum u32 | record (msgpack) | length ...        big endian

A record that is not whole, or not what its checksum says, ends the ledger: whoever wrote it died
there. What comes behind it is ignored.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING
from zlib import crc32

import msgspec

from sourdough.wire.sockets import Held, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

HEADER = b"sourdough sockets 1\n"
_PREFIX = struct.Struct("!II")


class Bound(msgspec.Struct, frozen=True, array_like=True, tag=True, gc=False):
    """A socket hibernates, as `held`; told again when more is known of it."""

    held: Held


class Attached(msgspec.Struct, frozen=True, array_like=True, tag=True, gc=False):
    """A socket's attachment is another now."""

    socket: int
    attachment: bytes | None


class Gone(msgspec.Struct, frozen=True, array_like=True, tag=True, gc=False):
    """The object knows of a socket's end, or wants to know nothing of it."""

    socket: int


Record = Bound | Attached | Gone | Settings

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Record).decode


def encode(record: Record) -> bytes:
    """Return the bytes of a record."""
    data = _encode(record)
    return _PREFIX.pack(len(data), crc32(data)) + data


def encode_all(records: Iterable[Record]) -> bytes:
    """Return a whole ledger."""
    return HEADER + b"".join(map(encode, records))


class Noted:
    """What a ledger says."""

    def __init__(self) -> None:
        self.sockets: dict[int, Held] = {}
        self.settings: dict[bytes, Settings] = {}

    def take(self, record: Record) -> None:
        """Heed the next record."""
        if isinstance(record, Bound):
            self.sockets[record.held.socket] = record.held
        elif isinstance(record, Gone):
            self.sockets.pop(record.socket, None)
        elif isinstance(record, Settings):
            self.settings[record.key] = record
        else:
            held = self.sockets.get(record.socket)
            if held is not None:
                self.sockets[record.socket] = msgspec.structs.replace(
                    held, attachment=record.attachment
                )


def read(data: bytes) -> Noted:
    """Return what a ledger says, up to where it is damaged."""
    noted = Noted()
    if not data.startswith(HEADER):
        return noted
    at = len(HEADER)
    while at + _PREFIX.size <= len(data):
        length, checksum = _PREFIX.unpack_from(data, at)
        at += _PREFIX.size
        payload = data[at : at + length]
        if len(payload) < length or crc32(payload) != checksum:
            break
        try:
            noted.take(_decode(payload))
        except msgspec.MsgspecError:
            break
        at += length
    return noted
