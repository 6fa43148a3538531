"""The clients of the WebSocket benchmark send what the standard says, and count what comes back."""

from __future__ import annotations

import asyncio
import runpy
from pathlib import Path

import pytest
from websockets.asyncio.server import serve
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "socket_load.py"


@pytest.fixture
def script():
    """The names of the script; it is not run."""
    return runpy.run_path(str(SCRIPT), run_name="socket_load")


@pytest.mark.parametrize("payload", [b"", b"hello", bytes(range(65, 125)) * 2])
def test_a_frame_is_one_masked_text(script, payload):
    """As the reference implementation reads it."""
    reader = StreamReader()
    reader.feed_data(script["frame"](payload))
    parsing = Frame.parse(reader.read_exact, mask=True)
    with pytest.raises(StopIteration) as parsed:
        next(parsing)
    assert parsed.value.value == Frame(Opcode.TEXT, payload)
    assert not reader.buffer


async def test_sockets_count_whole_answers(script):
    """Two sockets of two rooms; each answer is one call, however it was cut."""

    async def answer(connection):
        async for message in connection:
            await connection.send(message)
            await connection.send(message)

    async with serve(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        order = script["Order"](what="echo", port=port, path="/%d", sockets=2, rooms=2)
        sockets = await script["connected"](order)
        paths = sorted(connection.request.path for connection in server.connections)
        for socket in sockets:
            heard = asyncio.Semaphore(0)
            socket.on_message = lambda _socket, heard=heard: heard.release()
            socket.send()
            async with asyncio.timeout(10):
                await heard.acquire()
                await heard.acquire()
            socket.close()
    assert paths == ["/0", "/1"]


async def test_a_refused_socket_says_so(script):
    """A server that does not accept is no empty result."""
    async with serve(
        print, "127.0.0.1", 0, process_request=lambda c, _: c.respond(401, "no")
    ) as server:
        port = server.sockets[0].getsockname()[1]
        order = script["Order"](what="echo", port=port, path="/", sockets=1)
        with pytest.raises(ConnectionError, match="401"):
            await script["connected"](order)
