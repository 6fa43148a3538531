"""Control messages: any split of the bytes, both directions, nonsense."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sourdough.errors import WireError
from sourdough.wire.envelope import MessageReader, encode
from sourdough.wire.messages import (
    Ask,
    Assign,
    Exit,
    FromChild,
    Heartbeat,
    Known,
    LoadFailed,
    Ready,
    Release,
    SeatEntry,
    Table,
    ToChild,
)

TO_CHILD = [
    Table(version=3, seats=2, entries=(SeatEntry(1, 7, 4, "/run/h4.sock"),)),
    Assign(seat=1, epoch=9),
    Release(version=4, deadline=2.5),
    Ask(number=1, what="name", namespace="Counter", id=bytes(32)),
    Exit(),
]
FROM_CHILD = [
    Ready(pid=7),
    LoadFailed(error="SyntaxError: no", place="a.py:1"),
    Heartbeat(lag=0.1, latency=(1, 2, 3)),
    Known(objects=(("Counter", bytes(32), None, 1.5), ("Counter", bytes(32), "ü", 2.5))),
]


@pytest.mark.parametrize(
    ("types", "messages"), [(ToChild, TO_CHILD), (FromChild, FROM_CHILD)], ids=["to", "from"]
)
@given(data=st.data())
def test_any_split_of_the_bytes_gives_the_same_messages(types, messages, data):
    """However the bytes arrive, the messages are the same, in order."""
    stream = b"".join(encode(message) for message in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    reader, got = MessageReader(types), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        got += reader.receive(stream[start:end])
    assert got == messages


def test_messages_of_the_other_direction_are_refused():
    """A child cannot give orders."""
    with pytest.raises(WireError, match="cannot be read"):
        MessageReader(FromChild).receive(encode(Exit()))


def test_a_giant_message_is_refused_by_its_length():
    """Four bytes are enough to refuse it."""
    with pytest.raises(WireError, match="above the limit"):
        MessageReader(ToChild).receive(b"\xff\xff\xff\xff")


@given(st.binary(max_size=200))
def test_nonsense_raises_wire_errors_only(data):
    """Whatever comes is read or refused."""
    with contextlib.suppress(WireError):
        MessageReader(ToChild).receive(data)
