"""Requests that no client should send: each gets a clear answer, and the server goes on."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from urllib.parse import quote

import pytest

from tests.system.client import Client
from tests.system.server import RunningServer


@pytest.fixture(scope="module")
def server(shared_project):
    with RunningServer(shared_project("faults")) as running:
        yield running


@pytest.fixture
def client(server):
    with Client(server.url) as connected:
        yield connected


@pytest.fixture(autouse=True)
def nothing_crashes(server):
    """Whatever is sent: the same processes as before, and another request is served."""
    before = server.children("host") + server.children("gateway")
    yield
    with Client(server.url) as other:
        assert other.get("/faulty/other/ok").status == 200
    assert server.children("host") + server.children("gateway") == before


@pytest.mark.parametrize(
    "name",
    ["..", "../../etc/passwd", "a/b", "a\x00b", "x" * 4000, "\U0001f35e", "%", " ", "é", "a.b"],
)
def test_any_name_is_a_name(server, client, name):
    """A name is hashed, never a path: whatever it says, it leads to one object in the folder."""
    path = f"/faulty/{quote(name, safe='')}/write"
    assert client.get(path).json() == {"value": 1}
    assert client.get(path).json() == {"value": 2}
    outside = [
        file for file in server.project.parent.rglob("*.sqlite*")
        if not file.is_relative_to(server.project / ".sourdough")
    ]  # fmt: skip
    assert outside == []


def test_names_that_differ_are_different_objects(client):
    """No two of these are folded into one: case, encoding, dots."""
    names = ["n", "N", "n%20", "n%2F", "n%00", ".n", "n."]
    assert [client.get(f"/faulty/{name}/write").json()["value"] for name in names] == [1] * 7


def test_a_name_that_is_not_utf8_is_refused(client):
    """Names are UTF-8; what cannot be decoded is no name."""
    assert client.get("/faulty/%ff%fe/ok").status == 400


@pytest.mark.parametrize("digits", ["0", "zz" * 32, "0" * 64, "0" * 63, "0" * 65, "%00" * 64])
def test_an_id_that_is_none_is_refused(client, digits):
    """400: not 64 hex digits, or not an id of this namespace."""
    answer = client.get(f"/by-id/{digits}")
    assert answer.status == 400
    assert answer.json()["error"]


def exchange(server: RunningServer, data: bytes, *, seconds: float = 20.0) -> bytes:
    """Send raw bytes; return everything until the server closes or is silent."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as raw:
        with suppress(BrokenPipeError, ConnectionResetError):
            raw.sendall(data)
        received = b""
        with suppress(ConnectionResetError):
            while chunk := raw.recv(65536):
                received += chunk
        return received


def test_a_head_that_is_too_large_is_431(server):
    """limits.header_bytes."""
    head = b"GET /faulty/a/ok HTTP/1.1\r\nhost: x\r\nx-large: " + b"a" * 20_000 + b"\r\n\r\n"
    assert exchange(server, head).startswith(b"HTTP/1.1 431 ")


def test_a_body_that_is_too_large_is_413(server):
    """limits.body_bytes, declared or found on the way."""
    declared = b"POST /faulty/a/ok HTTP/1.1\r\nhost: x\r\ncontent-length: 100001\r\n\r\n"
    assert exchange(server, declared).startswith(b"HTTP/1.1 413 ")
    chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    chunked = b"POST /faulty/a/ok HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    assert exchange(server, chunked + 2 * chunk + b"0\r\n\r\n").startswith(b"HTTP/1.1 413 ")


def test_a_body_at_the_limit_is_taken(client):
    """The limit itself is allowed."""
    assert client.post("/faulty/a/ok", b"x" * 100_000).json()["body"] == 100_000


def test_a_head_that_never_ends_is_408(server):
    """limits.header_timeout: a half-open connection does not stay."""
    assert exchange(server, b"GET /faulty/a/ok HTTP/1.1\r\nhost:").startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("path", ["/faulty/a/ok", "/elsewhere"])
def test_a_body_that_stops_coming_is_408(server, path):
    """limits.body_timeout."""
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nabc".encode()
    assert exchange(server, head).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(64),
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /faulty/a/ok HTTP/1.1\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nbad header: y\r\n\r\n",
        b"\x00" * 100,
    ],
    ids=["tls", "version", "no-host", "no-target", "smuggling", "length", "chunk", "header", "nul"],
)
def test_what_is_no_http_is_refused(server, data):
    """400 or 505 and a closed connection; never a guess at what was meant."""
    answer = exchange(server, data)
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 505 ")), answer[:200]
    assert answer.count(b"HTTP/1.1 ") == 1


def test_clients_that_leave_in_the_middle_hurt_nobody(server):
    """D7: connections dropped before, in and after a request leave nothing behind."""
    pieces = [
        b"", b"GET /faulty/a/", b"GET /faulty/a/write HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST /faulty/a/ok HTTP/1.1\r\nhost: x\r\ncontent-length: 90000\r\n\r\n" + b"a" * 1000,
    ]  # fmt: skip
    for data in pieces * 10:
        with socket.create_connection(("127.0.0.1", server.port)) as raw:
            raw.sendall(data)
            # A reset, not an orderly end.
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert server.process.poll() is None
