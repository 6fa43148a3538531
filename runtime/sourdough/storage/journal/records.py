"""The journal's records as bytes (docs/journal.md has the tables). Pure.

A record is checked by two sums, both seeded with seat, epoch and use number of its segment, so that
what an earlier use or another file left behind is never taken for a record (invariant S8). The first covers the header,
which holds the second, of the payload: a record whose payload alone is damaged still names its
object.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING
from zlib import crc32

import msgspec

from sourdough.errors import StorageFormatError

if TYPE_CHECKING:
    from sourdough.storage.journal.disk import Buffer

FORMAT = 1
ALIGNMENT = 8

DEFLATED = 1
IN_PAGES_FILE = 2

_MAGIC = b"SDJR"
_SUM = struct.Struct("<I")
_SEED = struct.Struct("<IQQ")
# Behind the first sum: payload's sum, magic, format, type, flags, bytes of namespace, bytes of
# payload, seat, use, epoch, lsn, base, previous, synced, page size, pages; then id and namespace.
_FIELDS = struct.Struct("<I4sBBBBIIQQQQQQII")
# The same as it is read: the first sum in front.
_HEAD = struct.Struct("<I" + _FIELDS.format.removeprefix("<"))
_ID_BYTES = 32
_FIXED = _SUM.size + _FIELDS.size + _ID_BYTES
_PADDING = tuple(bytes(count) for count in range(ALIGNMENT))

_SEGMENT_MAGIC = b"SDJS"
_SEGMENT = struct.Struct("<4sHHIQQQQ16x")
SEGMENT_HEADER = _SUM.size + _SEGMENT.size


class RecordType(IntEnum):
    """What a record says."""

    COMMIT = 1
    MARK = 2
    CREATE = 3
    DELETE = 4
    INTENT = 5


@dataclass(frozen=True, slots=True)
class ObjectKey:
    """An object, as records name it."""

    namespace: str
    """Its storage name; for a facet, with the facet's numbers: "Counter.2.1"."""
    id: bytes

    def packed(self) -> bytes:
        """Return the end of the headers of this object's records."""
        return self.id + self.namespace.encode()

    @classmethod
    def unpacked(cls, packed: bytes) -> ObjectKey:
        return cls(packed[_ID_BYTES:].decode(), packed[:_ID_BYTES])


class Record(msgspec.Struct, frozen=True, gc=False):
    """One record of a segment."""

    type: int
    packed: bytes
    """`ObjectKey.packed()` of its object."""
    seat: int
    use: int
    epoch: int
    lsn: int
    base: int
    previous: int
    synced: int
    page_size: int
    pages: int
    flags: int
    payload: memoryview
    intact: bool
    """Whether the payload is what was written."""
    begin: int
    """Where in its segment the payload begins."""
    end: int
    """Where in its segment the next record begins."""

    @property
    def key(self) -> ObjectKey:
        return ObjectKey.unpacked(self.packed)


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """Which segment a file is at present."""

    seat: int
    epoch: int
    use: int
    oldest: int
    """Segments of lower use numbers were void when this one was made ready."""
    number: int
    """As in the file's name: a header that another file has left behind is none."""

    @property
    def seed(self) -> int:
        return seed_of(self.seat, self.epoch, self.use)


def seed_of(seat: int, epoch: int, use: int) -> int:
    """Return what the sums of a segment's records begin with: no other segment ever has it."""
    return crc32(_SEED.pack(seat, epoch, use))


def encode(
    seed: int,
    type_: int,
    packed: bytes,
    seat: int,
    use: int,
    epoch: int,
    lsn: int,
    base: int,
    previous: int,
    synced: int,
    page_size: int,
    pages: int,
    flags: int,
    payload: bytes,
) -> tuple[bytes, bytes]:
    """Return what stands before and behind the payload; by position, as it runs for each commit.

    packed: `ObjectKey.packed()`. seed: `seed_of(seat, epoch, use)`.
    """
    size = len(payload)
    fields = _FIELDS.pack(
        crc32(payload, seed), _MAGIC, FORMAT, type_, flags, len(packed) - _ID_BYTES, size,
        seat, use, epoch, lsn, base, previous, synced, page_size, pages,
    )  # fmt: skip
    fields += packed
    padding = _PADDING[-(_SUM.size + len(fields) + size) % ALIGNMENT]
    return _SUM.pack(crc32(fields, seed)) + fields, padding


def size_of(packed: bytes, payload_size: int) -> int:
    """Return how many bytes a record takes."""
    size = _FIXED + len(packed) - _ID_BYTES + payload_size
    return size + -size % ALIGNMENT


def decode(view: memoryview, offset: int, use: int, seed: int) -> Record | None:
    """Return the record at an offset of a segment, None where no valid header is.

    Raises StorageFormatError for a record of a newer format.
    """
    if len(view) < offset + _FIXED:
        return None
    (
        head_sum, payload_sum, magic, version, type_, flags, name_size, size, seat, record_use,
        epoch, lsn, base, previous, synced, page_size, pages,
    ) = _HEAD.unpack_from(view, offset)  # fmt: skip
    if magic != _MAGIC or record_use != use:
        return None
    begin = offset + _FIXED + name_size
    end = begin + size
    head = bytes(view[offset + _SUM.size : begin])
    if len(view) < end or crc32(head, seed) != head_sum:
        return None
    if version > FORMAT:
        raise StorageFormatError(
            f"the journal has records of format {version}, this version reads up to {FORMAT}",
            hint="upgrade Sourdough",
        )
    payload = view[begin:end]
    return Record(
        type_, head[_FIELDS.size :], seat, use, epoch, lsn, base, previous,
        synced, page_size, pages, flags, payload, crc32(payload, seed) == payload_sum,
        begin, end + -end % ALIGNMENT,
    )  # fmt: skip


def scan(
    data: Buffer, header: SegmentHeader, offset: int = SEGMENT_HEADER
) -> tuple[list[Record], int]:
    """Return a segment's records up to the first that is not valid, and where that would begin."""
    view = memoryview(data)
    seed = header.seed
    records: list[Record] = []
    while True:
        record = decode(view, offset, header.use, seed)
        if record is None or not record.intact:
            return records, offset
        records.append(record)
        offset = record.end


def find(data: bytes, header: SegmentHeader, offset: int) -> int | None:
    """Return where the next record with a valid header begins, at or behind an offset."""
    view = memoryview(data)
    seed = header.seed
    magic_at = _SUM.size * 2
    while (found := data.find(_MAGIC, offset + magic_at)) >= 0:
        offset = found - magic_at
        if offset % ALIGNMENT == 0 and decode(view, offset, header.use, seed) is not None:
            return offset
        offset += 1
    return None


def encode_segment(header: SegmentHeader) -> bytes:
    """Return the first bytes of a segment."""
    fields = _SEGMENT.pack(
        _SEGMENT_MAGIC,
        FORMAT,
        0,
        header.seat,
        header.epoch,
        header.use,
        header.oldest,
        header.number,
    )
    return _SUM.pack(crc32(fields)) + fields


def decode_segment(data: bytes) -> SegmentHeader | None:
    """Return which segment begins with these bytes; None for one that never was in use.

    Raises StorageFormatError for a newer format.
    """
    if len(data) < SEGMENT_HEADER:
        return None
    fields = data[_SUM.size : SEGMENT_HEADER]
    magic, version, _, seat, epoch, use, oldest, number = _SEGMENT.unpack(fields)
    if magic != _SEGMENT_MAGIC or crc32(fields) != _SUM.unpack_from(data)[0]:
        return None
    if version > FORMAT:
        raise StorageFormatError(
            f"the journal has segments of format {version}, this version reads up to {FORMAT}",
            hint="upgrade Sourdough",
        )
    return SegmentHeader(seat, epoch, use, oldest, number)
