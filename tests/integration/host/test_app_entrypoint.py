"""An ASGI or WSGI app as the entrypoint, in front of objects on two hosts."""

from __future__ import annotations

import asyncio
import threading

import flask
import pytest
from fastapi import FastAPI
from starlette.requests import Request as StarletteRequest  # noqa: TC002 (FastAPI reads it)

import sourdough
from sourdough import DurableObject, Response
from sourdough.apps.kind import kind_of
from sourdough.host.app import entrypoint_of
from sourdough.wire.heads import Kind, RequestHead
from sourdough.wire.messages import LoadFailed, Ready
from tests.integration.host.conftest import Client


class Thing(DurableObject):
    async def add(self, by=1):
        value = await self.ctx.storage.get("value", 0) + by
        await self.ctx.storage.put("value", value)
        return value

    async def refuse(self):
        raise LookupError("refused")

    async def count(self, to):
        for number in range(to):
            yield number

    async def fetch(self, request):
        return Response.json({"path": request.path, "body": await request.text()})


@pytest.fixture
def serving(cluster):
    """Hosts whose entrypoint is an app."""

    def build(app, **options):
        entrypoint = entrypoint_of(app, kind_of(app), "api")
        return cluster(Thing, entrypoint=entrypoint, **options)

    return build


def entry(made, path="/", *, method="GET", body=b"", headers=b""):
    return made.entry(
        kind=Kind.ENTRY, method=method.encode(), target=path.encode(), body=body,
        client=b"10.0.0.7", headers=b"host: shop.test\r\n" + headers,
    ).answer()  # fmt: skip


# --- ASGI


async def test_a_fastapi_entrypoint_reaches_objects(serving):
    """`env` is in the scope and in the state; stubs reach both hosts."""
    api = FastAPI()

    @api.post("/add/{name}")
    async def add(name: str, request: StarletteRequest):
        assert request.scope["env"] is request.state.env
        return {"value": await request.state.env.THING.get_by_name(name).add(2)}

    made = serving(api)
    for seat in (1, 2):
        name = made.name(seat=seat)
        assert await entry(made, f"/add/{name}", method="POST") == (200, b'{"value":2}')
        assert await entry(made, f"/add/{name}", method="POST") == (200, b'{"value":4}')


def lifespan_app(log, *, fails=False):
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            assert (await receive())["type"] == "lifespan.startup"
            log.append("up")
            scope["state"]["pool"] = "of " + scope["state"]["env"].greeting
            if fails:
                await send({"type": "lifespan.startup.failed", "message": "no pool"})
                return
            await send({"type": "lifespan.startup.complete"})
            await receive()
            log.append("down")
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": scope["state"]["pool"].encode()})

    return app


async def test_a_host_is_ready_when_its_app_is_up(serving):
    """The lifespan is the host's: up before it is ready, down when it ends."""
    log = []
    made = serving(lifespan_app(log), hosts=1)
    await made.until(lambda: made.told["h1"].last(Ready) is not None)
    assert log == ["up"]
    assert await entry(made) == (200, b"of hello")
    await made.close()
    assert log == ["up", "down"]


async def test_an_app_that_does_not_start_up_is_code_that_does_not_load(serving):
    """The coordinator hears why, and never that the host is ready."""
    made = serving(lifespan_app([], fails=True), hosts=1)
    await made.until(lambda: made.told["h1"].last(LoadFailed) is not None)
    told = made.told["h1"].last(LoadFailed)
    assert "no pool" in told.error
    assert "startup" in told.hint
    assert made.told["h1"].last(Ready) is None


# --- WSGI


async def test_a_flask_entrypoint_reaches_objects(serving):
    """Stubs of `sourdough.env` wait for their results, and raise what the object raised."""
    shop = flask.Flask("shop")

    @shop.post("/add/<name>")
    def add(name):
        thing = flask.request.environ["sourdough.env"].THING.get_by_name(name)
        return {"value": thing.add(by=int(flask.request.get_data() or 1)), "name": thing.name}

    @shop.get("/refused/<name>")
    def refused(name):
        try:
            flask.request.environ["sourdough.env"].THING.get_by_name(name).refuse()
        except LookupError as error:
            return f"told: {error}", 418

    made = serving(shop)
    for seat in (1, 2):
        name = made.name(seat=seat)
        status, body = await entry(made, f"/add/{name}", method="POST", body=b"5")
        assert (status, flask.json.loads(body)) == (200, {"value": 5, "name": name})
        assert await entry(made, f"/refused/{name}") == (418, b"told: refused")
    assert (await entry(made, "/nothing"))[0] == 404


async def test_the_environ_of_a_request(serving):
    """Everything that PEP 3333 asks for, as it was sent."""
    seen = {}

    def app(environ, start_response):
        seen.update(environ, body=environ["wsgi.input"].read())
        start_response("201 Created", [("X-One", "\xe4"), ("Set-Cookie", "a"), ("Set-Cookie", "b")])
        return [b"o", b"k"]

    made = serving(app, hosts=1)
    headers = (
        b"content-type: text/plain\r\nx-two: 1\r\nX-Two: 2\r\nx_two: 3\r\ncontent-length: 4\r\n"
    )
    client = made.entry(
        kind=Kind.ENTRY, method=b"PUT", target=b"/caf%C3%A9/a%2Fb?x=%20", body=b"text",
        client=b"10.0.0.7", headers=b"host: shop.test:81\r\n" + headers,
    )  # fmt: skip
    assert await client.answer() == (201, b"ok")
    assert client.block == b"X-One: \xe4\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"
    assert seen.pop("wsgi.errors").writable()
    assert "THING" in repr(seen.pop("sourdough.env"))
    seen.pop("wsgi.input")
    assert seen == {
        "REQUEST_METHOD": "PUT", "SCRIPT_NAME": "", "PATH_INFO": "/caf\xc3\xa9/a/b",
        "QUERY_STRING": "x=%20", "SERVER_NAME": "shop.test", "SERVER_PORT": "81",
        "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "10.0.0.7", "HTTP_HOST": "shop.test:81",
        "CONTENT_TYPE": "text/plain", "CONTENT_LENGTH": "4", "HTTP_X_TWO": "1,2", "body": b"text",
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input_terminated": True,
        "wsgi.multithread": True, "wsgi.multiprocess": True, "wsgi.run_once": False,
    }  # fmt: skip


async def test_asynchronous_work_from_a_wsgi_app(serving):
    """`sourdough.run` awaits on the host's loop; an object's iterator is an ordinary one."""

    def app(environ, start_response):
        thing = environ["sourdough.env"].THING.get_by_name("a")
        answer = thing.fetch("/inner", method="POST", body="hello")
        start_response("200 OK", [])
        numbers = ",".join(str(number) for number in thing.count(3))
        return [
            sourdough.run(answer.bytes()),
            numbers.encode(),
            environ["wsgi.url_scheme"].encode(),
        ]

    made = serving(app)
    assert await entry(made) == (200, b'{"path":"/inner","body":"hello"}0,1,2http')


def test_run_is_for_threads_of_apps():
    """Elsewhere one awaits: the error says so."""

    async def work(): ...

    with pytest.raises(RuntimeError, match="await it"):
        sourdough.run(work())


async def test_wsgi_requests_run_beside_each_other(serving):
    """A slow one in its thread stops neither the loop nor others."""
    go = threading.Event()

    def app(environ, start_response):
        if environ["PATH_INFO"] == "/slow":
            assert go.wait(10)
        start_response("200 OK", [])
        return [threading.current_thread().name.encode()]

    made = serving(app, hosts=1)
    slow = asyncio.ensure_future(entry(made, "/slow"))
    assert (await entry(made, "/fast"))[0] == 200
    assert not slow.done()
    go.set()
    status, name = await slow
    assert (status, name.startswith(b"sourdough-wsgi")) == (200, True)


async def test_a_wsgi_app_streams_both_ways(serving):
    """Pieces leave as they come; a body is read as it arrives."""
    received = threading.Event()

    def app(environ, start_response):
        start_response("200 OK", [])
        first = environ["wsgi.input"].read(4)
        received.set()
        yield first
        yield environ["wsgi.input"].read()

    made = serving(app, hosts=1)
    head = RequestHead(key=b"", name=None, kind=Kind.ENTRY, method=b"POST", target=b"/",
                       headers=b"host: a\r\n")  # fmt: skip
    client = Client(head, body_follows=True)
    made.peers.send(client)
    await made.until(lambda: client.granted_bytes)
    client.send_body(b"1234", False)
    await made.until(lambda: client.chunks)
    assert client.chunks == [b"1234"]
    assert received.is_set()
    client.send_body(b"56", False)
    client.send_body(b"78", True)
    assert await client.answer() == (200, b"12345678")


async def test_a_client_that_leaves_ends_a_wsgi_stream(serving):
    """The iterator is closed in its thread; the pool has the thread back."""
    closed = threading.Event()

    def app(environ, start_response):
        start_response("200 OK", [])
        try:
            while True:
                yield b"x" * 1000
        finally:
            closed.set()

    made = serving(app, hosts=1)
    client = made.entry(kind=Kind.ENTRY, method=b"GET", target=b"/", headers=b"host: a\r\n")
    await made.until(lambda: client.chunks)
    client.cancel()
    await made.until(closed.is_set)


@pytest.mark.parametrize(
    ("name", "text"),
    [("raises", b"the handler raised an error"), ("exits", b"the handler raised an error"),
     ("silent", b"the handler raised an error"), ("replaced", b"sorry")],
)  # fmt: skip
async def test_errors_of_a_wsgi_app(serving, name, text):
    """A 500 with the general sentence; with exc_info the app's own answer."""

    def app(environ, start_response):
        if name == "raises":
            raise ValueError("a secret")
        if name == "exits":
            raise SystemExit(3)
        if name == "replaced":
            start_response("200 OK", [])
            try:
                raise ValueError("a secret")  # noqa: TRY301
            except ValueError as error:
                start_response("500 Sorry", [], (type(error), error, error.__traceback__))
                return [b"sorry"]
        return [b"without a head"]

    made = serving(app, hosts=1)
    status, body = await entry(made)
    assert status == 500
    assert text in body
    assert b"secret" not in body


async def test_an_answer_to_head_has_no_body(serving):
    """What the app declares stays."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", "5")])
        return [b"12345"]

    made = serving(app, hosts=1)
    client = made.entry(kind=Kind.ENTRY, method=b"HEAD", target=b"/", headers=b"host: a\r\n")
    assert await client.answer() == (200, b"")
    assert b"Content-Length: 5" in client.block
