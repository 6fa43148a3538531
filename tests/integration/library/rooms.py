"""The classes of these tests, in a module that hosts import."""

from __future__ import annotations

import asyncio
import os
import sys

from sourdough import DurableObject, Request, Response, WebSocketPair


class Counter(DurableObject):
    """Counts, and tells where it runs."""

    async def increment(self, by: int = 1) -> int:
        value = await self.ctx.storage.get("value", 0) + by
        await self.ctx.storage.put("value", value)
        return value

    async def pid(self) -> int:
        return os.getpid()

    async def neighbour(self, name: str) -> int:
        """Tell the value of another counter, in whatever host it is."""
        return await self.env.COUNTER.get_by_name(name).increment(0)

    async def fail(self) -> None:
        raise ValueError("on purpose")

    async def sleep(self, seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "slept"

    async def say(self, text: str) -> None:
        print(text)  # noqa: T201 (what is tested)
        print(text, file=sys.stderr)  # noqa: T201


class Log(DurableObject):
    """Keeps what it is told, in the order in which it came."""

    def __init__(self, ctx, env):
        super().__init__(ctx, env)
        self.kept = []

    async def append(self, number: int) -> None:
        self.kept.append(number)

    async def all(self) -> list[int]:
        return self.kept

    async def ask(self, place, count: int) -> list[list[int]]:
        return [await place(number) for number in range(count)]

    async def upto(self, count: int):
        for number in range(count):
            yield number

    async def count_elsewhere(self, name: str) -> int:
        return await self.env.COUNTER.get_by_name(name).increment()


class Room(DurableObject):
    """Answers HTTP."""

    async def fetch(self, request: Request) -> Response:
        if request.path.endswith("/events"):
            return Response(_events(), headers={"content-type": "text/event-stream"})
        if request.path.endswith("/fail"):
            raise ValueError("on purpose")
        body = await request.bytes()
        return Response.json(
            {
                "name": self.ctx.id.name,
                "id": str(self.ctx.id),
                "path": request.path,
                "root": request.root_path,
                "method": request.method,
                "query": request.query_string,
                "header": request.headers.get("x-test"),
                "size": len(body),
                "pid": os.getpid(),
            },
            status=201 if request.method == "POST" else 200,
            headers={"x-room": self.ctx.id.name or "", "set-cookie": "a=1"},
        )


class Line(DurableObject):
    """Takes WebSockets that hibernate; says what it hears, and where it runs."""

    async def fetch(self, request: Request) -> Response:
        if request.path.endswith("/closed"):
            return Response("not today", status=403, headers={"x-why": "closed"})
        client, server = WebSocketPair()
        self.ctx.accept_web_socket(server)
        server.send(f"{self.ctx.id.name} {os.getpid()}")
        headers = {"sec-websocket-protocol": "two", "x-line": "1"}
        return Response(None, status=101, headers=headers, web_socket=client)

    async def web_socket_message(self, ws, message) -> None:
        if message == "leave":
            ws.close(4005, "as you wish")
        else:
            ws.send(message)

    async def web_socket_close(self, ws, code, reason, was_clean) -> None:
        await self.ctx.storage.put("ended", [code, reason, was_clean])

    async def ended(self) -> list | None:
        return await self.ctx.storage.get("ended")


async def _events():
    for number in range(3):
        yield f"data: {number}\n\n".encode()
        await asyncio.sleep(0)
