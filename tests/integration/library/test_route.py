"""`route` as a function and as an ASGI app, mounted in frameworks; the hosts are real processes."""

from __future__ import annotations

import asyncio
import os

import httpx2
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from sourdough import ClusterCoordinator, DurableObject, Request, route
from tests.integration.library.rooms import Room

LARGE = 1_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A storage folder for all tests of this module."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
async def coordinator(folder):
    """A running coordinator with one host; `hosts_are_used` has another."""
    async with ClusterCoordinator(
        host_count=0, storage_dir=folder, durable_objects={"ROOM": Room}
    ) as running:
        yield running


def client_of(app):
    """A client that calls an app without a socket in between."""
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://test")


async def test_a_route_mounts_in_starlette_and_fastapi(tmp_path):
    """The object gets the request as the client sent it, and runs in a host."""
    coordinator = ClusterCoordinator(host_count=2, storage_dir=tmp_path)
    rooms = route(coordinator, Room)
    fastapi = FastAPI()
    fastapi.mount("/chat", rooms)
    async with coordinator:
        for app in (Starlette(routes=[Mount("/chat", rooms)]), fastapi):
            async with client_of(app) as client:
                response = await client.post(
                    "/chat/a%20b?id=lobby&x=1", content=b"x" * 10, headers={"x-test": "1"}
                )
            assert response.status_code == 201
            assert response.headers["x-room"] == "lobby"
            said = response.json()
            assert said["pid"] != os.getpid()
            del said["pid"], said["id"]
            assert said == {
                "name": "lobby",
                "path": "/chat/a b",
                "root": "/chat",
                "method": "POST",
                "query": "id=lobby&x=1",
                "header": "1",
                "size": 10,
            }


async def test_a_route_is_a_function_too(coordinator):
    """With a Request it returns the object's Response."""
    rooms = route(coordinator, Room)
    response = await rooms(Request("/x?id=lobby"))
    assert (response.status, (await response.json())["name"]) == (200, "lobby")
    with pytest.raises(ValueError, match="on purpose"):
        await rooms(Request("/fail?id=lobby"))
    with pytest.raises(TypeError, match="expected a"):
        await rooms("/x?id=lobby")


async def _later(request):
    await asyncio.sleep(0)
    return request.headers.get("x-room")


@pytest.mark.parametrize(
    "extractor", [lambda request: request.path[1:], _later], ids=["plain", "async"]
)
async def test_an_extractor_names_the_object(coordinator, extractor):
    """It may be a plain or an async function."""
    response = await route(coordinator, Room, extractor)(
        Request("/lobby", headers={"x-room": "lobby"})
    )
    assert (await response.json())["name"] == "lobby"


async def test_an_extractor_may_return_an_id(coordinator):
    """An object without a name is reached by its id."""
    fresh = coordinator.namespace(Room).new_unique_id()
    response = await route(coordinator, Room, lambda _: fresh)(Request("/"))
    assert (
        await response.json() | {"id": str(fresh), "name": None}
        == await (await route(coordinator, Room, lambda _: fresh)(Request("/"))).json()
    )


@pytest.mark.parametrize("target", ["/", "/?id=", "/?other=1"])
async def test_a_request_that_names_no_object_is_refused(coordinator, target):
    """With 400 and a sentence, as a function and as an app."""
    rooms = route(coordinator, Room)
    response = await rooms(Request(target))
    assert response.status == 400
    async with client_of(rooms) as client:
        answer = await client.get(target)
    assert answer.status_code == 400
    assert answer.json() == await response.json()
    assert answer.json()["error"]


async def test_what_an_object_raises_is_told_as_the_gateway_tells_it(coordinator, caplog):
    """500 without the traceback; an extractor that fails is no other case."""
    async with client_of(route(coordinator, Room)) as client:
        answer = await client.get("/fail?id=a")
    assert (answer.status_code, answer.json()["error"]) == (500, "the handler raised an error")
    assert "on purpose" not in answer.text
    async with client_of(route(coordinator, Room, lambda _: 1 / 0)) as client:
        assert (await client.get("/")).status_code == 500
    assert "ZeroDivisionError" in caplog.text


async def test_bodies_are_streamed_both_ways(coordinator):
    """An upload without a length, a large one, and events as they come."""

    async def chunks():
        for _ in range(LARGE // 1000):
            yield b"x" * 1000

    async with client_of(route(coordinator, Room)) as client:
        assert (await client.post("/?id=a", content=chunks())).json()["size"] == LARGE
        assert (await client.post("/?id=a", content=b"x" * LARGE)).json()["size"] == LARGE
        async with client.stream("GET", "/events?id=a") as events:
            assert events.headers["content-type"] == "text/event-stream"
            assert "content-length" not in events.headers
            text = "".join([part async for part in events.aiter_text()])
    assert text == "data: 0\n\ndata: 1\n\ndata: 2\n\n"


async def test_a_client_that_leaves_ends_its_stream(coordinator):
    """The object's generator is closed; nothing waits for a reader that is gone."""
    closed = asyncio.Event()

    class Ticker(DurableObject):
        async def fetch(self, request):
            async def ticks():
                try:
                    while True:
                        yield b"tick"
                        await asyncio.sleep(0.01)
                finally:
                    closed.set()

            from sourdough import Response

            return Response(ticks())

    leave = asyncio.Event()
    sent = []
    whole = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive():
        for message in whole:
            return message
        await leave.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message["type"])
        if len(sent) == 3:
            leave.set()

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"id=a", "headers": []}
    await route(coordinator, Ticker)(scope, receive, send)
    async with asyncio.timeout(5):
        await closed.wait()
    assert sent[:2] == ["http.response.start", "http.response.body"]


async def test_a_header_that_would_become_two_is_refused(coordinator):
    """A server in front may let through what HTTP does not allow."""
    sent = []

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"id=a",
        "headers": [(b"x-a", b"1\r\nx-test: 2")],
    }
    await route(coordinator, Room)(scope, receive, send)
    assert sent[0]["status"] == 400


async def test_a_route_alone_is_a_whole_app(tmp_path):
    """Its lifespan starts and ends the coordinator; a start that fails is told to the server."""
    started = ClusterCoordinator(host_count=0, storage_dir=tmp_path)
    fresh = ClusterCoordinator(host_count=0, storage_dir=tmp_path / "data")
    await started.start()
    for coordinator, expected in ((fresh, "complete"), (started, "failed")):
        rooms = route(coordinator, Room)
        shutdown, sent = asyncio.Event(), []
        messages = iter(["lifespan.startup", "lifespan.shutdown"])

        async def receive(messages=messages, shutdown=shutdown):
            message = next(messages)
            if message.endswith("shutdown"):
                await shutdown.wait()
            return {"type": message}

        async def send(message, rooms=rooms, sent=sent, shutdown=shutdown):
            sent.append(message["type"])
            if message["type"] == "lifespan.startup.complete":
                assert (await rooms(Request("/?id=a"))).status == 200
                shutdown.set()

        await rooms({"type": "lifespan"}, receive, send)
        assert sent[0] == f"lifespan.startup.{expected}"
        assert len(sent) == (2 if expected == "complete" else 1)
    await started.close()


async def test_a_web_socket_is_closed_before_it_is_accepted(coordinator):
    """So the client gets 403 instead of waiting."""
    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message["type"])

    await route(coordinator, Room)({"type": "websocket"}, receive, send)
    assert sent == ["websocket.close"]
