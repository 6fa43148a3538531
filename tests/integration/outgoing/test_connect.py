"""`sourdough.connect` against a real server."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosedError

from sourdough.errors import WebSocketClosedError, WebSocketError
from sourdough.outgoing.connect import connect


@asynccontextmanager
async def served(handler, **options):
    """Serve WebSockets on a free port; yield the URL."""
    async with serve(handler, "127.0.0.1", 0, **options) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}/path"


async def echo(connection):
    """Send back what comes."""
    async for message in connection:
        await connection.send(message)


async def test_messages_go_both_ways():
    """Text stays text, bytes stay bytes, in order."""
    async with served(echo) as url, connect(url) as socket:
        socket.send("a")
        socket.send(b"\x00\xff")
        assert [await socket.receive(), await socket.receive()] == ["a", b"\x00\xff"]
        assert (socket.url, socket.ready_state) == (url, socket.OPEN)


async def test_the_other_side_closes():
    """Code and reason arrive; what came before is read first."""

    async def say(connection):
        await connection.send("last words")
        await connection.close(4003, "over")

    async with served(say) as url:
        socket = await connect(url)
        assert [message async for message in socket] == ["last words"]
        end = await socket.wait_closed()
        assert (end.code, end.reason, end.was_clean) == (4003, "over", True)


async def test_a_connection_that_breaks():
    """1006, and a reader hears of it."""

    async def cut(connection):
        connection.transport.abort()

    async with served(cut) as url:
        socket = await connect(url)
        with pytest.raises(WebSocketClosedError) as ended:
            await socket.receive()
        assert (ended.value.code, ended.value.was_clean) == (1006, False)


async def test_our_close_reaches_the_other_side():
    """Behind everything that was sent."""
    heard = asyncio.get_running_loop().create_future()

    async def listen(connection):
        messages = []
        with suppress(ConnectionClosedError):  # which 1000 and 1001 do not raise
            while True:
                messages.append(await connection.recv())
        heard.set_result((messages, connection.close_code, connection.close_reason))

    async with served(listen) as url:
        socket = await connect(url)
        for number in range(100):
            socket.send(str(number))
        socket.close(4001, "enough")
        messages, code, reason = await heard
        assert messages == [str(number) for number in range(100)]
        assert (code, reason) == (4001, "enough")
        assert (await socket.wait_closed()).code == 4001


async def test_protocols_and_headers():
    """What is asked for reaches the other side; what it chose is told."""
    seen = {}

    async def look(connection):
        seen.update(connection.request.headers.raw_items())

    async with (
        served(look, subprotocols=["chat.v2"]) as url,
        connect(url, protocols=["chat.v3", "chat.v2"], headers={"x-key": "k"}) as socket,
    ):
        await socket.wait_closed()
        assert socket.protocol == "chat.v2"
    assert (seen["x-key"], seen["User-Agent"]) == ("k", "sourdough")


async def test_what_nobody_reads_is_bounded():
    """So much waits here; the rest with the other side, until it is read or the socket is closed."""

    async def pour(connection):
        for _ in range(500):
            await connection.send(bytes(1_000))

    async with served(pour) as url:
        async with connect(url) as socket:
            first = await socket.receive()
            for _ in range(1_000):
                await asyncio.sleep(0)
            assert len(socket.inbox._messages) < 64
            assert [first, *[message async for message in socket]] == [bytes(1_000)] * 500
        async with connect(url) as socket:
            await socket.receive()  # and closes with the others unread


async def test_nobody_answers():
    """A port without a server, and a server that takes no WebSockets."""
    async with served(echo) as url:
        pass
    with pytest.raises(WebSocketError, match="took no WebSocket"):
        await connect(url + "?token=secret")
    with pytest.raises(ValueError, match="ws:// or wss://"):
        connect("https://example.com")

    def refuse(connection, request):
        return connection.respond(403, "no")

    async with served(echo, process_request=refuse) as url:
        with pytest.raises(WebSocketError, match="403") as refused:
            await connect(url + "?token=secret")
        assert "secret" not in str(refused.value)
