"""An ASGI app inside an object: `app` on the class or on the instance."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest  # noqa: TC002 (FastAPI reads it)
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route

from sourdough.errors import DurableObjectError
from sourdough.objects.durable_object import DurableObject
from tests.integration.objects.asgi import answer_with, get, make

__all__ = ["get"]


async def test_a_fastapi_app_reaches_its_object(world, get):
    """`request.state.object` is the instance; its storage is that of the object."""
    api = FastAPI()

    @api.post("/count")
    async def count(request: StarletteRequest, by: int = 1):
        storage = request.state.object.ctx.storage
        value = await storage.get("value", 0) + by
        await storage.put("value", value)
        return {"value": value}

    class Room(DurableObject):
        app = api

    world.host(Room)
    assert await get("/count?by=2", method="POST") == (200, b'{"value":2}')
    assert await get("/count", method="POST") == (200, b'{"value":3}')
    assert await get("/count", method="POST", label="b") == (200, b'{"value":1}')
    status, _ = await get("/count?by=x", method="POST")
    assert status == 422


async def test_an_app_made_by_the_instance(world, get):
    """`self.app`, made in the constructor, has the instance in reach."""

    class Room(DurableObject):
        def __init__(self, ctx, env):
            super().__init__(ctx, env)
            self.app = Starlette(routes=[Route("/{word}", self.says)])
            self.said = []

        async def says(self, request):
            self.said.append(request.path_params["word"])
            return JSONResponse(self.said)

    world.host(Room)
    await get("/one")
    assert await get("/two") == (200, b'["one","two"]')


async def test_the_scope_of_a_request(world, get):
    """Everything that ASGI asks for, as it was sent."""
    seen = {}

    async def app(scope, receive, send):
        if scope["type"] == "http":
            seen.update(scope)
            await answer_with(send)

    world.host(make(app))
    await get("/room/l%20o/a%2Fb?x=1&y=%20", headers={"X-One": "1", "x-one": "\xe4"}, mount=11)
    state = seen.pop("state")
    assert state["object"] is world.container().instance
    assert seen == {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1",
        "method": "GET", "scheme": "https", "path": "/room/l o/a/b",
        "raw_path": b"/room/l%20o/a%2Fb", "query_string": b"x=1&y=%20", "root_path": "/room/l o",
        "headers": [(b"host", b"shop.test:8787"), (b"x-one", b"1"), (b"x-one", "\xe4".encode())],
        "client": ("10.0.0.7", 0), "server": ("shop.test", 8787),
    }  # fmt: skip


async def test_a_mounted_route_finds_its_way(world, get):
    """An app answers below its route's pattern, and its own mounts below that."""

    async def hello(request):
        return PlainTextResponse(f"{request.scope['root_path']} {request.url_for('hello').path}")

    routes = [Route("/hi", hello, name="hello"), Mount("/deep", routes=[Route("/hi", hello)])]
    world.host(make(Starlette(routes=routes)))
    assert await get("/room/a/hi", mount=7) == (200, b"/room/a /room/a/hi")
    status, body = await get("/room/a/deep/hi", mount=7)
    assert (status, body.partition(b" ")[0]) == (200, b"/room/a/deep")
    assert (await get("/room/a/nothing", mount=7))[0] == 404


async def test_a_class_with_its_own_fetch_may_hand_on(world, get):
    """An own `fetch` decides; `super().fetch(request)` is the app."""
    api = FastAPI()

    @api.get("/api")
    async def answer():
        return "of the app"

    class Room(DurableObject):
        app = api

        async def fetch(self, request):
            if request.path == "/api":
                return await super().fetch(request)
            return type(await super().fetch(request))("own")

    world.host(Room)
    assert await get("/api") == (200, b'"of the app"')
    assert await get("/else") == (200, b"own")


async def test_an_app_that_is_none_is_told(world, get):
    """A WSGI app, or anything else, instead of an ASGI app: the error says what it is."""

    def wsgi(environ, start_response): ...

    for wrong, text in [(wsgi, "Room.app is a WSGI app"), ({}, "Room.app is a dict")]:
        member = wrong if isinstance(wrong, dict) else staticmethod(wrong)
        world.host(type("Room", (DurableObject,), {"app": member}))
        with pytest.raises(DurableObjectError, match=text):
            await get()


async def test_an_app_may_be_a_function_or_a_method(world, get):
    """A plain function on the class is the app itself; a method gets the object as well."""

    async def plain(scope, receive, send):
        if scope["type"] == "http":
            await answer_with(send, b"plain")

    async def method(self, scope, receive, send):
        if scope["type"] == "http":
            await answer_with(send, type(self).__name__.encode())

    for member, expected in [(plain, b"plain"), (method, b"Room")]:
        world.host(type("Room", (DurableObject,), {"app": member}))
        assert await get() == (200, expected)
        await world.registry.release_all()
