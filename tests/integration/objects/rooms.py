"""An object with WebSockets, whose handlers a test may replace, and what tests do with it."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from sourdough.http import Response
from sourdough.objects.durable_object import DurableObject
from sourdough.sockets import WebSocketPair


class Room(DurableObject):
    """Takes clients; `seen` outlives the instance."""

    seen: ClassVar[list[Any]] = []
    instances: ClassVar[list[Any]] = []
    steps: ClassVar[dict[str, Any]] = {}

    def __init__(self, ctx, env):
        super().__init__(ctx, env)
        self.door = asyncio.Event()
        self.instances.append(self)
        if "construct" in self.steps:
            self.steps["construct"](self)

    async def fetch(self, request):
        client, server = WebSocketPair()
        self.ctx.accept_web_socket(server, request.query.get_all("tag"))
        for text in request.query.get_all("first"):
            server.send(text)
        if request.path == "/fails":
            raise ValueError("after all not")
        headers = {"sec-websocket-protocol": "chat"} if request.path == "/chat" else None
        return Response(None, status=101, headers=headers, web_socket=client)

    async def do(self, step, *args):
        result = self.steps[step](self, *args)
        return await result if asyncio.iscoroutine(result) else result

    async def web_socket_message(self, ws, message):
        step = self.steps.get("message")
        if step is not None:
            await step(self, ws, message)
        else:
            self.seen.append(message)
            ws.send(message)

    async def web_socket_close(self, ws, code, reason, was_clean):
        self.seen.append((code, reason, was_clean))
        if "close" in self.steps:
            self.steps["close"](self, ws)

    async def web_socket_error(self, ws, error):
        self.seen.append(error)


async def turns(count=5):
    for _ in range(count):
        await asyncio.sleep(0)


def evict(world):
    """Let everything that rests leave memory."""
    world.clock.advance(11)
    world.registry.sweep()


def numbers(self, tag=None):
    return [each.number for each in self.ctx.get_web_sockets(tag)]
