"""What of a request reaches the upstream."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"


def test_request_arrives_as_it_was_sent(client, bench):
    """Method, target, headers and host come through byte for byte."""
    client.send(
        b"DELETE /x%2Fy?q=a+b&q=%zz HTTP/1.1\r\nHost: ex.org:80\r\nX-A: 1\r\nx-a: \xfc 2\r\n\r\n"
    )
    request = client.request
    assert (request.method, request.target) == (b"DELETE", b"/x%2Fy?q=a+b&q=%zz")
    assert request.headers == b"Host: ex.org:80\r\nX-A: 1\r\nx-a: \xfc 2\r\n"
    assert (request.host, request.client, request.scheme) == (b"ex.org:80", "192.0.2.7", "http")
    assert (request.body, request.body_complete, request.length) == (b"", True, None)
    assert request.started == bench.clock.monotonic()
    assert request.request_id == "g1-1"


def test_numbers_rise_over_all_connections(bench):
    """Each request of a gateway has its own number."""
    bench.echo()
    for _ in range(3):
        bench.connect().send(GET + b"\r\n")
    assert [stream.exchange.number for stream in bench.upstream.streams] == [1, 2, 3]


def test_two_spaces_before_the_target(client):
    """The target is what the parser took for it, not what an offset finds (data plane, bug 2)."""
    client.send(b"GET  /x HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.request.target == b"/x"


@pytest.mark.parametrize(
    "name",
    ["Keep-Alive", "Proxy-Authorization", "proxy", "TE", "Trailer", "Proxy-Connection"],
)
def test_headers_of_the_hop_are_dropped(client, name):
    """What concerns this connection alone is not passed on."""
    client.send(GET + f"{name}: x\r\nX-B: 1\r\n\r\n".encode())
    assert client.request.headers == b"Host: a\r\nX-B: 1\r\n"


def test_headers_named_by_connection_are_dropped(client):
    """Connection names further headers of the hop (RFC 9110 7.6.1), but may not take the Host."""
    client.send(GET + b"X-Hop: 1\r\nConnection: x-hop, host, keep-alive\r\nX-B: 2\r\n\r\n")
    assert client.request.headers == b"Host: a\r\nX-B: 2\r\n"


def test_headers_that_only_resemble_framing_pass(client):
    """`x-content-length` is a header like any other (data plane, bug 1)."""
    client.send(GET + b"X-Content-Length: 9\r\nX-Transfer-Encoding: chunked\r\n\r\n")
    request = client.request
    assert (request.length, request.body_complete) == (None, True)
    assert b"X-Content-Length: 9\r\nX-Transfer-Encoding: chunked\r\n" in request.headers


def test_absolute_form_replaces_the_host(client):
    """The authority of an absolute target wins over the Host header (RFC 9112 3.2.2)."""
    client.send(b"GET http://real.org:81/p?q HTTP/1.1\r\nX: 1\r\nHost: other\r\n\r\n")
    request = client.request
    assert (request.target, request.host) == (b"/p?q", b"real.org:81")
    assert request.headers == b"Host: real.org:81\r\nX: 1\r\n"


def test_absolute_form_without_a_path(client):
    """An absolute target without a path means the root, with its query kept."""
    client.send(b"GET http://a?x=1 HTTP/1.0\r\n\r\n")
    assert (client.request.target, client.request.host) == (b"/?x=1", b"a")
    assert client.request.headers == b"Host: a\r\n"


def test_asterisk_form_is_answered_by_the_edge(client, bench):
    """`OPTIONS *` is about the server as a whole: no object is asked."""
    client.send(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.take() == b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    assert (client.streams, bench.statuses) == ([], [200])


def test_http_1_0_needs_no_host(client):
    """A request of HTTP/1.0 without Host is served."""
    client.send(b"GET /old HTTP/1.0\r\n\r\n")
    assert (client.request.target, client.request.host, client.request.headers) == (
        b"/old",
        b"",
        b"",
    )


def test_forwarding_headers_of_strangers_are_dropped(client):
    """Nobody but a trusted proxy may say who the client is."""
    client.send(
        GET
        + b"X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n"
        + b"X-Forwarded-Host: evil\r\nForwarded: for=1.2.3.4\r\n\r\n"
    )
    assert (client.request.headers, client.request.scheme) == (b"Host: a\r\n", "http")


def test_forwarding_headers_of_a_trusted_proxy_are_kept(make_bench):
    """A trusted proxy's word is passed on with its own address added."""
    client = make_bench(trusted_proxies=("10.0.0.0/8",)).connect(("10.1.2.3", 1))
    client.send(
        GET
        + b"X-Forwarded-For: 1.2.3.4\r\nx-forwarded-for: 5.6.7.8\r\nX-Forwarded-Proto: https\r\n\r\n"
    )
    assert client.request.scheme == "https"
    assert client.request.headers == (
        b"Host: a\r\nx-forwarded-for: 1.2.3.4, 5.6.7.8, 10.1.2.3\r\nx-forwarded-proto: https\r\n"
    )


def test_unix_peers_have_a_name(bench):
    """A client on a Unix socket has no address."""
    client = bench.connect("")
    client.send(GET + b"\r\n")
    assert client.request.client == "unix"


STREAM = (
    b"GET /a HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n\r\n"
    b"POST /b HTTP/1.1\r\nhost: b\r\nContent-Length: 5\r\n\r\nhello"
    b"\r\nPUT /c?d HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3;ext=1\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nX-Trailer: no\r\n\r\n"
    b"GET http://d/e HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
)


def _exchanges(bench, pieces):
    """Return what the upstream and the client saw of a stream of requests."""
    client = bench.connect()

    def answer(exchange):
        exchange.on_credit(1000)
        if exchange.body_complete:
            exchange.on_head(200, b"", exchange.body, True)

    bench.upstream.answer = answer
    for piece in pieces:
        client.send(piece)
        for stream in client.streams:
            if stream.ended:
                stream.exchange.on_head(200, b"", stream.received, True)
    seen = [
        (e.method, e.target, e.host, e.headers, e.body, e.length)
        for e in (stream.exchange for stream in client.streams)
    ]
    return seen, client.take(), client.over


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.sets(st.integers(1, len(STREAM) - 1), max_size=12))
def test_any_split_of_the_bytes_means_the_same(make_bench, cuts):
    """Where the network cuts the stream changes nothing."""
    edges = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[a:b] for a, b in pairwise(edges)]
    assert _exchanges(make_bench(), pieces) == _exchanges(make_bench(), [STREAM])


def test_byte_by_byte_means_the_same(make_bench):
    """The finest split of all, and what the stream does mean."""
    single = [STREAM[i : i + 1] for i in range(len(STREAM))]
    seen, answered, over = _exchanges(make_bench(), single)
    assert (seen, answered, over) == _exchanges(make_bench(), [STREAM])
    assert [target for _, target, *_ in seen] == [b"/a", b"/b", b"/c?d", b"/e"]
    assert b"\r\n\r\nabc0123456789abcdefHTTP/1.1 200" in answered
    assert over
