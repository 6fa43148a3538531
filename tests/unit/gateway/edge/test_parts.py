"""The small pure parts of the edge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sourdough.gateway.edge import answers, forwarded, framing, head
from sourdough.gateway.edge.upload import Upload


@given(
    st.lists(st.one_of(st.binary(min_size=1, max_size=20), st.integers(1, 30)), max_size=30),
    st.booleans(),
)
def test_upload_sends_what_came_within_credit(steps, complete):
    """What leaves is a prefix of what came, never longer than the credit, and complete when it is."""
    upload, came, credit, sent = Upload(), b"", 0, b""
    for step in steps:
        if isinstance(step, bytes):
            upload.add(step)
            came += step
        else:
            upload.grant(step)
            credit += step
        piece = upload.take()
        if piece is not None:
            assert piece[0]
            assert not piece[1]
            sent += piece[0]
        assert sent == came[:credit]
        assert upload.buffered == len(came) - len(sent)
    upload.complete = complete
    upload.grant(len(came))
    last = upload.take()
    sent += last[0] if last else b""
    assert sent == came
    assert upload.sent_end is complete
    assert upload.take() is None


@given(st.binary(max_size=60))
def test_blocks_that_pass_are_lines(block):
    """A block goes out only if it is whole lines, and none of them ends the head."""
    if framing.is_plain(block):
        lines = (b"\r\n" + block).split(b"\r\n")
        assert lines[-1] == b""
        assert all(lines[1:-1])
        assert not set(b"".join(lines)) & {0, 10, 13}


@given(
    st.lists(
        st.sampled_from(
            [b"a: 1", b"Content-Length: 5", b"X-Content-Length: 6", b"date: x", b"TRAILER: y"]
        ),
        max_size=5,
    )
)
def test_framing_headers_never_pass_as_plain(lines):
    """The quick look sends every block with framing in it to the close look."""
    block = b"".join(line + b"\r\n" for line in lines)
    if framing.is_plain(block):
        assert set(lines) <= {b"a: 1"}
    parsed = framing.read_block(block)
    assert parsed.length == (5 if b"Content-Length: 5" in lines else None)
    assert parsed.dated == (b"date: x" in lines)
    assert b"TRAILER" not in parsed.lines
    assert parsed.lines.count(b"X-Content-Length") == lines.count(b"X-Content-Length: 6")


@pytest.mark.parametrize("n", [0, 9, 2047, 2048, 10**9])
def test_length_line(n):
    """Prepared and other lengths look alike."""
    assert answers.length_line(n) == f"content-length: {n}\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("peer", "trusted"),
    [
        ("10.9.9.9", True),
        ("11.0.0.1", False),
        ("::1", True),
        ("::ffff:10.1.1.1", True),
        ("fe80::1%eth0", False),
        ("unix", False),
    ],
)
def test_trust_is_by_address(peer, trusted):
    """Only peers in a configured network may speak for others."""
    assert forwarded.is_trusted(peer, forwarded.parse_networks(("10.0.0.0/8", "::1"))) is trusted


def test_forwarded_gets_the_peer_in_its_own_syntax():
    """`Forwarded` is extended only where it was used; IPv6 is quoted (RFC 7239)."""
    headers, scheme = forwarded.relay([(b"Forwarded", b"for=1.2.3.4;proto=https")], "::1")
    assert dict(headers) == {
        b"forwarded": b'for=1.2.3.4;proto=https, for="[::1]"',
        b"x-forwarded-for": b"::1",
    }
    assert scheme == "http"


def test_spellings_remembered_are_bounded():
    """Header names that a client invents do not pile up."""
    for n in range(10_000):
        assert head.kind_of(b"X-%d" % n) == head.Kind.PLAIN
    assert head.kind_of(b"hOsT") == head.Kind.HOST
    assert head.kind_of(b"PROXY-" + b"x" * 100) == head.Kind.DROPPED
    assert len(head.SPELLINGS) <= 4096
