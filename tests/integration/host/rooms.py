"""Objects with WebSockets, for tests of what a host does for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.http import Response
from sourdough.objects.durable_object import DurableObject, WorkerEntrypoint
from sourdough.sockets import WebSocketPair
from sourdough.wire.heads import Kind

if TYPE_CHECKING:
    import asyncio


class Thing(DurableObject):
    """A room; it notes how many sockets its instance began with."""

    log: list
    go: asyncio.Event

    def __init__(self, ctx, env):
        super().__init__(ctx, env)
        self.began_with = len(ctx.get_web_sockets())

    async def fetch(self, request):
        if request.path == "/count":
            return Response(f"{self.began_with} {len(self.ctx.get_web_sockets())}")
        if request.path == "/all":
            self.ctx.broadcast("all")
            return Response("sent")
        client, server = WebSocketPair()
        if request.path == "/plain":
            server.accept()
            server.add_event_listener("message", lambda event: server.send(f"echo {event.data}"))
            server.add_event_listener("close", lambda event: self.log.append(event.code))
        else:
            self.ctx.accept_web_socket(server, tags=["lobby"])
            server.send("welcome")
        return Response(None, status=101, headers={"x-room": "1"}, web_socket=client)

    async def web_socket_message(self, ws, message):
        match message:
            case "count":
                ws.send(f"{self.began_with} {len(self.ctx.get_web_sockets())}")
            case "write":
                count = await self.ctx.storage.get("count", 0)
                await self.ctx.storage.put("count", count + 1)
                ws.send("written")
            case "wait":
                ws.send("before")
                await self.go.wait()
                ws.send("after")
            case "section":
                await self.ctx.block_concurrency_while(self.go.wait)
            case "section_aborts":
                await self.ctx.block_concurrency_while(self.go.wait)
                self.ctx.abort("enough")
            case "abort":
                self.ctx.abort("enough")
            case "restored":
                restored = self.ctx.sockets_restored
                ws.send(repr([(each.in_doubt, each.message) for each in restored]))
            case "raise":
                raise ValueError("no")
            case _:
                ws.send(f"{type(message).__name__} {len(message)}")

    async def web_socket_close(self, ws, code, reason, was_clean):
        self.log.append((code, was_clean, len(self.ctx.get_web_sockets())))
        if code == 3000:
            await self.go.wait()


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.path.startswith("/relay/"):
            return await self.env.THING.get_by_name(request.path[7:]).fetch(request)
        client, server = WebSocketPair()
        server.accept()
        server.add_event_listener("message", lambda event: server.send(f"entry {event.data}"))
        return Response(None, status=101, web_socket=client)


def count(made, name):
    """Ask how many sockets an instance began with, and how many it has."""
    return made.client(name, kind=Kind.FETCH, method=b"GET", target=b"/count")
