"""The lifespan of an app inside an object is that of the instance."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from sourdough.errors import DurableObjectError
from sourdough.objects.durable_object import DurableObject
from tests.integration.objects.asgi import answer_with, get, make

__all__ = ["get"]


def with_lifespan(log, *, startup=None):
    @asynccontextmanager
    async def lifespan(app):
        log.append("up")
        if startup is not None:
            await startup()
        yield {"seen": log}
        log.append("down")

    async def hello(request):
        request.state.seen.append("request")
        return PlainTextResponse(type(request.state.object).__name__)

    return Starlette(routes=[Route("/", hello)], lifespan=lifespan)


async def test_the_lifespan_is_that_of_the_instance(world, get):
    """Up before the first request, down at the eviction, up again with the next instance."""
    log = []
    world.host(make(with_lifespan(log)))
    assert await get() == (200, b"Room")
    await get()
    assert log == ["up", "request", "request"]
    await world.registry.release_all()
    assert log == ["up", "request", "request", "down"]
    await get()
    assert log[4:] == ["up", "request"]


async def test_each_instance_has_its_own_lifespan(world, get):
    """One app of the class, two objects: two lifespans."""
    log = []
    world.host(make(with_lifespan(log)))
    await get(label="a")
    await get(label="b")
    assert log.count("up") == 2


async def test_a_lifespan_does_not_keep_an_object_in_memory(world, get):
    """An idle object leaves memory, and its app is shut down before the storage closes."""
    log = []

    class Room(DurableObject):
        def __init__(self, ctx, env):
            super().__init__(ctx, env)
            self.app = with_lifespan(log)

        async def alarm(self): ...

    world.host(Room, hibernate_after=0.0)
    await get()
    world.registry.sweep()
    async with asyncio.timeout(5):
        while "down" not in log:
            await asyncio.sleep(0)


async def test_the_startup_waits_for_the_constructor_and_may_use_the_storage(world, get):
    """It runs behind `block_concurrency_while` of the constructor, and shutdown may still write."""

    class Room(DurableObject):
        def __init__(self, ctx, env):
            super().__init__(ctx, env)
            ctx.block_concurrency_while(self.prepare)

        async def prepare(self):
            await asyncio.sleep(0)
            await self.ctx.storage.put("prepared", True)

        @staticmethod
        async def app(scope, receive, send):
            storage = scope["state"]["object"].ctx.storage
            if scope["type"] == "http":
                names = [*await storage.list()]
                await answer_with(send, " ".join(names).encode())
                return
            await receive()
            assert await storage.get("prepared")
            await storage.put("started", True)
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await storage.put("stopped", True)
            await send({"type": "lifespan.shutdown.complete"})

    world.host(Room)
    assert await get() == (200, b"prepared started")
    await world.registry.release_all()
    assert await get() == (200, b"prepared started stopped")


async def test_a_failed_startup_is_a_failed_constructor(world, get):
    """The callers get the error; the next event tries anew."""
    log = []

    async def startup():
        if log.count("up") == 1:
            raise ValueError("no room")

    world.host(make(with_lifespan(log, startup=startup)))
    first, second = get(), get()
    for each in (first, second):
        with pytest.raises(DurableObjectError, match="no room") as raised:
            await each
        assert raised.value.durable_object_reset
    assert await get() == (200, b"Room")


@pytest.mark.parametrize("way", ["raises", "returns"])
async def test_an_app_need_not_know_of_lifespans(world, get, way):
    """A plain callable that refuses or ignores them serves requests."""

    async def app(scope, receive, send):
        if scope["type"] != "http":
            if way == "raises":
                raise AssertionError(scope["type"])
            return
        await answer_with(send, b"ok")

    world.host(make(app))
    assert await get() == (200, b"ok")


async def test_a_reset_shuts_the_app_down(world, get):
    """The instance is dead, but what its app has opened is closed."""
    log = []
    world.host(make(with_lifespan(log)))
    await get()
    world.container().reset(ValueError("gone"))
    async with asyncio.timeout(5):
        while log[-1] != "down":
            await asyncio.sleep(0)
    assert await get() == (200, b"Room")
