"""WebSockets that come to the entrypoint: handed over, taken by itself, or asked for in its name."""

from __future__ import annotations

from typing import Any

import sourdough
from sourdough import Request, Response, WebSocket, WebSocketPair


async def take(env: Any, ctx: Any, request: Request) -> Response:
    """Answer an upgrade as the path's first part says; the second is a room's name."""
    _, way, name, *_ = request.path.split("/")
    return await {"via": _via, "own": _own, "bridge": _bridge, "dial": _dial}[way](
        env, ctx, request, name
    )


async def _via(env: Any, ctx: Any, request: Request, name: str) -> Response:
    """Hand the client over to a room."""
    return await env.ROOM.get_by_name(name).fetch(request)


async def _own(env: Any, ctx: Any, request: Request, name: str) -> Response:
    """Take the client in the entrypoint and send back what it sends."""
    client, server = WebSocketPair()
    server.accept()

    async def echo() -> None:
        async for message in server:
            server.send(message)

    ctx.wait_until(echo())
    return Response(None, status=101, web_socket=client)


async def _bridge(env: Any, ctx: Any, request: Request, name: str) -> Response:
    """Take the client in the entrypoint, and pass what it sends to a socket of our own in a room."""
    asked = Request(f"https://room.test/room/{name}/hibernate", headers={"upgrade": "websocket"})
    far = (await env.ROOM.get_by_name(name).fetch(asked)).web_socket
    far.accept()
    return _between(ctx, far)


async def _dial(env: Any, ctx: Any, request: Request, name: str) -> Response:
    """The same over the network, as any client."""
    return _between(ctx, await sourdough.connect(f"ws://{request.host}/room/{name}/hibernate"))


def _between(ctx: Any, far: WebSocket) -> Response:
    client, server = WebSocketPair()
    server.accept()

    async def there() -> None:
        async for message in server:
            far.send(message)
        far.close(1000, "the client left")

    async def back() -> None:
        async for message in far:
            server.send(message)

    ctx.wait_until(there())
    ctx.wait_until(back())
    return Response(None, status=101, web_socket=client)
