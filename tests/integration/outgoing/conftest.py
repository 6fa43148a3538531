"""A small HTTP server of the test's own, that says what it got."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from sourdough.outgoing import pool


@dataclass
class Got:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    chunks: list[bytes] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)


class Site:
    """Answers with what a test wrote down for a path; keeps connections open."""

    def __init__(self) -> None:
        self.requests: list[Got] = []
        self.connections = 0
        self.answers: dict[str, object] = {}
        self._open: set[asyncio.Task[None]] = set()
        self.url = ""

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    async def stop(self) -> None:
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()

    def _accept(self, reader, writer) -> None:
        self.connections += 1
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._open.add(task)

    async def _serve(self, reader, writer) -> None:
        try:
            while (got := await self._read(reader)) is not None:
                await self._answer(got, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async def _read(self, reader) -> Got | None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        method, target, _ = first.split(" ")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        got = Got(method, target, headers)
        self.requests.append(got)
        if "chunked" in headers.get("transfer-encoding", ""):
            while size := int(await reader.readline(), 16):
                got.chunks.append((await reader.readexactly(size + 2))[:-2])
            await reader.readline()
        elif length := int(headers.get("content-length", 0)):
            got.chunks.append(await reader.readexactly(length))
        return got

    async def _answer(self, got: Got, reader, writer) -> None:
        answer = self.answers.get(got.target.partition("?")[0], b"hello")
        if callable(answer):
            await answer(got, reader, writer)
            return
        status, headers, body = answer if isinstance(answer, tuple) else (200, "", answer)
        writer.write(
            f"HTTP/1.1 {status} X\r\n{headers}content-length: {len(body)}\r\n\r\n".encode() + body
        )
        await writer.drain()


@pytest.fixture
async def site():
    """A running site; the pool of connections to it is closed behind the test."""
    made = Site()
    await made.start()
    yield made
    await pool.close()
    await made.stop()
