"""The life of a stub: limits of time, what breaks it, chains of calls that lead nowhere."""

from __future__ import annotations

import asyncio

import pytest

from sourdough.errors import CallTimeoutError, DeadlockError, DurableObjectError
from sourdough.host.host import Phase
from sourdough.http import Response
from sourdough.objects.durable_object import DurableObject
from sourdough.objects.event import current_event
from sourdough.wire.messages import Leaving
from tests.integration.host.reached import stub_of


class Thing(DurableObject):
    seen: list
    go: asyncio.Event

    async def whoami(self):
        return self.ctx.id.name

    async def add(self, left: int, right: int = 0) -> int:
        return left + right

    def plain(self, *, step: int) -> int:
        return step + self.missing(1, 2)

    def missing(self, one):
        return one

    async def wait(self):
        type(self).seen.append("begun")
        try:
            await type(self).go.wait()
        except asyncio.CancelledError:
            type(self).seen.append("cancelled")
            raise
        return "late"

    async def raises(self, error):
        raise ValueError(error)

    async def abort(self):
        self.ctx.abort("gone")

    async def aborts_another(self, name):
        await self.env.THING.get_by_name(name).abort()

    async def append(self, what):
        type(self).seen.append(what)

    # --- chains

    async def section(self, name, method, *args):
        """Call another from inside a critical section."""

        async def work():
            return await getattr(self.env.THING.get_by_name(name), method)(*args)

        return await self.ctx.block_concurrency_while(work)

    async def section_in_tasks(self, name, method, *args):
        """The same from a task, which the section does not await."""

        async def work():
            call = getattr(self.env.THING.get_by_name(name), method)(*args)
            type(self).seen.append(asyncio.ensure_future(call))
            await asyncio.sleep(0.01)

        await self.ctx.block_concurrency_while(work)

    async def forward(self, name, method, *args):
        return await getattr(self.env.THING.get_by_name(name), method)(*args)

    async def call_back(self, callback):
        return await callback()

    async def section_with_callback(self, name):
        async def work():
            return await self.env.THING.get_by_name(name).call_back(self.whoami)

        return await self.ctx.block_concurrency_while(work)

    async def fetch_back(self, name):
        return await (await self.env.THING.get_by_name(name).fetch("/")).text()

    async def fetch(self, request):
        if request.path == "/echo":
            return Response(await request.bytes())
        return Response("fetched")

    async def send_body(self, name):
        """Send a body that looks whose event it is made in."""

        async def body():
            yield current_event.get().container.label.encode()

        stub = self.env.THING.get_by_name(name)
        return await (await stub.fetch("/echo", method="POST", body=body())).text()


@pytest.fixture(params=["here", "there"])
async def reached(request, cluster):
    """A cluster and a name whose object lives on host 1 (here) or on host 2 (there)."""
    Thing.seen, Thing.go = [], asyncio.Event()
    made = cluster(Thing)
    return made, made.name(seat=1 if request.param == "here" else 2)


# --- arguments


@pytest.mark.parametrize(
    ("args", "kwargs"), [((), {}), ((1, 2, 3), {}), ((1,), {"wrong": 2})], ids=str
)
async def test_arguments_that_do_not_fit_are_told_the_signature(reached, args, kwargs):
    """The caller sees what the method takes (2.13)."""
    with pytest.raises(TypeError) as raised:
        await stub_of(reached).add(*args, **kwargs)
    assert "the signature is Thing.add(left: int, right: int = 0) -> int" in str(raised.value)


async def test_a_type_error_inside_of_a_method_is_its_own(reached):
    """It says nothing about the caller's arguments."""
    with pytest.raises(TypeError) as raised:
        await stub_of(reached).plain(step=1)
    assert "signature" not in str(raised.value)


# --- time


async def test_a_call_has_the_time_that_its_stub_gives_it(reached):
    """The error names method and time, and the method is cancelled."""
    made, name = reached
    stub = stub_of(reached)
    waiting = asyncio.ensure_future(stub.with_timeout(20).wait())
    await made.until(lambda: Thing.seen == ["begun"])
    made.clock.advance(20)
    with pytest.raises(TimeoutError) as raised:
        await waiting
    assert isinstance(raised.value, CallTimeoutError)
    assert str(raised.value) == f"wait() of {name!r} took longer than 20 s"
    await made.until(lambda: Thing.seen == ["begun", "cancelled"])
    assert await stub.with_timeout(5).whoami() == name
    assert await stub.whoami() == name


async def test_a_timeout_is_a_number_above_zero(reached):
    """Before anything is sent."""
    with pytest.raises(ValueError, match="above 0"):
        stub_of(reached).with_timeout(0)


async def test_a_call_that_waits_at_the_gate_is_cancelled_before_it_begins(reached):
    """Its method never runs."""
    made, name = reached
    stub = stub_of(reached)
    section = asyncio.ensure_future(stub.section(made.name(seat=1, number=9), "wait"))
    await made.until(lambda: Thing.seen == ["begun"])
    never = asyncio.ensure_future(made.stub(name, seat=1).with_timeout(20).append("never"))
    await asyncio.sleep(0)
    made.clock.advance(20)
    with pytest.raises(CallTimeoutError):
        await never
    Thing.go.set()
    await section
    await stub.append("after")
    assert Thing.seen == ["begun", "after"]


# --- what breaks a stub (2.11)


async def test_a_reset_breaks_the_stub_for_good(reached):
    """Calls in flight fail, later ones at once with the same error; a new stub works (trap 28)."""
    made, name = reached
    stub = stub_of(reached)
    waiting = asyncio.ensure_future(stub.wait())
    await made.until(lambda: Thing.seen == ["begun"])
    with pytest.raises(DurableObjectError, match="gone") as first:
        await stub.abort()
    with pytest.raises(DurableObjectError, match="gone"):
        await waiting
    for _ in range(2):
        with pytest.raises(DurableObjectError, match="gone") as later:
            await stub.append("never")
        assert later.value.durable_object_reset
        assert later.value.durable_object_id == first.value.durable_object_id == str(stub.id)
    with pytest.raises(DurableObjectError, match="gone"):
        await stub.fetch("/")
    assert await made.stub(name, seat=1).whoami() == name
    assert "never" not in Thing.seen


async def test_an_exception_does_not_break_the_stub(reached):
    """The instance goes on, and so does the way to it."""
    stub = stub_of(reached)
    with pytest.raises(ValueError, match="no"):
        await stub.raises("no")
    assert await stub.whoami() == reached[1]


async def test_the_reset_of_another_object_does_not_break_the_stub(reached):
    """What the object merely passes on says nothing about the object."""
    made, name = reached
    stub = stub_of(reached)
    other = made.name(seat=1, number=3)
    with pytest.raises(DurableObjectError, match="gone") as raised:
        await stub.aborts_another(other)
    assert raised.value.durable_object_id == str(made.stub(other, seat=1).id)
    assert await stub.whoami() == name


async def test_a_lost_connection_breaks_the_stub(cluster):
    """What was delivered and what was not fails; nothing reaches the next owner by this stub."""
    Thing.seen, Thing.go = [], asyncio.Event()
    made = cluster(Thing)
    name = made.name(seat=2)
    stub = made.stub(name, seat=1)
    waiting = asyncio.ensure_future(stub.wait())
    await made.until(lambda: Thing.seen == ["begun"])
    for link in made.host(2).host.all_links():
        link.drop()
    with pytest.raises(DurableObjectError) as raised:
        await waiting
    assert raised.value.retryable
    with pytest.raises(DurableObjectError) as raised:
        await stub.append("never")
    assert raised.value.retryable
    assert await made.stub(name, seat=1).whoami() == name
    assert Thing.seen.count("begun") == 1
    assert "never" not in Thing.seen


# --- chains of calls


async def test_a_section_that_waits_for_its_own_caller_is_a_deadlock(reached):
    """Told at once, with the way, and not after 30 s."""
    made, name = reached
    home = made.name(seat=1, number=2)
    with pytest.raises(DurableObjectError) as raised:
        await made.stub(home, seat=1).section(name, "forward", home, "whoami")
    text = str(raised.value)
    assert "Deadlock" in text
    assert f"Thing:{home} section() -> Thing:{name} forward() -> Thing:{home} whoami()" in text
    assert await made.stub(home, seat=1).whoami() == home


async def test_a_longer_circle_is_told_with_every_step(reached):
    """A -> B -> C -> A, where the error reaches the one who closed the circle."""
    made, name = reached
    home, third = made.name(seat=1, number=2), made.name(seat=2, number=2)
    with pytest.raises(DurableObjectError, match=f"Thing:{third} forward"):
        await made.stub(home, seat=1).section(name, "forward", third, "forward", home, "whoami")


async def test_who_closes_the_circle_gets_the_error(reached):
    """It may do something else instead."""
    made, name = reached

    class Careful(Thing):
        async def forward(self, other, method):
            try:
                return await super().forward(other, method)
            except DeadlockError:
                return "something else"

    registries = [host.host.registry for host in made.hosts.values()]
    for registry in registries:
        cls = registry.class_of("Thing")
        object.__setattr__(cls, "type", Careful)
    home = made.name(seat=1, number=2)
    found = await made.stub(home, seat=1).section(name, "forward", home, "whoami")
    assert found == "something else"


async def test_a_fetch_or_a_callback_closes_a_circle_too(reached):
    """Whatever enters the object."""
    made, name = reached
    home = made.name(seat=1, number=2)
    for call in (
        made.stub(home, seat=1).section(name, "fetch_back", home),
        made.stub(home, seat=1).section_with_callback(name),
    ):
        with pytest.raises(DurableObjectError, match="Deadlock"):
            await call


async def test_a_circle_that_nobody_waits_for_is_none(reached):
    """The section ends, and the call enters."""
    made, name = reached
    home = made.name(seat=1, number=2)
    await made.stub(home, seat=1).section_in_tasks(name, "forward", home, "whoami")
    assert await Thing.seen[0] == home


async def test_a_section_may_call_others(reached):
    """Also those that call on."""
    made, name = reached
    home, third = made.name(seat=1, number=2), made.name(seat=2, number=2)
    assert await made.stub(home, seat=1).section(name, "forward", third, "whoami") == third


async def test_a_hundred_circles_at_once(cluster):
    """A -> B -> A over two hosts, without sections: all of them end."""
    made = cluster(Thing)
    first, second = made.name(seat=1), made.name(seat=2)
    stub = made.stub(first, seat=1)
    calls = (stub.forward(second, "forward", first, "whoami") for _ in range(100))
    assert await asyncio.gather(*calls) == [first] * 100


# --- bodies, order


async def test_a_body_is_made_in_the_context_of_its_own_object(reached):
    """Its stubs and its gate are those of the caller."""
    made, name = reached
    home = made.name(seat=1, number=2)
    assert await made.stub(home, seat=1).send_body(name) == f"Thing:{home}"


async def test_refused_calls_keep_their_place_over_tables_without_an_owner(cluster):
    """Who has refused them is not asked again: what was made later would go ahead (invariant D4)."""
    Thing.seen, Thing.go = [], asyncio.Event()
    made = cluster(Thing)
    stub = made.stub(made.name(seat=2), seat=1)
    await stub.append(0)
    made.host(2).host.phase = Phase.RELEASED  # before the table says so
    calls = [asyncio.ensure_future(stub.append(number)) for number in range(1, 100)]
    peers = made.host(1)._peers
    await made.until(lambda: peers.parked == 99)
    left = made.entries.pop(2)
    made.leaving[2] = Leaving(2, left.epoch, left.serial, left.path, made.version + 1)
    made.publish()
    calls += [asyncio.ensure_future(stub.append(number)) for number in range(100, 200)]
    for _ in range(3):
        for _ in range(20):
            await asyncio.sleep(0)
        made.publish()
    made.add(7, 2, 5)
    made.publish()
    await asyncio.gather(*calls)
    assert Thing.seen == list(range(200))


async def test_a_thousand_calls_arrive_in_order_over_a_change_of_owner(cluster):
    """Nobody awaits them in between; the seat changes hands in the middle (invariant D4)."""
    Thing.seen, Thing.go = [], asyncio.Event()
    made = cluster(Thing)
    stub = made.stub(made.name(seat=2), seat=1)
    calls = [asyncio.ensure_future(stub.append(number)) for number in range(500)]
    await made.until(lambda: len(Thing.seen) > 0)
    released = await made.release(2, deadline=5)
    calls += [asyncio.ensure_future(stub.append(number)) for number in range(500, 1000)]
    await made.until(lambda: released.host.phase.value == "released")
    made.add(7, 2, 5)
    made.publish()
    await asyncio.gather(*calls)
    assert Thing.seen == list(range(1000))
