"""What a person asks of an object through the coordinator: `sourdough call` and `fetch`."""

from __future__ import annotations

import asyncio
import itertools

import msgspec
import pytest

from sourdough import DurableObject, Response
from sourdough.host import errands
from sourdough.values import decode, encode
from sourdough.wire.messages import Answer, Answered, Errand
from tests.integration.host.conftest import NAME

_numbers = itertools.count(1)


class Thing(DurableObject):
    async def add(self, value, *, by=1):
        return value + by

    async def own_name(self):
        return self.ctx.id.name

    async def fails(self):
        raise ValueError("negative step")

    async def fails_with_a_timeout(self):
        raise TimeoutError("of the object's own")

    async def never(self):
        await asyncio.Event().wait()

    async def lends(self):
        return self.add

    async def unsayable(self):
        return object()

    async def count(self, to):
        for number in range(to):
            yield number

    async def fetch(self, request):
        async def pieces():
            yield await request.bytes()
            yield b"!" * int(request.query.get("more", "0"))

        return Response(pieces(), status=201, headers={"x-path": request.path})


@pytest.fixture
async def run(cluster):
    """Send an errand to the host of seat 1; return what became of it."""
    made = cluster(Thing)

    async def send(method, *args, seat=1, **fields):
        number = next(_numbers)
        name = made.name(seat=seat)
        body = fields.pop("body", None)
        kwargs = fields.pop("kwargs", {})
        errand = Errand(
            number=number, namespace=NAME, id=made.ids.from_name(name).raw, name=name,
            method=method, body=encode((args, kwargs)) if body is None else body, **fields,
        )  # fmt: skip
        made.host(1).receive(errand)
        told = made.told["h1"]
        await made.until(lambda: (last := told.last(Answer)) and last.number == number)
        return msgspec.msgpack.decode(told.last(Answer).result, type=Answered)

    return send


@pytest.mark.parametrize("seat", [1, 2])
async def test_a_call(run, seat):
    """Arguments by place and by name; the object may live in another host."""
    assert decode((await run("add", 3, kwargs={"by": 4}, seat=seat)).body) == 7
    assert decode((await run("own_name", seat=seat)).body).startswith("n")


@pytest.mark.parametrize(
    ("method", "fields", "error"),
    [
        ("fails", {}, "ValueError: negative step"),
        ("fails_with_a_timeout", {}, "TimeoutError: of the object's own"),
        ("nothing", {}, "does not implement"),
        ("_hidden", {}, "does not implement"),
        ("__init__", {}, "does not implement"),
        ("fetch", {}, "reserved"),
        ("with_timeout", {}, "does not implement"),
        ("lends", {}, "only code has it"),
        ("unsayable", {}, "TypeError"),
        ("never", {"seconds": 0.05}, "no answer within 0.05 s;"),
    ],
)
async def test_a_call_that_fails(run, method, fields, error):
    """One sentence; the host goes on."""
    assert error in (await run(method, **fields)).error


async def test_an_iterator_is_collected(run, monkeypatch):
    """Up to a number of items, and it is told when there were more."""
    monkeypatch.setattr(errands, "MAX_ITEMS", 5)
    whole, cut = await run("count", 5), await run("count", 7)
    assert (decode(whole.body), whole.cut) == ([0, 1, 2, 3, 4], False)
    assert (decode(cut.body), cut.cut) == ([0, 1, 2, 3, 4], True)


@pytest.mark.parametrize("seat", [1, 2])
async def test_a_request(run, monkeypatch, seat):
    """Status, headers and the whole streamed body, up to a size."""
    monkeypatch.setattr(errands, "MAX_BODY", 10)
    answer = await run("POST", target="/x", body=b"hello", seat=seat)
    assert (answer.status, answer.body, answer.cut) == (201, b"hello", False)
    assert ("x-path", "/x") in answer.headers
    answer = await run("POST", target="/x?more=10", body=b"hello", seat=seat)
    assert (answer.body, answer.cut) == (b"hello!!!!!", True)
