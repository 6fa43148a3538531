"""Stubs: the same from the object's own process and from another host."""

from __future__ import annotations

import asyncio

import pytest

from sourdough.errors import DurableObjectError, RemoteError
from sourdough.http import Request, Response
from sourdough.objects.durable_object import DurableObject
from tests.integration.host.reached import stub_of


class OwnError(Exception):
    """An exception of the user."""


class Thing(DurableObject):
    started = None
    waiting = None
    cancelled = False
    seen: list = []  # noqa: RUF012 (the test's notebook)

    async def add(self, left, right=0):
        return left + right

    async def whoami(self):
        return self.ctx.id.name

    async def echo(self, value):
        return value

    async def size(self, value):
        return len(value)

    async def fail(self, kind):
        raise {"value": ValueError, "key": KeyError, "own": OwnError, "exit": SystemExit}[kind](
            "boom"
        )

    async def wait(self):
        type(self).started.set()
        try:
            await type(self).waiting.wait()
        except asyncio.CancelledError:
            type(self).seen.append("cancelled")
            raise
        await self.ctx.storage.put("done", True)
        type(self).seen.append("done")
        return "late"

    async def through(self, name, method, *args):
        return await getattr(self.env.THING.get_by_name(name), method)(*args)

    async def there_and_back(self, name, me):
        return await self.env.THING.get_by_name(name).through(me, "whoami")

    async def write_then_call(self, name):
        await self.ctx.storage.put("x", 1)
        return await self.env.THING.get_by_name(name).whoami()

    async def fetch(self, request):
        match request.path:
            case "/echo":
                return Response(await request.bytes(), headers={"x-method": request.method})
            case "/stream":
                return Response(self._chunks(int(request.query["n"])))
            case "/cut":
                return Response(self._cut())
            case "/raise":
                raise OwnError("boom")
            case "/url":
                return Response(request.url)
            case _:
                return Response(f"{request.method} {request.target} {request.headers.get('x-a')}")

    async def _chunks(self, count):
        for number in range(count):
            yield bytes([number % 256]) * 1000

    async def _cut(self):
        yield b"some"
        raise ValueError("half way")


@pytest.fixture(params=["here", "there"])
async def reached(request, cluster):
    """A cluster and a name whose object lives on host 1 (here) or on host 2 (there)."""
    Thing.started, Thing.waiting, Thing.seen = asyncio.Event(), asyncio.Event(), []
    made = cluster(Thing)
    return made, made.name(seat=1 if request.param == "here" else 2)


async def test_a_call_and_its_result(reached):
    """Positional and keyword arguments, a result, the callee's name."""
    stub = stub_of(reached)
    assert await stub.add(2, right=3) == 5
    assert await stub.whoami() == reached[1]
    assert stub.name == reached[1]


@pytest.mark.parametrize("size", [0, 1000, 65_000, 70_000, 3_000_000])
async def test_values_of_every_size(reached, size):
    """Inline or in pieces, arguments and results arrive whole."""
    value = bytes(range(256)) * (size // 256 + 1)
    assert await stub_of(reached).echo(value) == value


async def test_errors_are_the_same_from_everywhere(reached):
    """Type, message and flags do not depend on where the callee lives (trap 32)."""
    stub = stub_of(reached)
    with pytest.raises(ValueError, match="boom") as raised:
        await stub.fail("value")
    assert raised.value.remote
    with pytest.raises(KeyError) as raised:
        await stub.fail("key")
    assert raised.value.args == ("boom",)
    with pytest.raises(OwnError, match="boom") as own:
        await stub.fail("own")
    assert own.value.remote
    assert own.value.durable_object_id == str(stub.id)
    with pytest.raises(RemoteError, match="SystemExit"):
        await stub.fail("exit")
    with pytest.raises(AttributeError, match='does not implement the method "nope"'):
        await stub.nope()


async def test_arguments_above_32_mib_are_refused_before_they_leave(reached):
    """The limit of values that cross between objects (2.6)."""
    with pytest.raises(ValueError, match="limited to 32MiB"):
        await stub_of(reached).size(bytes(32 * 1024 * 1024 + 1))


async def test_a_fetch(reached):
    """Method, target and headers arrive; so does the answer."""
    stub = stub_of(reached)
    response = await stub.fetch("/a?b=c", method="PUT", headers={"x-a": "1"})
    assert response.status == 200
    assert await response.text() == "PUT /a?b=c 1"


async def test_a_fetch_that_raises(reached):
    """The caller gets the exception, wherever the object lives (2.13)."""
    with pytest.raises(OwnError, match="boom") as raised:
        await stub_of(reached).fetch("/raise")
    assert raised.value.remote


async def test_the_url_of_a_fetch_arrives(reached):
    """Its host need not exist (2.1)."""
    response = await stub_of(reached).fetch("https://example.test/url?a=b")
    assert await response.text() == "https://example.test/url?a=b"


@pytest.mark.parametrize("size", [0, 100, 65_536, 65_537, 1_000_000])
async def test_bodies_both_ways(reached, size):
    """Whole bodies of any size go and come back."""
    body = b"x" * size
    response = await stub_of(reached).fetch("/echo", method="POST", body=body)
    assert response.headers["x-method"] == "POST"
    assert await response.bytes() == body


async def test_streamed_bodies_both_ways(reached):
    """Iterators are sent piece by piece, under credit."""
    stub = stub_of(reached)

    async def body():
        for _ in range(1000):
            yield b"y" * 1000

    response = await stub.fetch("/echo", method="POST", body=body())
    assert await response.bytes() == b"y" * 1_000_000
    streamed = await stub.fetch("/stream?n=1000")
    assert len(await streamed.bytes()) == 1_000_000


async def test_a_request_body_that_raises_is_an_error_of_the_caller(reached):
    """The caller's own exception comes back to it; nobody waits for ever."""

    async def body():
        yield b"some"
        raise LookupError("no more")

    with pytest.raises((LookupError, ConnectionError)):
        await stub_of(reached).fetch("/echo", method="POST", body=body())


async def test_a_response_body_that_raises_is_cut_short(reached):
    """Never an end that looks proper (invariant D3)."""
    stub = stub_of(reached)
    with pytest.raises(ConnectionError):  # noqa: PT012 (over a link the end overtakes the head)
        response = await stub.fetch("/cut")
        await response.bytes()


async def test_a_caller_that_is_cancelled_cancels_the_callee(reached):
    """Nobody waits for that call any more; a client that leaves is something else (D7)."""
    call = asyncio.ensure_future(stub_of(reached).wait())
    other = asyncio.ensure_future(stub_of(reached).wait())
    await asyncio.wait_for(Thing.started.wait(), 5)
    await stub_of(reached).whoami()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    made, _ = reached
    await made.until(lambda: Thing.seen == ["cancelled"])
    Thing.waiting.set()
    assert await other == "late"
    assert Thing.seen == ["cancelled", "done"]


async def test_a_calls_b_calls_a(reached):
    """An object that waits for another is not blocked (trap 7)."""
    made, name = reached
    home = made.name(seat=1, number=7)
    assert await made.stub(home, seat=1).there_and_back(name, home) == home


async def test_calls_of_one_stub_arrive_in_order(cluster):
    """A thousand calls that nobody awaited yet append in order (2.10, trap 29)."""

    class Appends(Thing):
        async def append(self, number):
            Thing.seen.append(number)

    Thing.seen = []
    made = cluster(Appends)
    for seat in (1, 2):
        Thing.seen.clear()
        stub = made.stub(made.name(seat=seat), seat=1)
        await asyncio.gather(*(stub.append(number) for number in range(1000)))
        assert Thing.seen == list(range(1000))


async def test_headers_too_large_for_a_link_are_the_senders_error(reached):
    """Nobody else's calls suffer from one that cannot travel."""
    made, name = reached
    far = made.stub(made.name(seat=2), seat=1)
    waiting = asyncio.ensure_future(far.wait())
    await asyncio.wait_for(Thing.started.wait(), 5)
    giant = Request("/", headers={"x-a": "a" * 2_000_000})
    if name == made.name(seat=2):
        with pytest.raises(ValueError, match="too long"):
            await made.stub(name, seat=1).fetch(giant)
    else:
        assert (await made.stub(name, seat=1).fetch(giant)).status == 200
    Thing.waiting.set()
    assert await waiting == "late"


async def test_a_lost_host_gives_a_retryable_error(cluster):
    """Delivered and lost: it may or may not have run (invariant D3)."""
    Thing.started, Thing.waiting, Thing.seen = asyncio.Event(), asyncio.Event(), []
    made = cluster(Thing)
    call = asyncio.ensure_future(made.stub(made.name(seat=2), seat=1).wait())
    await asyncio.wait_for(Thing.started.wait(), 5)
    for link in made.host(2).host.all_links():
        link.drop()
    with pytest.raises(DurableObjectError) as raised:
        await call
    assert raised.value.retryable
    Thing.waiting.set()
