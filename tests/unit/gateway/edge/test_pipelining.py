"""Several requests of one connection: one at a time, answered in order, bounded."""

from __future__ import annotations


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()


def test_requests_are_served_one_after_another(client):
    """The next request opens when the answer before it is complete."""
    client.send(_get("/1") + _get("/2") + _get("/3"))
    for path in (b"/1", b"/2", b"/3"):
        assert client.request.target == path
        client.request.on_head(200, b"", path, True)
    assert [line for line in client.take().split(b"\r\n") if line.startswith(b"/")] == [
        b"/1HTTP/1.1 200 OK",
        b"/2HTTP/1.1 200 OK",
        b"/3",
    ]


def test_error_waits_its_turn(client, bench):
    """The answer to a malformed second request does not overtake the first (data plane, bug 4)."""
    client.send(_get("/1") + b"nonsense\r\n\r\n")
    assert client.take() == b""
    client.request.on_head(200, b"", b"one", True)
    data = client.take()
    assert data.index(b"200 OK") < data.index(b"400 Bad Request")
    assert bench.statuses == [200, 400]
    assert client.over


def test_upload_behind_a_running_request_is_parsed_once(client, bench):
    """The head of a queued upload reaches the parser once (data plane, bug 5)."""
    upload = b"POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    client.send(_get("/1"), upload + b"3\r\nabc\r\n", b"2\r\nde\r\n", b"0\r\n\r\n" + _get("/3"))
    assert len(client.streams) == 1
    client.request.on_head(200, b"", b"", True)
    client.request.on_credit(100)
    assert client.stream.sent == [(b"abcde", True)]
    client.request.on_head(200, b"", b"", True)
    assert [stream.exchange.target for stream in client.streams] == [b"/1", b"/2", b"/3"]


def test_refused_upload_in_the_queue_is_never_opened(client, bench):
    """A queued upload that turns out malformed is answered 400 in its turn."""
    upload = b"POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    client.send(_get("/1") + upload)
    client.request.on_head(200, b"", b"", True)
    assert len(client.streams) == 1
    assert bench.statuses == [200, 400]


def test_queue_is_bounded(make_bench):
    """A client that sends requests without end is read no further than a few."""
    bench = make_bench(pipeline=4)
    client = bench.connect()
    flood = _get("/x") * 5000
    client.send(flood)
    assert not client.transport.reading
    assert bench.edge.number < 1000
    bench.echo()
    client.request.on_head(200, b"", b"", True)
    assert client.transport.reading
    assert bench.edge.number == 5000
    assert client.take().count(b"HTTP/1.1 200 OK") == 5000


def test_many_pipelined_answers_do_not_recurse(client, bench):
    """An upstream that answers at once is not called from within itself."""
    bench.echo()
    client.send(_get("/x") * 5000)
    assert bench.statuses == [200] * 5000


def test_slow_reader_gets_no_further_request_opened(client, bench):
    """While the client takes no answer, its next request waits."""
    bench.echo()
    client.connection.pause_writing()
    client.send(_get("/1"))
    assert client.streams == []
    client.connection.resume_writing()
    assert len(client.streams) == 1


def test_requests_behind_a_cut_answer_are_reported(client, bench):
    """Requests that never got their turn are counted, too."""
    client.send(_get("/1") + _get("/2"))
    client.request.on_head(200, b"content-length: 5\r\n", b"", False)
    client.request.on_data(b"x", True)
    client.leave()
    assert bench.statuses == [200, 499]
