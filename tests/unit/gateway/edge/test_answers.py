"""How answers look on the wire."""

from __future__ import annotations

import pytest

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
GET_1_0 = b"GET / HTTP/1.0\r\n\r\n"
KEPT_1_0 = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"


def _answer(client, request, *answer):
    client.send(request)
    client.request.on_head(*answer)
    return client.take()


def test_answer_is_one_write_with_a_date(client, bench):
    """Status line, date, block, length and body leave together."""
    client.send(GET)
    client.request.on_head(200, b"a: 1\r\nset-cookie: x\r\nset-cookie: y\r\n", b"body", True)
    assert client.transport.writes == 1
    assert client.transport.written == (
        b"HTTP/1.1 200 OK\r\ndate: Tue, 14 Nov 2023 22:30:00 GMT\r\n"
        b"a: 1\r\nset-cookie: x\r\nset-cookie: y\r\ncontent-length: 4\r\n\r\nbody"
    )
    bench.wait(61)
    client.take()
    client.send(GET)
    client.request.on_head(200, b"", b"", True)
    assert b"date: Tue, 14 Nov 2023 22:31:01 GMT\r\n" in client.transport.written


@pytest.mark.parametrize("status", [299, 499, 599, 999])
def test_status_without_a_name(client, status):
    """A status that no registry knows is sent with an empty phrase."""
    assert _answer(client, GET, status, b"", b"", True).startswith(b"HTTP/1.1 %d \r\n" % status)


FRAMED = [
    (GET, 204, b"", b"", b"204 No Content\r\n\r\n"),
    (GET, 204, b"a: 1\r\n", b"junk", b"204 No Content\r\na: 1\r\n\r\n"),
    (GET, 204, b"content-length: 0\r\n", b"", b"204 No Content\r\n\r\n"),
    (GET, 304, b"etag: x\r\n", b"", b"304 Not Modified\r\netag: x\r\n\r\n"),
    (GET, 304, b"content-length: 7\r\n", b"", b"304 Not Modified\r\ncontent-length: 7\r\n\r\n"),
    (HEAD, 200, b"", b"hello", b"200 OK\r\ncontent-length: 5\r\n\r\n"),
    (HEAD, 200, b"", b"", b"200 OK\r\n\r\n"),
    (HEAD, 200, b"Content-Length: 9\r\n", b"", b"200 OK\r\ncontent-length: 9\r\n\r\n"),
    (GET, 200, b"Content-Length: 2\r\n", b"ok", b"200 OK\r\ncontent-length: 2\r\n\r\nok"),
    (
        GET, 200, b"x-content-length: 9\r\n", b"ok",
        b"200 OK\r\nx-content-length: 9\r\ncontent-length: 2\r\n\r\nok",
    ),
    (
        GET, 200, b"connection: close\r\ntransfer-encoding: chunked\r\nkeep-alive: 5\r\n", b"ok",
        b"200 OK\r\ncontent-length: 2\r\n\r\nok",
    ),
    (
        KEPT_1_0, 200, b"", b"ok",
        b"200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok",
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", FRAMED, ids=repr)
def test_framing_and_keep_alive(client, case):
    """Each answer is framed by its status and method alone, and the connection goes on."""
    *asked, expected = case
    assert _answer(client, *asked, True) == b"HTTP/1.1 " + expected
    assert not client.over
    client.send(GET)
    assert len(client.streams) == 2


def test_date_of_the_handler_is_kept(client):
    """An answer has one Date: the handler's, where it set one."""
    client.send(GET)
    client.request.on_head(200, b"Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n", b"", True)
    assert client.transport.written.lower().count(b"date: ") == 1
    assert b"Mon, 01 Jan 2024" in client.transport.written


@pytest.mark.parametrize(
    "request_", [GET_1_0, GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")]
)
def test_connection_close_is_honoured(client, request_):
    """The connection is closed after the answer when the client wants it so."""
    assert b"\r\nconnection: close\r\n" in _answer(client, request_, 200, b"", b"x", True)
    assert client.transport.closed


def test_bytes_after_a_closing_request_are_ignored(client, bench):
    """A request after `Connection: close` is none (and no 400 follows the answer)."""
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + GET)
    assert len(client.streams) == 1
    client.request.on_head(200, b"", b"", True)
    assert client.status() == 200
    assert bench.statuses == [200]


def test_streamed_answer_is_chunked(client, bench):
    """A body of unknown length goes out in chunks; an empty piece does not end it."""
    head = _answer(client, GET, 200, b"a: 1\r\n", b"one", False)
    assert head == b"HTTP/1.1 200 OK\r\na: 1\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n"
    client.request.on_data(b"", False)
    client.request.on_data(b"0123456789abcdef", False)
    assert client.take() == b"10\r\n0123456789abcdef\r\n"
    assert client.stream.consumed_bytes == 19
    assert bench.finished == []
    client.request.on_data(b"end", True)
    assert client.take() == b"3\r\nend\r\n0\r\n\r\n"
    assert bench.statuses == [200]
    assert not client.over


def test_streamed_answer_with_its_length(client):
    """A body whose length the handler knows is sent without chunks."""
    head = _answer(client, GET, 200, b"content-length: 6\r\n", b"", False)
    assert head == b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n"
    client.request.on_data(b"abc", False)
    client.request.on_data(b"def", True)
    assert client.take() == b"abcdef"
    assert not client.over


@pytest.mark.parametrize("pieces", [[(b"abc", True)], [(b"abcdefg", False)], [(b"", True)]])
def test_wrong_length_closes_the_connection(client, bench, pieces):
    """Another amount than declared is never made to look right."""
    _answer(client, GET, 200, b"content-length: 6\r\n", b"", False)
    for piece in pieces:
        client.request.on_data(*piece)
    assert client.take() == b""
    assert client.transport.closed
    assert client.stream.cancelled
    assert "declared" in bench.finished[0][3]


def test_wrong_length_of_a_whole_body_is_an_error_answer(client):
    """While nothing is sent, a contradiction is answered with 500."""
    client.send(GET)
    client.request.on_head(200, b"content-length: 6\r\n", b"abc", True)
    assert client.status() == 500


@pytest.mark.parametrize(
    ("status", "block"),
    [
        (200, b"a: 1\r\n\r\nHTTP/1.1 200 OK\r\n"),
        (200, b"a: 1\nb: 2\r\n"),
        (200, b"a: 1\rb: 2\r\n"),
        (200, b"a: \0\r\n"),
        (200, b"a: 1"),
        (200, b"\r\n"),
        (200, b"date\r\n"),
        (200, b"content-length: x\r\n"),
        (200, b"content-length: 1\r\ncontent-length: 2\r\n"),
        (101, b""),
        (99, b""),
        (1000, b""),
    ],
)
@pytest.mark.parametrize("end", [True, False])
def test_unsound_heads_become_500(client, status, block, end):
    """A head that would split the answer never reaches the wire."""
    client.send(GET)
    client.request.on_head(status, block, b"", end)
    assert client.status() == 500
    assert not client.over


def test_streamed_answer_to_http_1_0_ends_with_the_connection(client):
    """HTTP/1.0 has no chunks: the end of the connection is the end of the body."""
    head = _answer(client, KEPT_1_0, 200, b"", b"abc", False)
    assert head == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc"
    client.request.on_data(b"def", True)
    assert client.take() == b"def"
    assert client.transport.closed


@pytest.mark.parametrize(("request_", "status"), [(HEAD, 200), (GET, 204), (GET, 304)])
def test_stream_for_nobody_is_cancelled(client, request_, status):
    """A streamed body that must not be sent is not waited for."""
    _answer(client, request_, status, b"", b"first", False)
    assert client.stream.cancelled
    client.request.on_data(b"late", True)
    assert client.take() == b""
    assert not client.over


def test_stream_for_nobody_is_cancelled_even_if_it_answers_inside_open(client, bench):
    """A stream that is given up before the edge has hold of it is cancelled as soon as it has."""
    bench.upstream.answer = lambda exchange: exchange.on_head(200, b"", b"x", False)
    client.send(HEAD)
    assert client.stream.cancelled


def test_early_hints_precede_the_answer(client):
    """An interim answer has no body and ends nothing; 100 is not the handler's to send."""
    client.send(GET)
    client.request.on_head(100, b"", b"", False)
    client.request.on_head(103, b"link: </x>\r\n", b"", False)
    client.request.on_head(200, b"", b"", True)
    assert client.take() == (
        b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    )


def test_http_1_0_gets_no_interim_answer(client):
    """HTTP/1.0 would take an interim answer for the answer."""
    client.send(GET_1_0)
    client.request.on_head(103, b"", b"", False)
    assert client.take() == b""


def test_failure_before_the_head_is_an_answer(client, bench):
    """A lost host gives 503 with Retry-After, and the connection goes on (D3)."""
    client.send(GET)
    client.request.on_fail(bench.failure(503, "host_lost", "The host was lost.", None, 2))
    data = client.take()
    assert data.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"\r\nretry-after: 2\r\n" in data
    assert not client.over
    assert bench.finished[0][1:] == (503, 0.0, "The host was lost.")


def test_failure_answer_to_head_has_no_body(client, bench):
    """Errors obey the framing of HEAD, too."""
    client.send(HEAD)
    client.request.on_fail(bench.failure(503, "host_lost", "The host was lost."))
    assert client.take().endswith(b"\r\n\r\n")


@pytest.mark.parametrize("block", [b"", b"content-length: 6\r\n"])
def test_failure_in_the_middle_cuts_the_body(client, bench, block):
    """A body cut short never gets a final chunk (D3)."""
    _answer(client, GET, 200, block, b"abc", False)
    client.request.on_fail(bench.failure(503, "host_lost", "The host was lost."))
    assert client.take() == b""
    assert client.transport.closed
    assert bench.finished[0][1:] == (200, 0.0, "The host was lost.")


def test_failure_in_the_middle_resets_where_the_end_means_complete(client, bench):
    """A body that ends with the connection is cut by a reset, which is no end."""
    _answer(client, GET_1_0, 200, b"", b"abc", False)
    client.request.on_fail(bench.failure(503, "host_lost", "The host was lost."))
    assert client.transport.aborted


def test_nothing_follows_the_end(client, bench):
    """Whatever an upstream says after the end is ignored."""
    _answer(client, GET, 200, b"", b"", True)
    client.request.on_head(200, b"", b"", True)
    client.request.on_data(b"x", True)
    client.request.on_credit(5)
    client.request.on_fail(bench.failure(503, "host_lost", "The host was lost."))
    assert client.take() == b""
    assert bench.statuses == [200]


async def test_upstream_that_raises_gives_500(client, bench):
    """A defect while opening ends neither the connection nor the server."""
    import asyncio

    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

    def defect(_):
        raise LookupError("no route")

    bench.upstream.answer = defect
    client.send(GET)
    assert client.status() == 500
    assert isinstance(reported[0]["exception"], LookupError)
    assert not client.over


def test_finished_tells_the_seconds(client, bench):
    """The time of a request runs from its head to the last byte of its answer."""
    client.send(GET)
    bench.wait(3)
    client.request.on_head(200, b"", b"", True)
    exchange, status, seconds, error = bench.finished[0]
    assert (exchange, status, seconds, error) == (client.request, 200, 3.0, None)
    assert exchange.done


def test_remembered_blocks_are_bounded(client, bench):
    """Blocks that differ in every answer do not pile up."""
    for n in range(3000):
        _answer(client, GET, 200, b"etag: %d\r\n" % n, b"", True)
    _answer(client, GET, 200, b"etag: %b\r\n" % (b"x" * 600), b"", True)
    assert len(bench.edge.openings.plain) <= 1024
    assert all(len(block) <= 512 for _, block in bench.edge.openings.plain)
