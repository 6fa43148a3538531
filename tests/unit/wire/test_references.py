"""Messages about references, however the stream of bytes is cut."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sourdough.errors import WireError
from sourdough.wire.references import (
    Cancel,
    Ended,
    Invoke,
    Item,
    MessageReader,
    Pull,
    Raised,
    Release,
    Returned,
    encode,
)

numbers = st.integers(0, 2**53)
data = st.binary(max_size=200)
messages = st.one_of(
    st.builds(Invoke, numbers, numbers, st.text(max_size=20), st.booleans(), data, data),
    st.builds(Returned, numbers, data),
    st.builds(Raised, numbers, data),
    st.builds(Cancel, numbers),
    st.builds(Release, numbers),
    st.builds(Pull, numbers, numbers),
    st.builds(Item, numbers, data),
    st.builds(Ended, numbers, data),
)


@settings(max_examples=60)
@given(st.lists(messages, max_size=8), st.lists(st.integers(1, 64), min_size=1, max_size=20))
def test_messages_arrive_as_they_were_sent(sent, cuts):
    """In order, and once, whatever the pieces."""
    stream = b"".join(encode(message) for message in sent)
    reader, found, position, number = MessageReader(), [], 0, 0
    while position < len(stream):
        size = cuts[number % len(cuts)]
        found += reader.receive(stream[position : position + size])
        position, number = position + size, number + 1
    assert found == sent


def test_a_message_that_is_none_drops_the_link():
    """A peer that speaks nonsense is not believed (WireError)."""
    with pytest.raises(WireError, match="cannot be read"):
        MessageReader().receive(b"\0\0\0\1\xc1")


def test_a_message_has_a_largest_size():
    """It is refused by its length, before it is kept in memory."""
    with pytest.raises(WireError, match="bytes"):
        MessageReader().receive((64 * 1024 * 1024).to_bytes(4, "big"))
