"""An ASGI app inside an object: `app` on the class or on the instance."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI, HTTPException
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request as StarletteRequest  # noqa: TC002 (FastAPI reads it)
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route

from sourdough.errors import DurableObjectError
from sourdough.http import BodyReader, Request
from sourdough.objects.durable_object import DurableObject
from sourdough.objects.event import Event
from tests.integration.objects.conftest import Waiting


@pytest.fixture
def get(world):
    """Send a request to an object; return the reply whose `answer` is a future."""

    def send(path="/", *, method="GET", body=b"", headers=None, label="a", mount=0, request=None):
        waiting = Waiting()
        if request is None:
            block = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
            request = Request.received(
                method.encode(), path.encode(), b"10.0.0.7",
                b"host: shop.test:8787\r\n" + block.encode(), body, True, 7, mount,
            )  # fmt: skip
        world.registry.deliver(world.key(label), None, Event(waiting, 7, 1, request))
        return waiting.answer

    return send


async def answer_with(send, body=b"", *, status=200, more=False, headers=()):
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body, "more_body": more})


def make(application, **members):
    """Return a class whose app is `application`."""
    return type("Room", (DurableObject,), {"app": staticmethod(application), **members})


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


# --- lifespan


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


async def test_an_app_that_is_none_is_told(world, get):
    """A WSGI app, or anything else, instead of an ASGI app: the error says what it is."""

    def wsgi(environ, start_response): ...

    for wrong, text in [(wsgi, "Room.app is a WSGI app"), ({}, "Room.app is a dict")]:
        member = wrong if isinstance(wrong, dict) else staticmethod(wrong)
        world.host(type("Room", (DurableObject,), {"app": member}))
        with pytest.raises(DurableObjectError, match=text):
            await get()


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


async def test_a_websocket_is_refused_with_a_sentence(world, get):
    """501 until objects take WebSockets through their app."""
    world.host(make(FastAPI()))
    status, body = await get(headers={"Upgrade": "websocket", "Connection": "upgrade"})
    assert status == 501
    assert b"WebSocket" in body


async def test_calls_reach_an_object_with_an_app(world, get):
    """Methods of the class are called as without an app."""

    class Room(DurableObject):
        app = FastAPI()

        async def ping(self):
            return "pong"

    world.host(Room)
    assert await world.call("ping") == "pong"
