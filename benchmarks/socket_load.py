"""Clients of WebSockets in a process of their own, cheap enough to be no part of what is measured.

    python benchmarks/socket_load.py '{"what": "echo", "port": 8787, "path": "/echo/a%d", ...}'

A client sends one frame, made once, and counts the bytes that come: it knows how long an answer is,
and reads none. What it found is one line of JSON on the standard output.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import struct
import sys
import time
from dataclasses import dataclass

import uvloop

_SHORT = 125  # a payload up to this has a header of two bytes
_CONNECTING = 200  # at a time: more only wait in the kernel's queue
_PER_ADDRESS = 20_000  # a client's address has fewer ports than the largest runs need sockets
_WARM_SECONDS = 0.5
_PATIENCE_SECONDS = 60
_CONNECTING_SECONDS = 180  # all of them: some servers take their time


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be done."""

    what: str
    """echo: every socket sends again when its message has come back. broadcast: one sends, all get
    it. idle: all are silent; a line on the standard input wakes some."""
    port: int
    path: str
    """`%d` in it becomes the number of a room."""
    sockets: int
    rooms: int = 1
    seconds: float = 0
    times: int = 0
    payload: str = "Hello, world! Hello, world! 1234"


def main() -> None:
    order = Order(**json.loads(sys.argv[1]))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvloop.run(WAYS[order.what](order))


def frame(payload: bytes) -> bytes:
    """Return a text message as a client sends it: masked."""
    assert len(payload) <= _SHORT
    key = os.urandom(4)
    masked = bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))
    return struct.pack("!BB", 0x81, 0x80 | len(payload)) + key + masked


class Socket(asyncio.Protocol):
    """One client. `on_message` is called for each message that has come whole."""

    def __init__(self, order: Order, number: int) -> None:
        self.sent_at = 0.0
        self.on_message = lambda _socket: None
        self.opened = asyncio.get_running_loop().create_future()
        payload = order.payload.encode()
        self._frame = frame(payload)
        self._size = 2 + len(payload)
        self._path = order.path.replace("%d", str(number % order.rooms))
        self._head: bytes | None = b""
        self._received = 0

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        transport.write(
            f"GET {self._path} HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\n"
            "connection: Upgrade\r\nsec-websocket-version: 13\r\n"
            "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        if self._head is not None:
            self._open(data)
            return
        self._received += len(data)
        while self._received >= self._size:
            self._received -= self._size
            self.on_message(self)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(ConnectionError(f"{self._path}: {error or self._head}"))

    def _open(self, data: bytes) -> None:
        self._head += data
        if b"\r\n\r\n" not in self._head:
            return
        if self._head.startswith(b"HTTP/1.1 101 "):
            self._head = None
            self.opened.set_result(None)
        else:
            self._transport.close()

    def send(self) -> None:
        self.sent_at = time.perf_counter()
        self._transport.write(self._frame)

    def close(self) -> None:
        """End the connection without a word."""
        self._transport.abort()


async def connected(order: Order) -> list[Socket]:
    """Open all sockets."""
    room = asyncio.Semaphore(_CONNECTING)
    loop = asyncio.get_running_loop()

    async def connect(number: int) -> Socket:
        async with room:
            address = (f"127.0.0.{1 + number // _PER_ADDRESS}", 0)
            _, socket = await loop.create_connection(
                lambda: Socket(order, number), "127.0.0.1", order.port, local_addr=address
            )
            await socket.opened
            return socket

    async with asyncio.timeout(_CONNECTING_SECONDS):
        return await asyncio.gather(*map(connect, range(order.sockets)))


async def echo(order: Order) -> None:
    """Count answers for a while; a socket has one message on its way."""
    sockets = await connected(order)
    took: list[float] = []

    def again(socket: Socket) -> None:
        took.append(time.perf_counter() - socket.sent_at)
        socket.send()

    for socket in sockets:
        socket.on_message = again
        socket.send()
    await asyncio.sleep(_WARM_SECONDS)
    took.clear()
    began = time.perf_counter()
    await asyncio.sleep(order.seconds)
    seconds = time.perf_counter() - began
    took.sort()
    p50, p99 = took[len(took) // 2], took[int(len(took) * 0.99)]
    told({"messages": len(took), "seconds": seconds, "p50": p50, "p99": p99})


async def broadcast(order: Order) -> None:
    """Send one message at a time; it has arrived when the last socket has it."""
    sockets = await connected(order)
    left = 0
    arrived = asyncio.Event()

    def one(_socket: Socket) -> None:
        nonlocal left
        left -= 1
        if not left:
            arrived.set()

    for socket in sockets:
        socket.on_message = one
    took = []
    for number in range(order.times):
        left = len(sockets)
        arrived.clear()
        sender = sockets[number % len(sockets)]
        sender.send()
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await arrived.wait()
        took.append(time.perf_counter() - sender.sent_at)
    told({"took": took})


async def idle(order: Order) -> None:
    """Open sockets and be silent; then wake the object behind one after the other."""
    sockets = await connected(order)
    told({"sockets": len(sockets)})
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.readline)
    took = []
    for socket in sockets[: order.times]:
        answered = loop.create_future()
        socket.on_message = lambda _socket, answered=answered: answered.set_result(None)
        socket.send()
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await answered
        took.append(time.perf_counter() - socket.sent_at)
    told({"took": took})
    await loop.run_in_executor(None, sys.stdin.readline)


def told(found: dict) -> None:
    print(json.dumps(found), flush=True)


WAYS = {"echo": echo, "broadcast": broadcast, "idle": idle}

if __name__ == "__main__":
    main()
