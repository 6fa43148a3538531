"""An object with WebSockets: taken in every way, told what to do by its clients and by callers."""

from __future__ import annotations

import asyncio
import inspect
import json
import time
from collections import Counter, defaultdict
from typing import Any, ClassVar

from room_calls import Calls
from room_commands import Commands

from sourdough import DurableObject, Request, Response, WebSocketPair


class Room(Commands, Calls, DurableObject):
    heard: ClassVar[dict[str, list[Any]]] = defaultdict(list)
    """What handlers and listeners of one name's instances were told: a reset does not touch it."""
    constructed: ClassVar[Counter[str]] = Counter()

    def __init__(self, ctx: Any, env: Any) -> None:
        super().__init__(ctx, env)
        self.name = ctx.id.name
        self.constructed[self.name] += 1
        self.born = time.monotonic_ns()
        self.doors: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.kept: list[Any] = []
        restored = [
            [restored.web_socket.deserialize_attachment(), restored.in_doubt, restored.message]
            for restored in ctx.sockets_restored
        ]
        self.note("constructed", *([restored] if restored else []))

    def note(self, *what: Any) -> None:
        self.heard[self.name].append(list(what))

    # --- ways in

    async def fetch(self, request: Request) -> Response:
        way = request.path.rpartition("/")[2]
        return await getattr(self, f"way_{way}")(request)

    async def way_hibernate(self, request: Request) -> Response:
        """Take the client by `accept_web_socket`, with the query's tags and its id as attachment."""
        client, server = WebSocketPair()
        self.ctx.accept_web_socket(server, request.query.get_all("tag"))
        if "id" in request.query:
            server.serialize_attachment(request.query["id"])
        for text in request.query.get_all("first"):
            server.send(text)
        return Response(None, status=101, web_socket=client)

    async def way_protocol(self, request: Request) -> Response:
        client, server = WebSocketPair()
        self.ctx.accept_web_socket(server)
        headers = {"sec-websocket-protocol": "chat.v2", "x-room": self.name}
        return Response(None, status=101, headers=headers, web_socket=client)

    async def way_listen(self, request: Request) -> Response:
        """Take the client by `accept`, with a listener for each event."""
        client, server = WebSocketPair()
        server.accept()

        async def message(event: Any) -> None:
            self.note("message", event.data)
            server.send(event.data)

        server.add_event_listener("message", message)
        server.add_event_listener(
            "close", lambda event: self.note("close", event.code, event.reason, event.was_clean)
        )
        server.add_event_listener("error", lambda event: self.note("error", str(event.error)))
        self.kept.append(server)
        return Response(None, status=101, web_socket=client)

    async def way_iterate(self, request: Request) -> Response:
        """Take the client by `accept`, and answer each message in a loop."""
        client, server = WebSocketPair()
        server.accept()

        async def read() -> None:
            async for message in server:
                self.note("message", message)
                server.send(message)
            self.note("end", server.ready_state)

        self.ctx.wait_until(read())
        return Response(None, status=101, web_socket=client)

    async def way_receive(self, request: Request) -> Response:
        """Take the client by `accept`, and read two messages one by one."""
        client, server = WebSocketPair()
        server.accept()

        async def read() -> None:
            server.send(f"{await server.receive()}, {await server.receive()}")
            server.close(1000, "that is all")
            await server.wait_closed()
            self.note("closed", server.ready_state)

        self.ctx.wait_until(read())
        return Response(None, status=101, web_socket=client)

    async def way_late(self, request: Request) -> Response:
        """Answer when somebody has opened a door."""
        self.note("waits")
        await self.doors["late"].wait()
        return await self.way_hibernate(request)

    async def way_never(self, request: Request) -> Response:
        """Accept the client and then refuse it."""
        await self.way_hibernate(request)
        raise ValueError("not this one")

    async def way_refuse(self, request: Request) -> Response:
        return Response("no seat", status=404, headers={"x-why": "full"})

    async def way_plain(self, request: Request) -> Response:
        return Response("as any request")

    async def way_bare(self, request: Request) -> Response:
        """Answer 101 without a socket; the attempt raises."""
        try:
            return Response(None, status=101)
        except ValueError as error:
            return Response(str(error))

    async def way_relay(self, request: Request) -> Response:
        """Hand the client over to another room, whose name is in the query; that one takes it."""
        if request.query["to"] == self.name:
            return await self.way_hibernate(request)
        return await self.env.ROOM.get_by_name(request.query["to"]).fetch(request)

    async def way_unaccepted(self, request: Request) -> Response:
        """Send on an end that nobody has accepted."""
        client, server = WebSocketPair()
        try:
            server.send("too early")
        except TypeError as error:
            self.note(str(error))
        self.ctx.accept_web_socket(server)
        return Response(None, status=101, web_socket=client)

    async def way_gone(self, request: Request) -> Response:
        """Greet the client, write, and abort before the answer can leave."""
        client, server = WebSocketPair()
        self.ctx.accept_web_socket(server)
        server.send("never")
        await self.ctx.storage.put("never", 1)
        self.ctx.abort("before the answer")
        return Response(None, status=101, web_socket=client)

    # --- handlers

    async def web_socket_message(self, ws: Any, message: str | bytes) -> None:
        """Run a command, which begins with an exclamation mark; send anything else back."""
        if not isinstance(message, str) or not message.startswith("!"):
            self.note("message", list(message) if isinstance(message, bytes) else message)
            ws.send(message)
            return
        name, *arguments = json.loads(message[1:])
        ended = getattr(self, f"do_{name}")(ws, *arguments)
        if inspect.isawaitable(ended):
            await ended

    async def web_socket_close(self, ws: Any, code: int, reason: str, was_clean: bool) -> None:
        self.note("close", code, reason, was_clean)
        if reason == "raise":
            raise ValueError("in the handler of a close")
        if reason == "look":
            state = ws.ready_state
            ws.close(1000, "a reply of my own")
            ws.send("dropped")
            self.note("state", state, ws in self.ctx.get_web_sockets())

    async def web_socket_error(self, ws: Any, error: Exception) -> None:
        self.note("error", str(error))


class LastingRoom(Room):
    """Its binding says that its sockets outlive its own failures."""


class Deaf(DurableObject):
    """Takes clients and has no handler for what they do."""

    async def fetch(self, request: Request) -> Response:
        client, server = WebSocketPair()
        self.ctx.accept_web_socket(server)
        return Response(None, status=101, web_socket=client)

    async def sockets(self) -> int:
        return len(self.ctx.get_web_sockets())

    async def sends(self, text: str) -> None:
        for each in self.ctx.get_web_sockets():
            each.send(text)
