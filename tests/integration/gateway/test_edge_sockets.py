"""The edge on real sockets, on both event loops, against an upstream that echoes."""

from __future__ import annotations

import asyncio
import http.client
import socket
from contextlib import asynccontextmanager

import pytest
import uvloop

from sourdough.clock import SystemClock
from sourdough.gateway.edge import Edge, EdgeLimits, Failure, Listener

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
WINDOW = 256 * 1024


class EchoStream:
    """Answers a request with its own body, piece by piece as the client takes it."""

    def __init__(self, exchange):
        self.exchange = exchange
        self.cancelled = asyncio.Event()

    def start(self):
        exchange = self.exchange
        if exchange.target == b"/wait":
            return
        if exchange.body_complete:
            exchange.on_head(200, b"x-method: %b\r\n" % exchange.method, exchange.body, True)
        else:
            exchange.on_head(200, b"", b"", False)
            exchange.on_credit(WINDOW)

    def send(self, chunk, end):
        self.exchange.on_data(chunk, end)

    def consumed(self, n):
        self.exchange.on_credit(n)

    def cancel(self):
        self.cancelled.set()


class EchoUpstream:
    def __init__(self):
        self.streams = []
        self.opened = asyncio.Event()

    def open(self, exchange):
        stream = EchoStream(exchange)
        self.streams.append(stream)
        self.opened.set()
        asyncio.get_running_loop().call_soon(stream.start)
        return stream


class Server:
    def __init__(self, sock, **limits):
        self.upstream = EchoUpstream()
        self.statuses = []
        self.edge = Edge(
            upstream=self.upstream,
            clock=SystemClock(),
            on_finished=lambda _e, status, _s, _w: self.statuses.append(status),
            limits=EdgeLimits(**limits),
        )
        self.listener = Listener(self.edge, sock)
        self.port = sock.getsockname()[1]

    async def connect(self):
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, data):
        """Send bytes, return everything until the server closes."""
        reader, writer = await self.connect()
        writer.write(data)
        try:
            return await reader.read()
        finally:
            writer.close()


def _listening() -> socket.socket:
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


@asynccontextmanager
async def _serving(sock=None, **limits):
    server = Server(sock or _listening(), **limits)
    await server.listener.start()
    try:
        yield server
    finally:
        await server.listener.close()


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request):
    """Run a coroutine on one of the event loops; every complaint of the loop is a failure."""
    complaints = []

    async def bounded(coroutine):
        asyncio.get_running_loop().set_exception_handler(lambda _, told: complaints.append(told))
        async with asyncio.timeout(20):
            return await coroutine

    with asyncio.Runner(loop_factory=request.param) as runner:
        yield lambda coroutine: runner.run(bounded(coroutine))
    assert complaints == []


def test_standard_client_gets_its_bodies_back(run):
    """http.client, as an oracle: small, large, chunked and empty bodies on one connection."""
    large = bytes(range(256)) * 4096

    def talk(port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        seen = []
        for method, body in [
            ("GET", None), ("POST", b"small"), ("PUT", large), ("POST", iter([b"a", b"b" * 70_000])),
            ("HEAD", None), ("DELETE", b"x" * 65_536),
        ]:  # fmt: skip
            connection.request(method, "/", body=body)
            response = connection.getresponse()
            seen.append((response.status, response.read(), response.will_close))
        connection.close()
        return seen

    async def main():
        async with _serving() as server:
            return await asyncio.to_thread(talk, server.port)

    bodies = [b"", b"small", large, b"a" + b"b" * 70_000, b"", b"x" * 65_536]
    assert run(main()) == [(200, body, False) for body in bodies]


def test_refused_client_can_read_its_answer_while_still_sending(run):
    """A 413 arrives although megabytes of the body are under way: no reset eats it."""

    async def main():
        async with _serving(body=1000) as server:
            head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n"
            return await server.ask(head + b"x" * 3_000_000)

    assert run(main()).startswith(b"HTTP/1.1 413 ")


def test_slow_client_bounds_what_is_kept_for_it(run):
    """A client that sends and does not read gets no more than a window of memory."""

    async def main():
        async with _serving() as server:
            reader, writer = await server.connect()
            size = 64 * 1024 * 1024
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
            piece = b"x" * 65_536

            async def send_all():
                for _ in range(size // len(piece)):
                    writer.write(piece)
                    await writer.drain()

            with pytest.raises(TimeoutError):  # everything has come to rest
                await asyncio.wait_for(send_all(), 0.5)
            upload = server.upstream.streams[0].exchange.upload
            assert upload.received < size // 2
            assert upload.buffered < 512 * 1024
            writer.transport.abort()
            await server.upstream.streams[0].cancelled.wait()
            del reader

    run(main())


def test_client_that_leaves_cancels_its_stream(run):
    """A client that resets its connection cancels; the late answer goes nowhere and harms nobody."""

    async def main():
        async with _serving() as server:
            _, writer = await server.connect()
            writer.write(GET.replace(b"/ ", b"/wait "))
            await server.upstream.opened.wait()
            stream = server.upstream.streams[0]
            stream.exchange.on_head(200, b"", b"x", False)
            writer.transport.abort()
            await stream.cancelled.wait()
            stream.exchange.on_data(b"late", True)
            assert server.statuses == [200]
            assert b" 200 OK" in await server.ask(
                GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
            )

    run(main())


def test_cut_answer_to_http_1_0_is_a_reset(run):
    """Where the end of the connection means the end of the body, a failure must not look like it."""

    async def main():
        async with _serving() as server:
            reader, writer = await server.connect()
            writer.write(b"GET /wait HTTP/1.0\r\n\r\n")
            await server.upstream.opened.wait()
            exchange = server.upstream.streams[0].exchange
            exchange.on_head(200, b"", b"abc", False)
            await reader.readuntil(b"abc")
            exchange.on_fail(Failure(503, "host_lost", "The host was lost."))
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()

    run(main())


def test_drain_finishes_what_is_in_flight(run):
    """Idle connections close, the running request is answered, then the listener is drained."""

    async def main():
        async with _serving() as server:
            idle_reader, idle_writer = await server.connect()
            idle_writer.write(GET)
            await idle_reader.readuntil(b"content-length: 0\r\n\r\n")
            server.upstream.opened.clear()
            reader, writer = await server.connect()
            writer.write(GET.replace(b"/ ", b"/wait "))
            await server.upstream.opened.wait()
            server.listener.drain()
            assert await idle_reader.read() == b""
            server.upstream.streams[-1].exchange.on_head(200, b"", b"done", True)
            answer = await reader.read()
            await server.listener.drained()
            idle_writer.close()
            writer.close()
            return answer

    answer = run(main())
    assert b"\r\nconnection: close\r\n" in answer
    assert answer.endswith(b"done")


def test_clients_of_a_drained_gateway_wait_for_the_next(run):
    """While no gateway accepts, a connection is not refused; the next gateway serves it."""

    async def main():
        ours = _listening()
        async with _serving(ours.dup()) as first:
            first.listener.drain()
            await first.listener.drained()
            asked = asyncio.create_task(
                first.ask(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            )
            await asyncio.sleep(0)
            async with _serving(ours):
                return await asked

    assert run(main()).startswith(b"HTTP/1.1 200 OK")


def test_connections_above_the_limit_wait_in_the_queue(run):
    """Whoever comes above the limit is neither refused nor accepted until somebody leaves."""

    async def main():
        async with _serving(connections=4) as server:
            clients = [await server.connect() for _ in range(12)]
            for _, writer in clients:
                writer.write(GET)
            most = 0
            for reader, writer in clients:
                await reader.readuntil(b"content-length: 0\r\n\r\n")
                most = max(most, len(server.edge.connections))
                writer.close()
            return most, server.statuses

    most, statuses = run(main())
    assert most <= 4
    assert statuses == [200] * 12


def test_tick_keeps_the_time(run, monkeypatch):
    """The listener itself ends what waits too long."""
    monkeypatch.setattr("sourdough.gateway.edge.listener._TICK", 0.02)

    async def main():
        async with _serving(idle_timeout=0.1) as server:
            return await server.ask(b"")

    assert run(main()) == b""
