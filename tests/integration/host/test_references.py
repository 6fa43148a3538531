"""What travels by reference: functions, targets, messages, stubs; here and to another host."""

from __future__ import annotations

import asyncio

import pytest

from sourdough.errors import DurableObjectError
from sourdough.http import Headers, Request, Response
from sourdough.objects.calls.target import RpcTarget
from sourdough.objects.durable_object import DurableObject
from tests.integration.host.reached import lent, stub_of


class Purse(RpcTarget):
    """Something of an object that others use."""

    unit = "crumbs"

    def __init__(self, amount):
        self.amount = amount

    @property
    def worth(self):
        return self.amount * 2

    async def pay(self, amount):
        if amount > self.amount:
            raise ValueError("not enough")
        self.amount -= amount
        return self.amount

    def _secret(self):
        return "secret"


class Thing(DurableObject):
    seen: list
    closed: asyncio.Event
    title = "a thing"

    def __init__(self, ctx, env):
        super().__init__(ctx, env)
        self.listeners = []
        self.purse = Purse(10)

    @property
    def wallet(self):
        return self.purse

    @property
    def settings(self):
        return {"theme": "dark", "nested": {"depth": 2}}

    async def whoami(self):
        return self.ctx.id.name

    async def same(self, value):
        return value

    async def call_back(self, callback, *args):
        return await callback(*args)

    async def join(self, listener):
        self.listeners.append(listener)

    async def tell(self, what):
        return [await listener(what) for listener in self.listeners]

    async def leave(self):
        self.listeners.clear()

    async def give_purse(self):
        return self.purse

    async def pay_with(self, purse, amount):
        return await purse.pay(amount)

    async def spend(self, amount):
        yield await self.purse.pay(amount)

    async def ask(self, stub):
        return [stub.name, await stub.whoami()]

    async def count(self, until):
        try:
            for number in range(until):
                type(self).seen.append(number)
                yield number
        finally:
            type(self).closed.set()

    async def relay(self, name, callback):
        return await self.env.THING.get_by_name(name).call_back(callback, 20)

    async def respond(self, response):
        return [response.status, response.headers["x-a"], await response.text()]

    async def describe(self, request):
        return [request.method, request.url, request.headers["x-a"], await request.text()]

    async def stream(self, size):
        async def chunks():
            for _ in range(size // 1000):
                yield b"x" * 1000

        return Response(chunks(), status=202, headers={"x-a": "b"})

    async def double_with(self, name):
        """Lend a method of this object to another."""
        return await self.env.THING.get_by_name(name).call_back(self._double, 21)

    async def _double(self, number):
        return [self.ctx.id.name, number * 2]

    async def lend_for_ever(self, name):
        await self.env.THING.get_by_name(name).join(self._double)

    async def abort(self):
        self.ctx.abort("gone")


@pytest.fixture(params=["here", "there"])
async def reached(request, cluster):
    """A cluster and a name whose object lives on host 1 (here) or on host 2 (there)."""
    Thing.seen, Thing.closed = [], asyncio.Event()
    made = cluster(Thing)
    return made, made.name(seat=1 if request.param == "here" else 2)


async def test_a_function_is_called_where_it_is(reached):
    """Arguments go there, the result comes back, so do exceptions."""
    calls = []

    async def callback(number, *, step=1):
        calls.append(number)
        return number + step

    assert await stub_of(reached).call_back(callback, 1) == 2
    assert await stub_of(reached).call_back(lambda: "plain") == "plain"
    assert calls == [1]

    def fails():
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await stub_of(reached).call_back(fails)


async def test_nothing_stays_behind(reached):
    """When nobody refers to what was lent, both sides forget it."""
    made, _ = reached
    stub = stub_of(reached)
    await stub.call_back(lambda: None)
    purse = await stub.give_purse()
    await purse.pay(1)
    del purse
    await made.until(lambda: lent(made) == 0)


async def test_a_function_can_be_kept_and_let_go(reached):
    """The object uses it after the call in which it came."""
    made, _ = reached
    stub = stub_of(reached)
    heard = []
    await stub.join(lambda what: heard.append(what) or "one")
    await stub.join(lambda what: heard.append(what) or "two")
    assert await stub.tell("news") == ["one", "two"]
    assert heard == ["news", "news"]
    await stub.leave()
    await made.until(lambda: lent(made) == 0)


async def test_a_target_has_methods_and_properties(reached):
    """What stands on its class, and nothing else (semantics 2.5)."""
    stub = stub_of(reached)
    async with await stub.give_purse() as purse:
        assert await purse.pay(3) == 7
        assert await purse.worth == 14
        assert await purse.unit == "crumbs"
        with pytest.raises(ValueError, match="not enough") as raised:
            await purse.pay(100)
        assert raised.value.remote
        for hidden in ("amount", "missing"):
            with pytest.raises(AttributeError, match="does not implement"):
                await getattr(purse, hidden)
        with pytest.raises(TypeError, match='"unit" is not a function'):
            await purse.unit()
    with pytest.raises(RuntimeError, match="was released"):
        await purse.pay(1)


async def test_the_log_has_the_traceback_of_the_other_side(cluster):
    """As a note, whatever was called there: a method, a target, an iterator."""
    made = cluster(Thing)
    stub = made.stub(made.name(seat=2), seat=1)
    purse = await stub.give_purse()
    for call in (stub.pay_with(Purse(1), 2), purse.pay(100), anext(await stub.spend(11))):
        with pytest.raises(ValueError, match="not enough") as raised:
            await call
        note = "".join(raised.value.__notes__)
        assert note.startswith("Traceback in the called object:\n")
        assert 'raise ValueError("not enough")' in note


async def test_a_target_of_the_caller_travels_as_an_argument(reached):
    """Both ways are the same."""
    purse = Purse(5)
    assert await stub_of(reached).pay_with(purse, 2) == 3
    assert purse.amount == 3


async def test_properties_are_read_and_followed(reached):
    """`await stub.title`; names may follow each other (semantics 2.3)."""
    stub = stub_of(reached)
    assert await stub.title == "a thing"
    assert await stub.settings == {"theme": "dark", "nested": {"depth": 2}}
    assert await stub.settings.theme == "dark"
    assert await stub.settings.nested.depth == 2
    assert await stub.wallet.worth == 20
    assert await stub.wallet.pay(4) == 6
    with pytest.raises(AttributeError, match='"listeners"'):
        await stub.listeners
    with pytest.raises(AttributeError, match='"nothing"'):
        await stub.settings.nothing


def test_a_path_has_a_limit(some_stub):
    """64 names (semantics 2.8)."""
    path = some_stub
    for _ in range(64):
        path = path.more
    with pytest.raises(ValueError, match="too deep"):
        _ = path.more


@pytest.fixture
async def some_stub(cluster):
    made = cluster(Thing)
    return made.stub("a", seat=1)


async def test_messages_travel_as_arguments_and_results(reached):
    """Requests, responses and headers; their bodies may be streams."""
    stub = stub_of(reached)
    response = Response("text", status=201, headers={"x-a": "1"})
    assert await stub.respond(response) == [201, "1", "text"]

    async def body():
        yield b"in "
        yield b"pieces"

    request = Request("http://a/b?c=d", method="PUT", headers={"x-a": "2"}, body=body())
    assert await stub.describe(request) == ["PUT", "http://a/b?c=d", "2", "in pieces"]
    answer = await stub.stream(300_000)
    assert (answer.status, answer.headers["x-a"]) == (202, "b")
    assert len(await answer.bytes()) == 300_000
    headers = await stub.same(Headers({"a": "b"}))
    assert headers["a"] == "b"


async def test_a_stub_travels_and_keeps_its_name(reached):
    """It means the same object everywhere."""
    made, name = reached
    other = made.name(seat=1, number=3)
    stub = stub_of(reached)
    assert await stub.ask(made.stub(other, seat=1)) == [other, other]
    back = await stub.same(made.stub(name, seat=1))
    assert await back.whoami() == name


async def test_a_reference_is_passed_on(reached):
    """What came from one goes to another, and is called through both."""
    made, _ = reached
    other = made.name(seat=1, number=4)
    assert await stub_of(reached).relay(other, lambda number: number + 1) == 21


async def test_a_method_of_an_object_runs_as_an_event_of_it(reached):
    """With its gates, and its name."""
    made, name = reached
    home = made.name(seat=1, number=5)
    assert await made.stub(home, seat=1).double_with(name) == [home, 42]


async def test_a_reference_of_an_object_that_was_reset_says_so(reached):
    """Its context is gone (semantics 2.9)."""
    made, name = reached
    home = made.name(seat=1, number=5)
    await made.stub(home, seat=1).lend_for_ever(name)
    assert await stub_of(reached).tell(1) == [[home, 2]]
    with pytest.raises(DurableObjectError, match="gone"):
        await made.stub(home, seat=1).abort()
    with pytest.raises(DurableObjectError, match="no longer running"):
        await stub_of(reached).tell(1)


async def test_a_live_reference_keeps_its_owner_in_memory(reached):
    """It counts as pending work, for a time (semantics 3.10b)."""
    made, name = reached
    home = made.name(seat=1, number=5)
    await made.stub(home, seat=1).lend_for_ever(name)
    key = b"Thing" + made.ids.from_name(home).raw
    container = made.host(1).host.registry.get(key)
    assert [hold.reason for hold in container.work.holds] == ["a live reference"]
    await stub_of(reached).leave()
    await made.until(lambda: not container.work.holds)


async def test_a_lost_host_ends_what_it_has_lent(cluster):
    """Readers and callers get an error that says that trying again may help."""
    Thing.seen, Thing.closed = [], asyncio.Event()
    made = cluster(Thing)
    stub = made.stub(made.name(seat=2), seat=1)
    items, purse = await stub.count(100_000), await stub.give_purse()
    await anext(items)
    for link in made.host(2).host.all_links():
        link.drop()
    with pytest.raises(DurableObjectError) as raised:
        await purse.pay(1)
    assert raised.value.retryable
    with pytest.raises(DurableObjectError) as raised:  # noqa: PT012
        while True:
            await anext(items)
    assert raised.value.retryable
    await asyncio.wait_for(Thing.closed.wait(), 5)


async def test_a_host_that_gives_its_seat_up_ends_what_it_has_lent(cluster):
    """A drain does not wait for who merely holds something."""
    Thing.seen, Thing.closed = [], asyncio.Event()
    made = cluster(Thing)
    purse = await made.stub(made.name(seat=2), seat=1).give_purse()
    host = await made.release(2, deadline=5)
    await made.until(lambda: host.host.phase.value == "released" and not host.host.talks)
    with pytest.raises(DurableObjectError):
        await purse.pay(1)


@pytest.mark.parametrize("size", [70_000, 3_000_000])
async def test_large_arguments_beside_references(reached, size):
    """In pieces, like any large call."""
    stub = stub_of(reached)
    assert await stub.call_back(len, b"x" * size) == size
    back, function = await stub.same((b"y" * size, len))
    assert len(back) == size
    assert await function([1, 2]) == 2


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (object(), r"args\[0\] is of type object"),
        ({"a": [1, {2, 3}, Purse]}, r'args\[0\]\["a"\]\[2\] is of type type'),
        ([lambda: 1, {"deep": object()}], r'args\[0\]\[1\]\["deep"\]'),
    ],
)
async def test_what_cannot_travel_is_named(reached, value, path):
    """By the place where it stands; nothing stays lent for it."""
    made, _ = reached
    with pytest.raises(TypeError, match=path):
        await stub_of(reached).same(value)
    assert lent(made) == 0
