"""The journal's records as bytes."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sourdough.errors import StorageFormatError
from sourdough.storage.journal import records
from sourdough.storage.journal.records import (
    SEGMENT_HEADER,
    ObjectKey,
    RecordType,
    SegmentHeader,
    decode,
    decode_segment,
    encode,
    encode_segment,
    find,
    scan,
    size_of,
)

numbers = st.integers(0, 2**64 - 1)
small = st.integers(0, 2**32 - 1)
keys = st.builds(
    ObjectKey, st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,40}", fullmatch=True), st.binary(min_size=32, max_size=32)
)  # fmt: skip
contents = st.tuples(
    st.sampled_from(RecordType), keys, small, numbers, numbers, numbers, numbers, numbers, small,
    small, st.integers(0, 3), st.binary(max_size=300),
)  # fmt: skip


def header(use):
    return SegmentHeader(1, 7, use, 1, 1)


def written(use, content):
    """Return a record's bytes in a segment of a use number."""
    kind, key, seat, epoch, lsn, base, previous, synced, page_size, pages, flags, payload = content
    packed = key.packed()
    head, padding = encode(
        header(use).seed, kind, packed, seat, use, epoch, lsn, base, previous, synced, page_size,
        pages, flags, payload,
    )  # fmt: skip
    data = head + payload + padding
    assert len(data) == size_of(packed, len(payload))
    return data


def facts(record):
    """Return what was written, from what was read."""
    return (
        record.type, record.key, record.seat, record.epoch, record.lsn, record.base,
        record.previous, record.synced, record.page_size, record.pages, record.flags,
        bytes(record.payload),
    )  # fmt: skip


def segment(use, *parts):
    return encode_segment(header(use)) + b"".join(parts)


@given(st.lists(contents, max_size=5), small, st.binary(max_size=40))
def test_what_was_written_is_read(all_contents, use, rest):
    """Records come back whole and in order, whatever stands behind them."""
    data = segment(use, *(written(use, each) for each in all_contents), rest)
    found, end = scan(data, header(use))
    assert [facts(each) for each in found] == all_contents
    assert end == len(data) - len(rest)
    assert all(each.intact for each in found)


@given(st.lists(contents, min_size=1, max_size=4), small, st.data())
def test_a_changed_byte_ends_the_scan_in_front_of_its_record(all_contents, use, data):
    """No byte of a record can change unseen; what stands before it is read (invariant S5)."""
    parts = [written(use, each) for each in all_contents]
    which = data.draw(st.integers(0, len(parts) - 1))
    at = data.draw(st.integers(0, size_without_padding(all_contents[which]) - 1))
    changed = bytearray(parts[which])
    changed[at] ^= data.draw(st.integers(1, 255))
    parts[which] = bytes(changed)
    found, end = scan(segment(use, *parts), header(use))
    assert [facts(each) for each in found] == all_contents[:which]
    assert end == SEGMENT_HEADER + sum(map(len, parts[:which]))


def size_without_padding(content):
    return 112 + len(content[1].namespace) + len(content[-1])


@given(st.lists(contents, min_size=1, max_size=3), small, small)
def test_an_earlier_use_leaves_no_records(all_contents, use, other):
    """What an earlier use of a segment has left is never taken for a record (invariant S8)."""
    data = segment(use, *(written(other, each) for each in all_contents))
    assert scan(data, header(use))[0] == [] or use == other


@given(contents, contents, small, st.integers(0, 63))
def test_the_next_record_is_found_behind_damage(lost, content, use, garbage):
    """A hole hides nothing that stands behind it."""
    hole = bytes(len(written(use, lost)) + garbage * 8)
    data = segment(use, hole, written(use, content))
    found = find(data, header(use), SEGMENT_HEADER)
    assert found == SEGMENT_HEADER + len(hole)
    assert find(segment(use, hole), header(use), SEGMENT_HEADER) is None


def test_a_damaged_payload_still_names_its_object():
    """Header and payload have sums of their own."""
    key = ObjectKey("Counter", os.urandom(32))
    data = bytearray(written(3, (RecordType.COMMIT, key, 1, 7, 9, 0, 8, 0, 2048, 5, 0, b"x" * 99)))
    data[-10] ^= 1
    record = decode(memoryview(data), 0, 3, header(3).seed)
    assert record is not None
    assert not record.intact
    assert (record.key, record.lsn) == (key, 9)


def test_a_newer_record_is_refused_with_a_sentence(monkeypatch):
    """Formats are versioned from the first file (invariant S14)."""
    key = ObjectKey("Counter", bytes(32))
    monkeypatch.setattr(records, "FORMAT", 2)
    data = segment(1, written(1, (RecordType.MARK, key, 1, 1, 1, 0, 0, 0, 0, 0, 0, bytes(8))))
    newer = encode_segment(header(1))
    monkeypatch.setattr(records, "FORMAT", 1)
    with pytest.raises(StorageFormatError, match="format 2"):
        scan(data, header(1))
    with pytest.raises(StorageFormatError, match="format 2"):
        decode_segment(newer)


@given(small, numbers, numbers, numbers, numbers)
def test_a_segment_says_which_it_is(seat, epoch, use, oldest, number):
    """The header comes back; a torn one is none."""
    written_header = SegmentHeader(seat, epoch, use, oldest, number)
    data = encode_segment(written_header)
    assert decode_segment(data) == written_header
    assert decode_segment(data[:-1]) is None
    assert decode_segment(bytes(len(data))) is None
