"""Frames on the wire, by the sections of RFC 6455 and RFC 7692; Autobahn|Testsuite has many more."""

from __future__ import annotations

import zlib
from collections import defaultdict

import pytest

from tests.conformance.frames import (
    BINARY,
    CLOSE,
    COMPRESSED,
    CONT,
    CONTROL,
    FRAGMENTS,
    FRAMING,
    TEXT,
    TEXTS,
    close,
    frame,
)
from tests.conformance.wire import ASK, Wire

ACCEPTED = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""The answer to that key, in RFC 6455 section 1.3."""


def by_section(cases) -> dict[str, list]:
    """Group cases by the section that their names begin with."""
    found: dict[str, list] = defaultdict(list)
    for case in cases:
        found[case.name.partition(" ")[0]].append(case)
    return found


PLAIN = [*FRAMING, *FRAGMENTS, *CONTROL, *TEXTS]


def inflated(data: bytes) -> bytes:
    return zlib.decompressobj(-15).decompress(data + b"\0\0\xff\xff")


@pytest.fixture
def connect(world):
    """Opens connections to an object that sends every message back."""
    path = f"/room/{world.new('ROOM').name}/hibernate"
    made = []

    def open_one() -> Wire:
        made.append(Wire(world, path))
        return made[-1]

    yield open_one
    for each in made:
        each.close()


@pytest.fixture
def wire(connect):
    return connect()


def run(wire, case, *, cut: bool) -> list[tuple[int, bytes, int]]:
    """Send a case's bytes; where it leaves the connection open, close it in the orderly way."""
    wire.send(case.sent, cut=cut)
    if any(opcode == CLOSE for opcode, _ in case.answers):
        return wire.frames()
    found = wire.frames(len(case.answers))
    wire.send(close(1000), cut=False)
    assert [each[:2] for each in wire.frames()] == [(CLOSE, b"\x03\xe8")]
    return found


@pytest.mark.parametrize("section", by_section(PLAIN))
def test_frames(connect, section):
    """semantics 7.10, RFC 6455, one of its sections; in one piece and cut into bytes."""
    found, expected = {}, {}
    for case in by_section(PLAIN)[section]:
        expected[case.name] = [(*answer, 0) for answer in case.answers]
        wire = connect()
        assert b" 101 " in wire.ask()
        found[case.name] = run(wire, case, cut=len(case.sent) < 20)
    assert found == expected


def test_compressed_frames(connect):
    """semantics 7.15, RFC 7692: what comes back may be compressed or not."""
    found = {}
    for case in COMPRESSED:
        wire = connect()
        head = wire.ask("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n")
        agreed = next(line for line in head.lower().splitlines() if b"sec-websocket-ext" in line)
        for each in (b"permessage-deflate", b"server_no_context_t", b"client_no_context_t"):
            assert each in agreed
        found[case.name] = tuple(
            (opcode, inflated(data) if bits else data)
            for opcode, data, bits in run(wire, case, cut=False)
        )
    assert found == {case.name: case.answers for case in COMPRESSED}


def test_the_handshake(wire):
    """semantics 7.10, RFC 6455 1.3, 4.2.2: the key is proven; no protocol, no extension that nobody asked for."""
    head = wire.ask()
    lines = head.lower().splitlines()
    assert lines[0] == b"http/1.1 101 switching protocols"
    assert b"sec-websocket-accept: " + ACCEPTED.lower() in lines
    assert ACCEPTED in head
    assert b"upgrade: websocket" in lines
    assert b"connection: upgrade" in lines
    assert b"sec-websocket-protocol" not in head.lower()
    assert b"sec-websocket-extensions" not in head.lower()


def test_an_extension_that_nobody_knows(wire):
    """semantics 7.10, RFC 6455 9.1: is left out of the answer."""
    head = wire.ask("Sec-WebSocket-Extensions: x-unknown; a=1\r\n")
    assert b" 101 " in head
    assert b"sec-websocket-extensions" not in head.lower()


def test_frames_right_behind_the_request(wire):
    """semantics 7.10, RFC 6455 4.1: a client that does not wait for the answer loses nothing."""
    assert b" 101 " in wire.ask(behind=frame(TEXT, b"early"))
    assert wire.frames(1) == [(TEXT, b"early", 0)]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (("Version: 13", "Version: 8"), b"426"),
        (("Sec-WebSocket-Version: 13\r\n", ""), b"426"),
        (("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), b"400"),
        (("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="), b"400"),
        (("dGhlIHNhbXBsZSBub25jZQ==", "?"), b"400"),
        (("GET ", "POST "), b"4"),
    ],
    ids=["old version", "no version", "no key", "short key", "no base64", "method"],
)
def test_a_handshake_that_is_wrong(wire, change, status):
    """semantics 7.10, RFC 6455 4.2.1, 4.4: is refused, by a version that would do where that is the reason."""
    old, new = change
    assert old in ASK
    head = wire.ask(request=ASK.replace(old, new))
    assert head.split(b" ")[1].startswith(status)
    if status == b"426":
        assert b"sec-websocket-version: 13" in head.lower()


def test_the_connection_ends_behind_the_close(wire):
    """semantics 7.10, RFC 6455 7.1.1: the server closes first, and sends nothing more."""
    wire.ask()
    wire.send(close(1000), cut=False)
    assert [each[:2] for each in wire.frames()] == [(CLOSE, b"\x03\xe8")]


def test_a_message_above_the_limit_in_fragments(wire):
    """semantics 7.10, RFC 6455 10.4: the limit is that of the message."""
    wire.ask()
    wire.send(frame(BINARY, bytes(2 * 1024 * 1024), fin=False), cut=False)
    wire.send(frame(CONT, b"x"), cut=False)
    assert [each[:2] for each in wire.frames()] == [(CLOSE, b"\x03\xf1")]
