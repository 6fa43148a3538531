"""Frames: any split of the bytes, the layout, limits, nonsense."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sourdough.errors import WireError
from sourdough.wire.frames import HEADER, MAX_PAYLOAD, FrameReader, encode

frames = st.lists(
    st.tuples(
        st.integers(0, 255), st.integers(0, 255), st.integers(0, 65_535),
        st.integers(0, 2**32 - 1), st.binary(max_size=60),
    ),
    max_size=12,
)  # fmt: skip


@given(frames, st.data())
def test_any_split_of_the_bytes_gives_the_same_frames(sent, data):
    """However the bytes arrive, the frames are the same."""
    stream = b"".join(encode(*frame) for frame in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    reader, got = FrameReader(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        got += reader.receive(stream[start:end])
    assert got == sent


def test_byte_by_byte():
    """A frame is complete with its last byte and not before."""
    reader = FrameReader()
    stream = encode(2, 1, 200, 7, b"payload")
    for byte in stream[:-1]:
        assert reader.receive(bytes([byte])) == []
    assert reader.receive(stream[-1:]) == [(2, 1, 200, 7, b"payload")]


def test_the_largest_payload_is_accepted():
    """The limit itself is fine."""
    frame = encode(3, 0, 0, 1, bytes(MAX_PAYLOAD))
    assert len(FrameReader().receive(frame)[0][4]) == MAX_PAYLOAD


def test_a_larger_payload_is_refused_before_it_is_buffered():
    """The length alone is enough to refuse a frame."""
    with pytest.raises(WireError, match="above the limit"):
        FrameReader().receive(HEADER.pack(MAX_PAYLOAD + 1, 3, 0, 0, 1))


def test_the_layout_of_a_frame():
    """The bytes of a frame are a format."""
    assert (
        encode(2, 1, 0x1234, 0x01020304, b"xy")
        == bytes.fromhex("00000002 02 01 1234 01020304") + b"xy"
    )
    assert HEADER.size == 12
    assert struct.calcsize(HEADER.format) == 12


@given(st.lists(st.binary(max_size=80), max_size=20))
def test_nonsense_never_raises_anything_but_wire_errors(chunks):
    """Whatever a peer sends, the reader stays in its own error."""
    reader = FrameReader()
    try:
        for chunk in chunks:
            for frame in reader.receive(chunk):
                assert len(frame[4]) <= MAX_PAYLOAD
    except WireError:
        pass
