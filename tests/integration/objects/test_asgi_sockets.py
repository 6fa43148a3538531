"""WebSockets of an ASGI app inside an object: plain ones, that the app accepts or refuses."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import WebSocketRoute

from sourdough.errors import WebSocketClosedError
from tests.integration.objects.asgi import get, make

__all__ = ["get"]

UPGRADE = {"upgrade": "websocket", "connection": "upgrade"}


@pytest.fixture
def connect(world, get):
    """Ask an object for a WebSocket; return (status, the client's end, headers)."""

    async def ask(path="/", headers=()):
        reply = await get(path, headers={**UPGRADE, **dict(headers)})
        if isinstance(reply, tuple):  # an ordinary answer
            return reply[0], None, reply[1]
        client = reply.web_socket
        client.accept()
        return reply.status, client, reply.headers

    return ask


async def test_a_fastapi_socket_reaches_its_object(world, connect):
    """`websocket.state.object` is the instance; text and bytes go both ways."""
    api = FastAPI()

    @api.websocket("/echo/{word}")
    async def echo(websocket: WebSocket, word: str, times: int = 1):
        await websocket.accept()
        storage = websocket.state.object.ctx.storage
        async for text in websocket.iter_text():
            await storage.put("last", text)
            await websocket.send_text(f"{word} {text}" * times)
            await websocket.send_bytes(text.encode())

    world.host(make(api))
    status, client, _ = await connect("/echo/hi?times=2")
    assert status == 101
    client.send("x")
    assert [await client.receive(), await client.receive()] == ["hi xhi x", b"x"]
    client.close(4000, "bye")
    end = await client.wait_closed()
    assert (end.code, end.was_clean) == (4000, True)


async def test_the_app_hears_how_the_client_left(world, connect):
    """Code and reason arrive as `websocket.disconnect`."""
    heard = asyncio.get_running_loop().create_future()

    async def app(websocket):
        await websocket.accept()
        try:
            await websocket.receive_text()
        except WebSocketDisconnect as left:
            heard.set_result((left.code, left.reason))

    world.host(make(Starlette(routes=[WebSocketRoute("/", app)])))
    _, client, _ = await connect()
    client.close(4001, "enough")
    assert await heard == (4001, "enough")


async def test_subprotocol_and_headers_of_the_acceptance(world, connect):
    """What the app chooses and adds stands in the answer of 101."""

    async def app(websocket):
        await websocket.accept(
            subprotocol=websocket.scope["subprotocols"][1], headers=[(b"x-room", b"7")]
        )
        await websocket.close(4002, "done")

    world.host(make(Starlette(routes=[WebSocketRoute("/", app)])))
    _, client, headers = await connect(headers={"sec-websocket-protocol": "one, two"})
    assert (headers["sec-websocket-protocol"], headers["x-room"]) == ("two", "7")
    end = await client.wait_closed()
    assert (end.code, end.reason) == (4002, "done")


async def test_a_refusal_is_an_ordinary_answer(world, connect):
    """403 without a word, or the answer that the app sends."""

    async def refuse(websocket):
        await websocket.close()

    async def explain(websocket):
        await websocket.send_denial_response(PlainTextResponse("members only", status_code=402))

    routes = [WebSocketRoute("/refuse", refuse), WebSocketRoute("/explain", explain)]
    world.host(make(Starlette(routes=routes)))
    assert (await connect("/refuse"))[0] == 403
    status, _, body = await connect("/explain")
    assert (status, body) == (402, b"members only")


async def test_an_app_that_fails_or_ends_closes_the_socket(world, connect):
    """1011 for an error, 1000 for an app that has nothing more to say."""

    async def fails(websocket):
        await websocket.accept()
        raise ValueError("no")

    async def ends(websocket):
        await websocket.accept()

    routes = [WebSocketRoute("/fails", fails), WebSocketRoute("/ends", ends)]
    world.host(make(Starlette(routes=routes)))
    for path, code in (("/fails", 1011), ("/ends", 1000)):
        _, client, _ = await connect(path)
        with pytest.raises(WebSocketClosedError) as ended:
            await client.receive()
        assert ended.value.code == code


async def test_an_app_that_fails_before_it_answers(world, get):
    """The error reaches the caller as that of any handler does."""

    async def app(scope, receive, send):
        raise ValueError("not today")

    world.host(make(app))
    with pytest.raises(ValueError, match="not today"):
        await get("/", headers=UPGRADE)
