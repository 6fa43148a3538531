"""Requests that have come before are taken without the parser, and are the same requests."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

GET = b"GET /a?b HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n\r\n"
ENOUGH = 20
"""So many times a request is sent until it is certainly known."""

POOL = [
    GET,
    b"GET /b HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
    b"\r\nHEAD /c HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /d HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    b"POST /f HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    b"POST /g HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n\r\n",
]


def _seen(exchange):
    return (
        exchange.method, exchange.target, exchange.host, exchange.headers, exchange.client,
        exchange.scheme, exchange.body, exchange.length, exchange.keep_alive, exchange.legacy,
        exchange.expects, exchange.body_complete,
    )  # fmt: skip


def _known(bench, request):
    for _ in range(ENOUGH):
        bench.connect().send(request)
    assert request in bench.edge.familiar.heads


def test_a_request_that_comes_again_is_the_same_request(bench):
    """On another connection as well; only number and time are its own."""
    bench.echo()
    _known(bench, GET)
    bench.clock.seconds += 5
    client = bench.connect(("192.0.2.9", 1))
    client.send(GET, GET)
    first, again = (stream.exchange for stream in (bench.upstream.streams[0], client.stream))
    assert _seen(again)[:4] == _seen(first)[:4]
    assert (again.client, again.started) == ("192.0.2.9", bench.clock.monotonic())
    assert again.number == first.number + ENOUGH + 1
    assert client.take().count(b"HTTP/1.1 200 OK") == 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    requests=st.lists(st.sampled_from(POOL), min_size=1, max_size=12),
    cuts=st.sets(st.integers(1, 400), max_size=6),
)
def test_what_is_known_changes_nothing(make_bench, requests, cuts):
    """Whole and cut up: the same requests and the same answers as where nothing is known."""
    knowing, strange = make_bench(), make_bench()
    knowing.echo()
    strange.echo()
    for request in POOL:
        for _ in range(ENOUGH):
            knowing.connect().send(request)
    before = len(knowing.upstream.streams)
    stream = b"".join(requests)
    edges = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    pieces = [*requests, *[stream[a:b] for a, b in pairwise(edges)]]
    one, other = knowing.connect(), strange.connect()
    one.send(*pieces)
    for piece in pieces:
        strange.edge.familiar.heads.clear()
        other.send(piece)
    assert one.take() == other.take()
    assert [_seen(stream.exchange) for stream in knowing.upstream.streams[before:]] == [
        _seen(stream.exchange) for stream in strange.upstream.streams
    ]
    assert one.over is other.over


def test_bytes_in_the_middle_of_a_request_are_not_one(bench):
    """A body that looks like a known request stays a body."""
    bench.echo()
    _known(bench, GET)
    client = bench.connect()
    client.send(b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(GET), GET)
    assert (client.request.target, client.request.body) == (b"/p", GET)


def test_a_trusted_proxy_is_read_in_its_own_way(make_bench):
    """What its headers say of the client is not what they say of anybody else's."""
    bench = make_bench(trusted_proxies=("10.0.0.0/8",))
    bench.echo()
    request = b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\n\r\n"
    _known(bench, request)
    proxy = bench.connect(("10.0.0.1", 1))
    proxy.send(request)
    assert proxy.request.scheme == "https"


def test_what_tells_more_than_a_head_is_not_remembered(bench):
    """Bodies, lengths, and connections that end are for the parser."""
    bench.echo()
    for request in (*POOL[3:7], GET.replace(b"X-A: 1", b"Connection: close"), b"GET bad\r\n\r\n"):
        for _ in range(ENOUGH):
            bench.connect().send(request)
    assert not bench.edge.familiar.heads


def test_memory_is_bounded(bench):
    """Clients that never repeat themselves cost no more than a few megabytes."""
    bench.echo()
    client = bench.connect()
    for number in range(9 * 4096):
        client.send(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number)
    assert 0 < len(bench.edge.familiar.heads) <= 4096
    long = GET.replace(b"X-A: 1", b"X-A: " + b"1" * 512)
    for _ in range(ENOUGH):
        client.send(long)
    assert long not in bench.edge.familiar.heads
