"""The request for a WebSocket at the edge: what is refused, and who gets the connection."""

from __future__ import annotations

import pytest

KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
VERSION = b"Sec-WebSocket-Version: 13\r\n"
WANTS = b"Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
ASK = b"GET /x HTTP/1.1\r\n" + WANTS + KEY + VERSION + b"\r\n"


class Taker:
    """Takes a connection over and writes down what happens."""

    def __init__(self):
        self.log = []

    def connection_made(self, transport):
        self.log.append("made")

    def data_received(self, data):
        self.log.append(bytes(data))

    def drain(self):
        self.log.append("drain")

    def abort(self):
        self.log.append("abort")


@pytest.fixture
def taken(bench, client):
    """A client whose upgrade was opened upstream, and who would take it over."""
    client.transport.set_protocol = lambda protocol: None
    client.send(ASK)
    taker = Taker()
    client.request.upgrade.take_over = lambda lines: (
        client.request.upgrade.accept_lines + lines, taker
    )  # fmt: skip
    return taker


@pytest.mark.parametrize(
    ("status", "data"),
    [
        (426, b"GET / HTTP/1.1\r\n" + WANTS + KEY + b"\r\n"),
        (426, b"GET / HTTP/1.1\r\n" + WANTS + KEY + b"Sec-WebSocket-Version: 8\r\n\r\n"),
        (426, b"GET / HTTP/1.1\r\n" + WANTS + KEY + VERSION + VERSION + b"\r\n"),
        (400, b"GET / HTTP/1.1\r\n" + WANTS + VERSION + b"\r\n"),
        (400, b"GET / HTTP/1.1\r\n" + WANTS + VERSION + KEY + KEY + b"\r\n"),
        (400, b"GET / HTTP/1.1\r\n" + WANTS + VERSION + b"Sec-WebSocket-Key: !\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\n" + WANTS + VERSION + b"Sec-WebSocket-Key: YQ==\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\n" + WANTS + VERSION + KEY + b"\r\n"),
        (400, b"GET / HTTP/1.1\r\n" + WANTS + VERSION + KEY + b"Content-Length: 1\r\n\r\nx"),
        (501, b"GET / HTTP/1.0\r\n" + WANTS + VERSION + KEY + b"\r\n"),
        (501, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"),
        (501, b"GET / HTTP/1.1\r\n" + WANTS + b"Upgrade: h2c\r\n" + VERSION + KEY + b"\r\n"),
    ],
)
@pytest.mark.parametrize("step", [1, 1 << 20], ids=["split", "whole"])
def test_what_is_no_valid_upgrade_is_refused(client, status, data, step):
    """Before anybody upstream hears of it, wherever the cuts are."""
    client.send(*(data[i : i + step] for i in range(0, len(data), step)))
    assert client.status() == status
    assert client.streams == []
    assert client.over


def test_another_version_is_told_the_right_one(client):
    """RFC 6455 4.2.2, RFC 9110 15.5.22."""
    client.send(b"GET / HTTP/1.1\r\n" + WANTS + KEY + b"\r\n")
    head = client.take().partition(b"\r\n\r\n")[0]
    assert b"\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n" in head


def test_upgrade_without_connection_is_an_ordinary_request(client):
    """Only what Connection names is meant for this hop (RFC 9110 7.8)."""
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n" + KEY + VERSION + b"\r\n")
    assert client.request.upgrade is None
    assert b"Upgrade" not in client.request.headers


def test_the_connection_goes_to_whoever_takes_it(bench, client, taken):
    """With what came behind the request; the edge is out of it."""
    client.send(b"behind", b"it")
    client.request.on_head(101, b"x: 1\r\ncontent-length: 5\r\n", b"", True)
    assert client.take() == (
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
        b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nx: 1\r\n\r\n"
    )
    assert taken.log == ["made", b"behindit"]
    assert bench.edge.connections == {taken}
    assert bench.statuses == [101]
    bench.wait(1000)
    assert not client.transport.closed


def test_a_client_that_has_left_is_aborted_for_its_taker(client, taken):
    """The 101 was under way when the transport began to close."""
    client.transport.closed = True
    client.request.on_head(101, b"", b"", True)
    assert taken.log == ["abort"]


def test_a_101_with_broken_headers_is_an_error(client, taken):
    """As of any answer."""
    client.request.on_head(101, b"no colon\r\n", b"", True)
    assert client.status() == 500
    assert taken.log == []


def test_a_101_to_a_request_that_wants_no_web_socket_is_an_error(client):
    """There is nothing to switch to."""
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    client.request.on_head(101, b"", b"", True)
    assert client.status() == 500


def test_half_a_client_is_no_web_socket(client, taken):
    """Whoever sends nothing more will not complete the handshake."""
    assert not client.connection.eof_received()


def test_a_draining_edge_lets_the_taker_know(bench, client, taken):
    """The handshake is complete, and comes to its end."""
    bench.edge.draining = True
    client.request.on_head(101, b"", b"", True)
    assert taken.log == ["made", "drain"]


def test_reading_goes_on_for_the_taker(client, taken):
    """Whatever the edge had paused."""
    client.connection._reading = client.transport.reading = False
    client.request.on_head(101, b"", b"", True)
    assert client.transport.reading
