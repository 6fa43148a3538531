"""Request bodies: collected when small, streamed by credit when not."""

from __future__ import annotations

KIB = 1024
LARGE = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n"
SMALL = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
EXPECT = b"Expect: 100-continue\r\n\r\n"
GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"


def test_small_body_is_collected(client):
    """A slow client occupies no object: the request opens when its body is here."""
    client.send(SMALL + b"\r\nhe", b"ll")
    assert client.streams == []
    client.send(b"o")
    request = client.request
    assert (request.body, request.body_complete, request.length) == (b"hello", True, 5)
    assert b"Content-Length" not in request.headers


def test_body_of_64_kib_is_collected_and_one_more_byte_is_not(bench):
    """The bound is where invariant D2 puts it."""
    for size, complete in ((64 * KIB, True), (64 * KIB + 1, False)):
        client = bench.connect()
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
        client.send(b"x" * size)
        assert client.request.body_complete is complete
        assert len(client.request.body) == (size if complete else 0)


def test_large_body_flows_by_credit(client):
    """Nothing of a streamed body is sent before credit, and never more than it."""
    client.send(LARGE + b"\r\n" + b"x" * 1000)
    request, stream = client.request, client.stream
    assert (request.body, request.body_complete, request.length) == (b"", False, 200_000)
    assert stream.sent == []
    request.on_credit(600)
    assert [len(chunk) for chunk, _ in stream.sent] == [600]
    request.on_credit(100_000)
    client.send(b"y" * 199_000)
    assert len(stream.received) == 100_600
    request.on_credit(200_000)
    assert stream.received == b"x" * 1000 + b"y" * 199_000
    assert [end for _, end in stream.sent].count(True) == 1
    assert stream.ended


def test_end_needs_no_credit(client):
    """An empty chunked body ends although no byte may be sent."""
    client.send(CHUNKED + b"\r\n")
    assert client.request.length is None
    client.send(b"0\r\n\r\n")
    assert client.stream.sent == [(b"", True)]


def test_reading_stops_when_credit_is_used_up(client):
    """A client that sends faster than the object reads is held back in the kernel."""
    client.send(LARGE + b"\r\n")
    for _ in range(5):
        client.send(b"x" * 16 * KIB)
    assert not client.transport.reading
    client.send(b"x" * 40_000)  # was on its way already
    buffered = client.request.upload.buffered
    assert buffered <= 96 * KIB
    client.request.on_credit(120_000)
    assert client.transport.reading
    assert len(client.stream.received) == 120_000


def test_small_declared_body_is_invited(client):
    """100 Continue is sent at once where the body is small enough to be collected."""
    client.send(SMALL + EXPECT)
    assert client.take() == GO_ON
    client.send(b"hello")
    assert client.request.body == b"hello"
    assert b"Expect" not in client.request.headers


def test_large_body_is_invited_by_credit(client):
    """100 Continue for a streamed body means that its object wants it; it is sent once."""
    client.send(LARGE + EXPECT)
    assert client.take() == b""
    client.request.on_credit(1000)
    client.request.on_credit(1000)
    assert client.take() == GO_ON


def test_body_that_comes_uninvited_is_not_invited(bench):
    """A client that did not wait needs no 100 Continue."""
    small, chunked = bench.connect(), bench.connect()
    small.send(SMALL + EXPECT + b"he")
    assert small.take() == b""
    chunked.send(CHUNKED + EXPECT + b"2\r\nhe\r\n")
    chunked.request.on_credit(1000)
    assert chunked.take() == b""


def test_no_invitation_where_there_is_no_body_or_no_1_1(bench):
    """Expect without a body, or in HTTP/1.0, means nothing."""
    for head in (b"GET / HTTP/1.1\r\nHost: a\r\n", b"POST / HTTP/1.0\r\nContent-Length: 5\r\n"):
        client = bench.connect()
        client.send(head + EXPECT)
        assert client.take() == b""


def test_answer_without_invitation_closes(client):
    """Whether the uninvited body comes cannot be known, so the connection ends."""
    client.send(LARGE + EXPECT)
    client.request.on_head(403, b"", b"", True)
    assert b"connection: close\r\n" in client.take()
    assert client.transport.half_closed


def test_invitation_waits_for_the_answer_before_it(client):
    """100 Continue never lands inside the answer to an earlier request."""
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + SMALL + EXPECT)
    client.request.on_head(200, b"", b"one", False)
    assert GO_ON not in client.take()
    client.request.on_data(b"two", True)
    assert client.take() == b"3\r\ntwo\r\n0\r\n\r\n" + GO_ON


def test_early_answer_closes_but_can_be_read(client):
    """An answer before the end of the body ends the connection without a reset."""
    client.send(LARGE + b"\r\nabc")
    client.request.on_head(403, b"", b"no", True)
    assert b"connection: close\r\n" in client.take()
    assert client.transport.half_closed
    client.send(b"x" * 100_000)
    assert client.connection.eof_received() is False


def test_unread_but_complete_body_keeps_the_connection(client):
    """An object need not read a body for the connection to go on."""
    client.send(CHUNKED + b"\r\n3\r\nabc\r\n0\r\n\r\n")
    client.request.on_head(200, b"", b"", True)
    assert client.take() == b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert len(client.streams) == 2


def test_broken_chunk_in_an_open_request_cancels_it(client, bench):
    """A body that turns out malformed is answered 400 while no answer has begun."""
    client.send(CHUNKED + b"\r\n3\r\nabc\r\n")
    client.send(b"zz\r\n")
    assert client.stream.cancelled
    assert client.status() == 400
    assert bench.statuses == [400]


def test_broken_chunk_during_the_answer_cuts_it(client, bench):
    """A body that turns out malformed while the answer streams cuts the answer."""
    client.send(CHUNKED + b"\r\n3\r\nabc\r\n")
    client.request.on_head(200, b"", b"x", False)
    client.take()
    client.send(b"zz\r\n")
    assert client.stream.cancelled
    assert (client.take(), client.transport.closed) == (b"", True)
    assert bench.statuses == [200]


def test_credit_and_answer_inside_open(client, bench):
    """An upstream may call back before `open` has returned."""

    def at_once(exchange):
        exchange.on_credit(10)
        exchange.on_head(200, b"", b"abc", False)

    bench.upstream.answer = at_once
    client.send(CHUNKED + b"\r\n3\r\nabc\r\n0\r\n\r\n")
    assert client.stream.sent == [(b"abc", True)]
    assert client.stream.consumed_bytes == 3


def test_trailers_reach_nobody(client):
    """Headers after a chunked body belong neither to their request nor to the next one."""
    client.send(CHUNKED + b"\r\n0\r\nX-Late: 1\r\nHost: b\r\n\r\n")
    assert client.request.headers == b"Host: a\r\n"
    client.request.on_head(200, b"", b"", True)
    client.send(b"GET / HTTP/1.1\r\nHost: c\r\n\r\n")
    assert (client.request.headers, client.request.length) == (b"Host: c\r\n", None)
