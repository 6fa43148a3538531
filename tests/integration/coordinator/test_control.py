"""The control socket between a real server and real clients."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import stat
import tempfile
import threading
from pathlib import Path

import msgspec
import pytest

from sourdough.coordinator import control
from sourdough.coordinator.control import ControlError, Failed, Hello, Inspect, List, Ok, Status
from sourdough.coordinator.control_client import ControlClient
from sourdough.coordinator.control_server import ControlServer
from sourdough.errors import SourdoughError


@pytest.fixture
def path():
    """A socket path short enough for every system."""
    with tempfile.TemporaryDirectory(prefix="sd-") as folder:
        yield Path(folder) / "control.sock"


async def handle(request):
    """Answer with the request itself, or as its reference says."""
    match request:
        case Inspect(reference="unknown"):
            raise SourdoughError("No object has this id.", hint="`sourdough ls` lists them.")
        case Inspect(reference="broken"):
            raise RuntimeError("boom")
        case Inspect(reference="failed"):
            return Failed(message="It cannot be.", code=4)
        case Inspect(reference="large"):
            return Ok.of(bytes(1 << 20))
        case Inspect(reference="slow"):
            await asyncio.Event().wait()
    return Ok.of(request)


@pytest.fixture
async def server(path):
    running = ControlServer(path, handle, version="0.1.0", peer_seconds=0.2, max_clients=4)
    await running.start()
    yield running
    await running.close()


async def ask(path, request, answer, **options):
    """Ask as a command does: from a thread that blocks."""

    def blocking():
        with ControlClient.connect(str(path), version="0.1.0", **options) as client:
            return client.ask(request, answer)

    return await asyncio.to_thread(blocking)


async def test_an_answer_comes_back_with_its_type(server, path):
    """A request crosses the socket and its answer is decoded as what was asked for."""
    request = List(namespace="COUNTER", after="x", limit=7)
    assert await ask(path, request, List) == request


async def test_one_connection_takes_several_requests(server, path):
    """A command may ask twice without greeting again."""

    def twice():
        with ControlClient.connect(str(path), version="0.1.0") as client:
            return client.ask(Status(), Status), client.ask(Inspect(reference="a"), Inspect)

    assert await asyncio.to_thread(twice) == (Status(), Inspect(reference="a"))


async def test_a_large_answer_arrives_whole(server, path):
    """An answer larger than any socket buffer is put together again."""
    assert await ask(path, Inspect(reference="large"), bytes) == bytes(1 << 20)


async def test_an_answer_above_the_limit_is_refused_in_words(server, path, monkeypatch):
    """The limit of a reply is kept by the one who sends it."""
    monkeypatch.setattr("sourdough.coordinator.control_server.MAX_REPLY_BYTES", 1000)
    with pytest.raises(ControlError, match="too large"):
        await ask(path, Inspect(reference="large"), bytes)


@pytest.mark.parametrize(
    ("reference", "sentence", "code"),
    [
        ("unknown", "No object has this id.", 1),
        ("failed", "It cannot be.", 4),
        ("broken", "The server failed to answer: RuntimeError: boom", 1),
    ],
)
async def test_a_failure_comes_back_as_a_sentence_and_a_code(
    server, path, reference, sentence, code
):
    """What the handler raises or refuses is what the command says and exits with."""
    with pytest.raises(ControlError) as failed:
        await ask(path, Inspect(reference=reference), Inspect)
    assert (failed.value.message, failed.value.exit_code) == (sentence, code)
    assert await ask(path, Status(), Status) == Status()


async def test_an_answer_of_another_shape_is_an_error(server, path):
    """A reply that does not decode as asked is never half used."""
    with pytest.raises(SourdoughError, match="another answer than this version knows"):
        await ask(path, Status(), int)


async def test_another_protocol_is_refused_with_both_versions(server, path, monkeypatch):
    """Command and server of different protocols say so instead of guessing."""
    monkeypatch.setattr("sourdough.coordinator.control_client.PROTOCOL", control.PROTOCOL + 1)
    with pytest.raises(ControlError, match=r"of Sourdough 0.1.0, the server of 0.1.0"):
        await ask(path, Status(), Status)


async def test_only_the_owner_may_open_the_socket(server, path):
    """The socket's mode is 0600."""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_server_that_does_not_answer_is_given_up(server, path):
    """The deadline covers the whole conversation."""
    with pytest.raises(SourdoughError, match="did not answer in time"):
        await ask(path, Inspect(reference="slow"), Inspect, seconds=0.1)


def test_nobody_listening_is_no_error(path):
    """A socket that is not there, or that nobody reads, means that no server runs."""
    assert ControlClient.connect(str(path), version="0.1.0") is None
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert ControlClient.connect(str(path), version="0.1.0") is None


HELLO = control.encode(Hello(protocol=control.PROTOCOL, version="x"))


@pytest.mark.parametrize(
    "bad",
    [
        b"GET / HTTP/1.1\r\n\r\n",  # its first four bytes are a length above the limit
        (control.MAX_REQUEST_BYTES + 1).to_bytes(4, "big"),
        (4).to_bytes(4, "big") + b"\xc1\xc1\xc1\xc1",
        (2).to_bytes(4, "big") + b"\x92\x01",
        control.encode(Status()),
        HELLO + HELLO,
        HELLO + (9).to_bytes(4, "big") + b"abc",
        b"\x00",
        b"",
    ],
)
async def test_a_bad_peer_loses_its_connection_and_nobody_else(server, path, bad):
    """Nonsense, too much and silence close one connection, within the peer's time."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(bad)
    async with asyncio.timeout(5):
        try:
            while await reader.read(1000):
                pass
        except ConnectionResetError:
            pass
    writer.close()
    assert await ask(path, Status(), Status) == Status()


async def test_too_many_clients_are_turned_away(server, path):
    """The number of connections is bounded, and room comes back."""
    idle = [await asyncio.open_unix_connection(str(path)) for _ in range(5)]
    async with asyncio.timeout(5):
        assert await idle[4][0].read() == b""
    for _, writer in idle:
        writer.close()
        await writer.wait_closed()
    async with asyncio.timeout(5):
        while server._clients:
            await asyncio.sleep(0)
    assert await ask(path, Status(), Status) == Status()


async def test_closing_drops_clients_and_removes_the_socket(path):
    """A handler that never ends does not keep the server from ending."""
    server = ControlServer(path, handle, version="0.1.0")
    await server.start()
    asking = asyncio.create_task(ask(path, Inspect(reference="slow"), Inspect))
    async with asyncio.timeout(5):
        while not server._clients:
            await asyncio.sleep(0)
        await server.close()
        with pytest.raises(SourdoughError, match="broke off"):
            await asking
    assert not path.exists()


def answering(path, *answers: bytes) -> threading.Thread:
    """A server that sends these bytes, one answer for each message, and closes."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve():
        with listener, listener.accept()[0] as peer:
            for answer in answers:
                size = int.from_bytes(peer.recv(4), "big")
                peer.recv(size)
                peer.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"", "broke off"),
        (b"\xff\xff\xff\xff", "is not understood"),
        (b"\x00\x00\x00\x01\xc1", "is not understood"),
        (control.encode(Ok.of(1)), "did not greet"),
    ],
)
def test_a_client_survives_a_server_that_talks_nonsense(path, answer, sentence):
    """Whatever listens on the path, a command ends with a sentence."""
    thread = answering(path, answer)
    with pytest.raises(SourdoughError, match=sentence):
        ControlClient.connect(str(path), version="0.1.0")
    thread.join()


def test_a_socket_that_may_not_be_opened_is_named(path):
    """A path that is no socket, or not ours, is an error with its reason."""
    path.symlink_to(path)
    with pytest.raises(SourdoughError, match=os.strerror(errno.ELOOP)):
        ControlClient.connect(str(path), version="0.1.0")


def test_a_reply_carries_its_payload_encoded():
    """The payload is not encoded twice, and Raw bytes come out as they went in."""
    reply = control.decode_from_server(control.encode(Ok.of((1, "a")))[4:])
    assert msgspec.msgpack.decode(reply.payload) == [1, "a"]
