"""What may be sent, said at a close, attached, set and used as a tag."""

from __future__ import annotations

import pytest

from sourdough.sockets import WebSocketRequestResponsePair
from sourdough.sockets.limits import (
    checked_close,
    checked_event_timeout,
    checked_tags,
    from_payload,
    to_attachment,
    to_payload,
)


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1005 + 2, 1014, 1016, 2999, 3000, 4999])
def test_codes_that_may_be_sent(code):
    """semantics 7.13."""
    assert checked_close(code, None) == (code, "")


@pytest.mark.parametrize("code", [-1, 0, 999, 1004, 1005, 1006, 1015, 5000, 1 << 40])
def test_codes_that_may_not(code):
    """semantics 7.13."""
    with pytest.raises(ValueError, match=rf"^Invalid WebSocket close code: {code}\.$"):
        checked_close(code, "why")


@pytest.mark.parametrize("code", ["1000", 1000.0, True])
def test_codes_that_are_none(code):
    """semantics 7.13."""
    with pytest.raises(TypeError, match="close code is an int"):
        checked_close(code, None)


def test_reasons():
    """semantics 7.13: they need a code, and 123 bytes of UTF-8 at most."""
    assert checked_close(None, None) == (0, "")
    assert checked_close(1000, "\u00e9" * 61) == (1000, "\u00e9" * 61)
    with pytest.raises(ValueError, match="must not exceed 123 bytes of UTF-8; it has 124"):
        checked_close(1000, "\u00e9" * 62)
    with pytest.raises(TypeError, match="you must also specify a code"):
        checked_close(None, "why")
    with pytest.raises(TypeError, match="is a str"):
        checked_close(1000, b"why")


def test_tags():
    """semantics 7.2: ten that differ, of 256 characters."""
    ten = [str(number) for number in range(10)]
    assert checked_tags(["b", "a", "b"]) == ("b", "a")
    assert checked_tags(ten * 3) == tuple(ten)
    assert checked_tags(iter(["\u00e9" * 256])) == ("\u00e9" * 256,)
    with pytest.raises(ValueError, match="a Hibernatable WebSocket cannot have more than 10 tags"):
        checked_tags([*ten, "x"])
    long = "x" * 257
    with pytest.raises(ValueError, match=rf'^"{long}" is longer than the max tag length \(256'):
        checked_tags([long])
    for wrong in ("tag", [1]):
        with pytest.raises(TypeError, match="str"):
            checked_tags(wrong)


def test_messages():
    """semantics 7.14: copied at the call."""
    data = bytearray(b"as it was")
    payload, text = to_payload(data)
    data[:] = b"changed"
    assert (payload, text) == (b"as it was", False)
    assert to_payload("\u00e9") == (b"\xc3\xa9", True)
    assert to_payload(memoryview(b"abcd")[1:3]) == (b"bc", False)
    assert from_payload(b"\xc3\xa9", text=True) == "\u00e9"
    assert from_payload(b"\xc3", text=False) == b"\xc3"
    with pytest.raises(TypeError, match="str or bytes, not int"):
        to_payload(1)


def test_attachments():
    """semantics 7.5: the text says how many bytes it was."""
    assert len(to_attachment(bytes(16_380))) == 16_384
    sentence = (
        "A WebSocket 'attachment' cannot be larger than 16384 bytes.'attachment' was 16385 bytes."
    )
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        to_attachment(bytes(16_381))
    with pytest.raises(TypeError):
        to_attachment(object())


def test_automatic_answers():
    """semantics 7.6: 2,048 bytes each."""
    assert WebSocketRequestResponsePair("x" * 2048, "y" * 2048).response == "y" * 2048
    sentence = "Request cannot be larger than 2048 bytes. A request of size 2050 was provided."
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        WebSocketRequestResponsePair("\u00e9" * 1025, "")
    with pytest.raises(ValueError, match="Response cannot be larger than 2048 bytes"):
        WebSocketRequestResponsePair("", "x" * 2049)
    with pytest.raises(TypeError, match="is text, not bytes"):
        WebSocketRequestResponsePair(b"x", "y")


def test_event_timeouts():
    """semantics 7.7."""
    assert [checked_event_timeout(value) for value in (None, 0, 1, 604_800_000)] == [
        None, None, 1, 604_800_000,
    ]  # fmt: skip
    with pytest.raises(ValueError, match=r"Event timeout should not exceed 604800000 ms\."):
        checked_event_timeout(604_800_001)
    with pytest.raises(ValueError, match="negative"):
        checked_event_timeout(-1)
    with pytest.raises(TypeError, match="is an int"):
        checked_event_timeout(1.5)
