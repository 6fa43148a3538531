"""Time, slow clients and clients that leave."""

from __future__ import annotations

import pytest

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LARGE = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n"
SMALL = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"


def test_idle_connection_is_closed_in_silence(client, bench):
    """A connection without a request is closed without an answer, not a second too early."""
    bench.wait(75)
    assert not client.over
    bench.wait(2)
    assert (client.transport.closed, client.take(), bench.finished) == (True, b"", [])


def test_idle_time_counts_from_the_last_answer(client, bench):
    """Each answer starts the idle time anew; a request at work is not idle."""
    client.send(GET)
    bench.wait(500)
    assert not client.over
    client.request.on_head(200, b"", b"", True)
    bench.wait(75)
    assert not client.over
    bench.wait(2)
    assert client.over


@pytest.mark.parametrize("start", [b"GET /", b"GET / HTTP/1.1\r\nHost: a\r\nX-"])
def test_slow_head_gets_408(client, bench, start):
    """A head that trickles in is not waited for, however often a byte comes."""
    client.send(start)
    for _ in range(15):
        bench.wait(1)
        client.send(b"x")
    assert not client.over
    bench.wait(2)
    assert client.status() == 408
    assert client.over
    assert bench.statuses == [408]


def test_each_head_has_its_own_time(client, bench):
    """A head that began in the same read as another ended starts from zero."""
    bench.echo()
    client.send(GET[:5])
    bench.wait(10)
    client.send(GET[5:] + GET[:5])
    bench.wait(10)
    client.send(GET[5:])
    assert bench.statuses == [200, 200]


def test_slow_head_waits_its_turn_with_408(client, bench):
    """The 408 of a second request comes after the first answer."""
    client.send(GET + b"GET /2")
    bench.wait(20)
    assert client.take() == b""
    client.request.on_head(200, b"", b"", True)
    assert bench.statuses == [200, 408]


def test_slow_small_body_gets_408_in_all(client, bench):
    """A collected body has one time for the whole, so that no trickle stretches it."""
    client.send(SMALL + b"\r\n")
    for _ in range(4):
        bench.wait(7)
        client.send(b"x")
    assert not client.over
    bench.wait(4)
    assert client.status() == 408
    assert client.streams == []


def test_streamed_body_may_be_slow_if_it_goes_on(client, bench):
    """A streamed body is waited for as long as something comes, then answered 408."""
    client.send(LARGE)
    client.request.on_credit(200_000)
    for _ in range(5):
        bench.wait(25)
        client.send(b"x")
    assert not client.over
    bench.wait(32)
    assert client.stream.cancelled
    assert client.status() == 408


def test_client_held_back_by_the_object_is_not_slow(client, bench):
    """While nothing is read because there is no credit, no time runs against the client."""
    client.send(LARGE + b"x" * 100_000)
    bench.wait(300)
    assert not client.over
    client.request.on_credit(200_000)
    bench.wait(32)
    assert client.status() == 408


def test_client_that_waits_for_100_is_not_slow(client, bench):
    """Until it is invited, a client owes no body."""
    client.send(LARGE[:-2] + b"Expect: 100-continue\r\n\r\n")
    bench.wait(300)
    assert not client.over


def test_linger_is_bounded(client, bench):
    """A client that keeps sending after its refusal is dropped."""
    client.send(b"nonsense\r\n\r\n")
    assert not client.transport.closed
    bench.wait(5)
    assert client.transport.aborted


def test_credit_is_held_while_the_client_does_not_read(client):
    """An object is slowed down to the pace of the client that reads its answer."""
    client.send(GET)
    client.request.on_head(200, b"", b"abc", False)
    assert client.stream.consumed_bytes == 3
    client.connection.pause_writing()
    client.request.on_data(b"de", False)
    client.request.on_data(b"f", False)
    assert client.stream.consumed_bytes == 3
    client.connection.resume_writing()
    assert client.stream.consumed_bytes == 6


def test_client_that_does_not_read_is_dropped(client, bench):
    """An answer is not kept for ever for somebody who does not take it."""
    client.send(GET)
    client.request.on_head(200, b"", b"abc", False)
    client.connection.pause_writing()
    bench.wait(32)
    assert client.transport.aborted
    assert client.stream.cancelled
    client.leave()
    assert bench.finished[0][1] == 200
    assert "dropped" in bench.finished[0][3]


@pytest.mark.parametrize("streaming", [False, True])
def test_client_that_leaves_cancels_its_stream(client, bench, streaming):
    """After a client has left, nothing is written and nothing raises (data plane, bug 6)."""
    client.send(GET)
    request, stream = client.request, client.stream
    if streaming:
        request.on_head(200, b"", b"abc", False)
    client.leave()
    assert stream.cancelled
    request.on_head(200, b"", b"x", False)
    request.on_data(b"y", True)
    request.on_credit(1)
    request.on_fail(bench.failure(503, "host_lost", "The host was lost."))
    assert bench.statuses == [200 if streaming else 499]
    assert not bench.edge.connections


def test_write_between_the_close_and_its_notice_does_not_raise(client):
    """uvloop raises on a closed transport before it says that the connection is lost (bug 6)."""
    client.send(GET)
    client.transport.closed = True
    client.request.on_head(200, b"", b"x", False)
    client.request.on_data(b"y", True)
    client.connection.connection_lost(None)


@pytest.mark.parametrize(
    ("sent", "statuses"),
    [(b"", []), (GET[:9], []), (SMALL + b"\r\nhe", [499]), (LARGE + b"x", [499])],
)
def test_client_that_leaves_in_the_middle_of_a_request(client, bench, sent, statuses):
    """A request counts from its head on; half a head is none."""
    client.send(sent)
    client.leave()
    assert bench.statuses == statuses
    bench.wait(100)


def test_half_closed_client_gets_its_answers(client, bench):
    """Who closes its half after the requests still gets every answer."""
    client.send(GET + GET)
    assert client.connection.eof_received() is True
    client.request.on_head(200, b"", b"1", True)
    client.request.on_head(200, b"", b"2", True)
    data = client.take()
    assert data.count(b"HTTP/1.1 200 OK") == 2
    assert data.count(b"connection: close") == 1
    assert client.transport.closed


@pytest.mark.parametrize("sent", [b"", GET[:9], SMALL + b"\r\nhe", LARGE])
def test_half_closed_client_without_a_whole_request_is_gone(client, sent):
    """Nothing can come of a request whose rest will never be sent."""
    client.send(sent)
    assert client.connection.eof_received() is False


def test_end_of_input_during_a_streamed_answer_is_taken_for_leaving(client):
    """A closed browser tab ends its event stream at once (D7)."""
    client.send(GET)
    client.request.on_head(200, b"", b"event", False)
    assert client.connection.eof_received() is False


def test_drain_closes_what_is_idle_and_lets_the_rest_finish(bench):
    """A drain fails no request: the answer says close, queued requests are still served (D6)."""
    bench.upstream.answer = None
    idle, busy = bench.connect(), bench.connect()
    idle.send(GET)
    idle.request.on_head(200, b"", b"", True)
    busy.send(GET + GET)
    bench.edge.draining = True
    for client in (idle, busy):
        client.connection.drain()
    assert (idle.transport.closed, busy.over) == (True, False)
    busy.request.on_head(200, b"", b"", True)
    busy.request.on_head(200, b"", b"", True)
    assert busy.take().count(b"connection: close") == 1
    assert busy.transport.closed


def test_drain_gives_a_new_connection_a_moment(bench):
    """A client that was just accepted may have its first request on the way."""
    bench.echo()
    quick, silent = bench.connect(), bench.connect()
    bench.edge.draining = True
    for client in (quick, silent):
        client.connection.drain()
    bench.wait(1)
    quick.send(GET)
    assert b"connection: close" in quick.take()
    bench.wait(5)
    assert silent.transport.closed


def test_timeouts_hold_nobody_who_left(bench):
    """Every wait ends with its connection."""
    edge = bench.edge
    for sent in (b"", GET, GET[:4], LARGE, b"nonsense\r\n\r\n"):
        client = bench.connect()
        client.send(sent)
        client.leave()
    for timeout in (edge.idle, edge.heads, edge.bodies, edge.stalled, edge.closing):
        assert not timeout.waiting
