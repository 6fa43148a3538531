"""An app inside an object: bodies, clients that leave, work behind the answer, errors."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import FastAPI, HTTPException
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request as StarletteRequest  # noqa: TC002 (FastAPI reads it)
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route

from sourdough.errors import DurableObjectError, StorageError
from sourdough.http import BodyReader, Request
from sourdough.objects.durable_object import DurableObject
from sourdough.objects.event import Event
from tests.integration.objects.asgi import answer_with, get, make
from tests.integration.objects.conftest import Waiting

__all__ = ["get"]


# --- bodies


async def test_a_request_body_is_pulled(world, get):
    """`receive` takes a piece when the app asks for it, and gives credit for it then."""
    taken = []
    reader = BodyReader(taken.append)
    more = asyncio.Event()

    async def app(scope, receive, send):
        if scope["type"] != "http":
            return
        pieces = [(await receive())["body"]]
        more.set()
        while (message := await receive())["more_body"]:
            pieces.append(message["body"])
        await answer_with(send, b"|".join(pieces))

    world.host(make(app))
    request = Request.received(b"POST", b"/", b"", b"host: a\r\n", reader, False, 1)
    answer = get(request=request)
    for piece in (b"one", b"two"):
        reader.feed(piece, end=False)
    await more.wait()
    assert taken[:1] == [3]
    reader.feed(b"three", end=True)
    assert await answer == (200, b"one|two|three")


async def test_a_streamed_answer_leaves_piece_by_piece(world, get):
    """Nothing is collected, and `send` waits for who reads."""
    sent = []

    async def app(scope, receive, send):
        if scope["type"] != "http":
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(4):
            await send({"type": "http.response.body", "body": b"%d" % number, "more_body": True})
            sent.append(number)
        await send({"type": "http.response.body"})

    world.host(make(app))
    waiting = Waiting()
    steps = []

    async def stream(response, before_chunk):
        async for chunk in response.stream():
            steps.append((chunk, len(sent)))
            await asyncio.sleep(0.001)
        waiting._resolve(response.status)

    waiting.stream = stream
    event = Event(waiting, 1, 1, Request("/"))
    world.registry.deliver(world.key(), None, event)
    assert await waiting.answer == 200
    assert [chunk for chunk, _ in steps] == [b"0", b"1", b"2", b"3"]
    assert all(ahead - int(chunk) <= 1 for chunk, ahead in steps), steps


async def test_an_answer_waits_for_the_commits_of_its_handler(world, get):
    """The output gate holds whole answers and pieces (invariant S1)."""

    async def write(request):
        await request.state.object.ctx.storage.put("a", request.url.query)
        return PlainTextResponse("written")

    async def pieces(request):
        async def make():
            await request.state.object.ctx.storage.put("b", 1)
            yield b"piece"

        return StreamingResponse(make())

    world.host(make(Starlette(routes=[Route("/write", write), Route("/pieces", pieces)])))
    assert (await get("/write?1"))[0] == 200  # the file is made here, which waits for the disk
    world.disk.go.clear()
    answers = [get("/write?2"), get("/pieces")]
    for _ in range(50):
        await asyncio.sleep(0)
    assert not any(answer.done() for answer in answers)
    world.disk.go.set()
    assert [(await answer)[0] for answer in answers] == [200, 200]


async def test_a_head_request_has_no_body(world, get):
    """What the app declares about the body stays, the body does not."""

    async def app(scope, receive, send):
        if scope["type"] == "http":
            await answer_with(send, b"12345", headers=[(b"content-length", b"5")])

    world.host(make(app))
    assert await get(method="HEAD") == (200, b"")


# --- the client leaves


async def test_a_client_that_leaves_is_told_to_the_app(world, get):
    """`http.disconnect`; the app's work goes on (invariant D7)."""
    done = asyncio.Event()

    async def app(scope, receive, send):
        if scope["type"] != "http":
            return
        assert (await receive())["type"] == "http.request"
        while (await receive())["type"] != "http.disconnect":
            pass
        await scope["state"]["object"].ctx.storage.put("left", True)
        await answer_with(send)
        done.set()

    world.host(make(app))
    request = Request("/")
    get(request=request)
    await asyncio.sleep(0.01)
    request.leave()
    await asyncio.wait_for(done.wait(), 5)


async def test_a_stream_without_a_reader_ends(world, get):
    """A reader that leaves in the middle ends the app's stream; its generator is closed."""
    closed = asyncio.Event()

    async def forever(request):
        async def ticks():
            try:
                while True:
                    yield b"tick"
                    await asyncio.sleep(0.001)
            finally:
                closed.set()

        return StreamingResponse(ticks())

    world.host(make(Starlette(routes=[Route("/", forever)])))
    waiting = Waiting()

    async def stream(response, before_chunk):
        chunks = response.stream()
        assert await anext(chunks) == b"tick"
        await chunks.aclose()
        waiting._resolve("left")

    waiting.stream = stream
    world.registry.deliver(world.key(), None, Event(waiting, 1, 1, Request("/")))
    assert await waiting.answer == "left"
    await asyncio.wait_for(closed.wait(), 5)
    async with asyncio.timeout(5):
        while world.container().busy:
            await asyncio.sleep(0)


async def test_an_app_that_sends_to_nobody_does_not_keep_the_loop(world, get):
    """A loop of `send` without an end ends with an OSError."""
    ended = asyncio.Event()

    async def app(scope, receive, send):
        if scope["type"] != "http":
            return
        await send({"type": "http.response.start", "status": 200})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
        except OSError:
            ended.set()
            raise

    world.host(make(app))
    waiting = Waiting()

    async def stream(response, before_chunk):
        waiting._resolve("left")

    waiting.stream = stream
    world.registry.deliver(world.key(), None, Event(waiting, 1, 1, Request("/")))
    await waiting.answer
    await asyncio.wait_for(ended.wait(), 5)


# --- behind the answer, and errors


async def test_background_tasks_run_and_keep_the_object(world, get):
    """What Starlette runs behind an answer is work of the object."""
    go = asyncio.Event()

    async def later(storage):
        await go.wait()
        await storage.put("later", 1)

    async def handler(request):
        storage = request.state.object.ctx.storage
        return PlainTextResponse("now", background=BackgroundTask(later, storage))

    world.host(make(Starlette(routes=[Route("/", handler)])))
    assert await get() == (200, b"now")
    assert world.container().busy
    go.set()
    async with asyncio.timeout(5):
        while world.container().busy:
            await asyncio.sleep(0)
    assert await world.container().database.sync() is None


@pytest.mark.parametrize("framework", [FastAPI, Starlette])
async def test_an_error_that_nobody_handles_is_ours(world, get, framework):
    """Not the bare sentence of the framework: who asked sees what every handler's error looks like."""

    async def broken(request: StarletteRequest):
        raise LookupError("not there")

    app = framework()
    app.add_route("/", broken)
    world.host(make(app))
    with pytest.raises(LookupError, match="not there"):
        await get()


async def test_an_error_that_the_app_handles_is_its_own(world, get):
    """An HTTPException, and a handler for everything, answer as the app says."""
    api = FastAPI()

    @api.get("/refused")
    async def refused():
        raise HTTPException(418, "short and stout")

    @api.get("/broken")
    async def broken():
        raise ValueError("a secret")

    @api.exception_handler(Exception)
    async def handle(request, error):
        return JSONResponse({"sorry": True}, status_code=500)

    world.host(make(api))
    assert await get("/refused") == (418, b'{"detail":"short and stout"}')
    assert await get("/broken") == (500, b'{"sorry":true}')


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ([], "ended before its answer was complete"),
        ([{"type": "http.response.body"}], "where it has no place"),
        ([{"type": "http.response.start", "status": 99}], "99"),
        ([{"type": "http.response.start", "status": 200, "headers": [("a", "b")]}], "pair of bytes"),
        ([{"type": "http.response.start", "status": 200, "headers": [(b"a", b"b\r\nc: d")]}],
         "cannot be sent"),
        ([{"type": "http.response.start", "status": 200}] * 2, "where it has no place"),
    ],
)  # fmt: skip
async def test_an_app_that_breaks_the_rules_is_told(world, get, messages, text):
    """Each is an error of the app, and the object lives on."""

    async def app(scope, receive, send):
        if scope["type"] == "http":
            for message in messages:
                await send(message)

    world.host(make(app))
    with pytest.raises(DurableObjectError, match=text):
        await get()


async def test_an_answer_that_is_cut_short_is_an_error(world, get):
    """A stream whose app raises never gets its end."""

    async def app(scope, receive, send):
        if scope["type"] == "http":
            await answer_with(send, b"begin", more=True)
            raise LookupError("in the middle")

    world.host(make(app))
    with pytest.raises(LookupError, match="in the middle"):
        await get()


async def test_an_exit_in_an_app_ends_nothing_else(world, get):
    """`sys.exit()` in a handler is an error of that request."""

    async def app(scope, receive, send):
        if scope["type"] == "http":
            raise SystemExit(3)

    world.host(make(app))
    with pytest.raises(DurableObjectError, match="SystemExit"):
        await get()


async def test_an_app_without_a_route_for_a_websocket_refuses_it(world, get):
    """ASGI: a close before the accept is a 403."""
    world.host(make(FastAPI()))
    status, _ = await get(headers={"Upgrade": "websocket", "Connection": "upgrade"})
    assert status == 403


async def test_calls_reach_an_object_with_an_app(world, get):
    """Methods of the class are called as without an app."""

    class Room(DurableObject):
        app = FastAPI()

        async def ping(self):
            return "pong"

    world.host(Room)
    assert await world.call("ping") == "pong"


async def test_a_handler_in_a_thread_is_kept_from_the_storage(world, get):
    """FastAPI runs a plain `def` in a thread: nothing of it is written, and the object lives on."""
    api = FastAPI()

    @api.get("/plain")
    def plain(request: StarletteRequest):
        request.state.object.ctx.storage.kv.put("a", 1)

    @api.get("/async")
    async def within(request: StarletteRequest):
        return request.state.object.ctx.storage.kv.get("a", "nothing")

    world.host(make(api))
    with pytest.raises(StorageError, match="this is another thread"):
        await get("/plain")
    assert await get("/async") == (200, b'"nothing"')


async def test_middleware_of_the_framework(world, get):
    """What wraps an app and its streams works as under any server."""
    app = Starlette(
        routes=[Route("/", lambda request: StreamingResponse(iter([b"a", b"b"])))],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=marked)],
    )
    world.host(make(app))
    assert await get() == (200, [b"a", b"b"])
    assert (await get("/none"))[0] == 404


async def marked(request, call_next):
    response = await call_next(request)
    response.headers["x-marked"] = "yes"
    return response
