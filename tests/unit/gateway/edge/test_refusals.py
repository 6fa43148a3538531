"""What is refused, with which status; the smuggling corpus."""

from __future__ import annotations

import json

import pytest

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n"

MALFORMED = {
    "content-length and transfer-encoding": CHUNKED + b"Content-Length: 3\r\n\r\n0\r\n\r\n",
    "the same the other way round": POST
    + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two content-lengths": POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "two equal content-lengths": POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "content-length as a list": POST + b"Content-Length: 3, 3\r\n\r\nabc",
    "content-length with a sign": POST + b"Content-Length: +3\r\n\r\nabc",
    "negative content-length": POST + b"Content-Length: -3\r\n\r\nabc",
    "hexadecimal content-length": POST + b"Content-Length: 0x3\r\n\r\nabc",
    "empty content-length": POST + b"Content-Length:\r\n\r\n",
    "content-length beyond 64 bits": POST + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "chunk size not hexadecimal": CHUNKED + b"\r\ng\r\n",
    "chunk size with a prefix": CHUNKED + b"\r\n0x1\r\na\r\n",
    "chunk size with a sign": CHUNKED + b"\r\n-1\r\na\r\n",
    "chunk size with a space": CHUNKED + b"\r\n1 \r\na\r\n",
    "chunk size beyond 64 bits": CHUNKED + b"\r\nfffffffffffffffff\r\n",
    "chunk longer than its size": CHUNKED + b"\r\n1\r\nab\r\n0\r\n\r\n",
    "chunk ended by a bare line feed": CHUNKED + b"\r\n1\na\n0\n\n",
    "no chunk size": CHUNKED + b"\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked not last": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "two transfer-encodings": CHUNKED + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "folded header": GET + b"X: a\r\n b\r\n\r\n",
    "space before the colon": GET + b"X : a\r\n\r\n",
    "space before the first header": b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    "no header name": GET + b": a\r\n\r\n",
    "no colon": GET + b"X\r\n\r\n",
    "bare line feeds": b"GET / HTTP/1.1\nHost: a\n\n",
    "one bare line feed": GET + b"X: a\nY: b\r\n\r\n",
    "bare carriage return": GET + b"X: a\rY: b\r\n\r\n",
    "NUL in a value": GET + b"X: a\0b\r\n\r\n",
    "control character in a value": GET + b"X: a\x1bb\r\n\r\n",
    "DEL in a value": GET + b"X: a\x7fb\r\n\r\n",
    "NUL in a name": GET + b"X\0: a\r\n\r\n",
    "NUL in the target": b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n",
    "non-ASCII target": b"GET /\xfc HTTP/1.1\r\nHost: a\r\n\r\n",
    "fragment in the target": b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
    "relative target": b"GET a HTTP/1.1\r\nHost: a\r\n\r\n",
    "asterisk without OPTIONS": b"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
    "another scheme": b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "absolute target without a host": b"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n",
    "absolute target with a user": b"GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": GET + b"Host: a\r\n\r\n",
    "host with a path": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "host with a space": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "host with a user": b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
    "host list": b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
    "lower-case method": b"get / HTTP/1.1\r\nHost: a\r\n\r\n",
    "unknown method": b"FROB / HTTP/1.1\r\nHost: a\r\n\r\n",
    "unknown version": b"GET / HTTP/1.2\r\nHost: a\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "noise": b"\xff\xfe\xfd",
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("split", [False, True], ids=["whole", "bytewise"])
def test_malformed_requests_get_400_and_close(client, bench, data, split):
    """Nothing that can be read in two ways is answered by anybody but the edge."""
    client.send(*([data[i : i + 1] for i in range(len(data))] if split else [data]))
    assert client.status() == 400
    assert client.over
    assert all(stream.cancelled or stream.exchange.done for stream in client.streams)
    assert bench.statuses == [400]


@pytest.mark.parametrize(
    ("status", "data"),
    [
        (413, POST + b"Content-Length: 3001\r\n\r\n"),
        (413, CHUNKED + b"\r\nbb9\r\n" + b"x" * 3001),
        (414, b"GET /" + b"x" * 1000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
        (414, b"GET /" + b"x" * 60_000),
        (417, POST + b"Expect: 200-ok\r\nContent-Length: 3\r\n\r\n"),
        (431, GET + b"X: " + b"x" * 5000 + b"\r\n\r\n"),
        (431, GET + b"X: " + b"x" * 60_000),
        (431, GET + b"X-" + b"x" * 60_000),
        (431, GET + b"".join(b"X-%d: 1\r\n" % n for n in range(60)) + b"\r\n"),
        (431, CHUNKED + b"\r\n1\r\na\r\n0\r\nX: " + b"x" * 60_000),
        (431, CHUNKED + b"\r\n1;" + b"x" * 60_000),
        (501, b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"),
        (501, b"CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n"),
        (501, GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"),
        (501, POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        (505, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
        (505, b"GET / HTTP/2.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"),
        (505, b"GET /\r\n\r\n"),
    ],
)
@pytest.mark.parametrize("step", [10**6, 997], ids=["whole", "split"])
def test_refusals_by_status(make_bench, status, data, step):
    """Each limit and each thing that is not supported has its status, wherever the cuts are."""
    bench = make_bench(body=3000, target=900, head=4000, headers=50)
    client = bench.connect()
    client.send(*(data[i : i + step] for i in range(0, len(data), step)))
    assert client.status() == status
    assert client.over
    assert bench.statuses == [status]


@pytest.mark.parametrize(
    "data",
    [
        GET + b"X: " + b"x" * 3900 + b"\r\n\r\n",
        b"GET /" + b"x" * 899 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        GET + b"".join(b"X-%d: 1\r\n" % n for n in range(49)) + b"\r\n",
        POST + b"Content-Length: 3000\r\n\r\n" + b"x" * 3000,
    ],
)
def test_limits_are_not_reached_early(make_bench, data):
    """What is just within a limit is served."""
    bench = make_bench(body=3000, target=900, head=4000, headers=50)
    bench.echo()
    client = bench.connect()
    client.send(data)
    assert client.status() == 200


def test_error_answers_say_what_happened(client):
    """An error is a sentence, a hint and the request's id; never a stack trace."""
    client.send(GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
    head, _, body = client.take().partition(b"\r\n\r\n")
    answer = json.loads(body)
    assert head == (
        b"HTTP/1.1 501 Not Implemented\r\ncontent-type: application/json\r\n"
        b"x-request-id: %b\r\nconnection: close\r\ncontent-length: %d"
        % (answer["request_id"].encode(), len(body))
    )
    assert "WebSocket" in answer["error"]
    assert answer["hint"].startswith("Send the request without")
    assert answer["request_id"].startswith("g1-")


def test_tls_is_recognised(client):
    """Who speaks TLS to this port learns that it is plain HTTP."""
    client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    assert b"http://" in client.take()


def test_bytes_after_a_refusal_are_read_and_ignored(client, bench):
    """The client gets to read its 400 while it is still sending (no reset), and nothing more."""
    client.send(b"nonsense\r\n\r\n")
    assert client.status() == 400
    assert client.transport.half_closed
    assert not client.transport.closed
    client.send(GET + b"\r\n", b"more")
    assert (client.take(), bench.statuses) == (b"", [400])
    assert client.connection.eof_received() is False
