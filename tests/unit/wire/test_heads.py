"""Heads of requests and answers: they come back whole, or are refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sourdough.errors import WireError
from sourdough.wire.frames import MAX_PAYLOAD
from sourdough.wire.heads import Kind, RequestHead, decode_answer, encode_answer

FIELDS = (
    "kind", "key", "name", "method", "target", "client", "headers", "body", "flags", "number",
    "version", "epoch", "mount", "socket", "chain",
)  # fmt: skip

keys = st.builds(
    lambda namespace, raw: namespace.encode() + raw,
    st.text(max_size=20).filter(lambda text: len(text.encode()) < 256),
    st.binary(min_size=32, max_size=32),
)
small = st.binary(max_size=40)


@st.composite
def heads(draw):
    kind = draw(st.sampled_from([Kind.FETCH, Kind.CALL, Kind.ENTRY]))
    return RequestHead(
        kind=kind,
        key=b"" if kind == Kind.ENTRY else draw(keys),
        name=draw(st.none() | small),
        method=draw(small),
        target=draw(small),
        client=draw(small),
        headers=draw(small),
        body=draw(small),
        flags=draw(st.integers(0, 255)),
        number=draw(st.integers(0, 2**64 - 1)),
        version=draw(st.integers(0, 2**32 - 1)),
        epoch=draw(st.integers(0, 2**32 - 1)),
        mount=draw(st.integers(0, 2**16 - 1)),
        socket=draw(st.integers(0, 2**64 - 1)),
        chain=draw(small),
    )


def fields(head):
    return {field: getattr(head, field) for field in FIELDS}


@given(heads())
def test_a_request_head_comes_back(head):
    """Every field survives; no name and an empty name are two things."""
    assert fields(RequestHead.decode(head.encode())) == fields(head)


@given(heads(), st.data())
def test_a_request_head_cut_short_is_refused(head, data):
    """A head that ends before its parts do is nonsense."""
    payload = head.encode()
    cut = data.draw(st.integers(0, len(payload) - 1))
    with pytest.raises(WireError, match="cannot be read"):
        RequestHead.decode(payload[:cut])


@given(st.binary(max_size=200))
def test_nonsense_raises_wire_errors_only(payload):
    """Whatever comes as a head is read or refused."""
    for decode in (RequestHead.decode, decode_answer):
        with contextlib.suppress(WireError):
            decode(payload)


@given(small, small, small)
def test_an_answer_head_comes_back(block, body, note):
    """Header block, body and note survive."""
    assert decode_answer(encode_answer(block, body, note)) == (block, body, note)


@given(small, small, st.data())
def test_an_answer_head_cut_short_is_refused(block, note, data):
    """An answer that ends before its header block does is nonsense."""
    payload = encode_answer(block, b"", note)
    cut = data.draw(st.integers(0, len(payload) - 1))
    with pytest.raises(WireError, match="cannot be read"):
        decode_answer(payload[:cut])


def test_namespace_and_id_are_parts_of_the_key():
    """The key is the storage name and the id, side by side."""
    head = RequestHead(kind=Kind.CALL, key=b"Counter" + b"i" * 32, name=None, method=b"get")
    assert head.namespace == "Counter"
    assert head.id == b"i" * 32


@pytest.mark.parametrize(
    "parts",
    [
        {"target": b"/" * MAX_PAYLOAD},
        {"method": b"M" * MAX_PAYLOAD},
        {"headers": b"h" * MAX_PAYLOAD},
        {"body": b"b" * MAX_PAYLOAD},
    ],
)
def test_what_cannot_travel_is_the_senders_error(parts):
    """A head that the peer would drop the link for is never sent."""
    head = RequestHead(kind=Kind.ENTRY, key=b"", name=None, **{"method": b"GET", **parts})
    with pytest.raises(ValueError, match="too long"):
        head.encode()


def test_an_answer_that_cannot_travel_is_the_senders_error():
    """A header block above the limit never reaches the link."""
    with pytest.raises(ValueError, match="too long"):
        encode_answer(b"h" * MAX_PAYLOAD, b"")
