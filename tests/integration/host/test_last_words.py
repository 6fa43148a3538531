"""What objects still do while their host gives its seat up (semantics 3.14, invariant D6)."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

import pytest

from sourdough.http import Response
from sourdough.objects.durable_object import DurableObject
from sourdough.objects.shutdown import ShutdownReason
from sourdough.wire.heads import Kind
from sourdough.wire.messages import Released

said: list[tuple[str, str]] = []
gates: dict[str, asyncio.Event] = {}


class Thing(DurableObject):
    """Does in its last words what its path said."""

    plan = "says"

    async def fetch(self, request):
        _, self.plan, *self.others = request.path.split("/")
        if self.plan == "runs":
            await gates["door"].wait()
        return Response("done")

    async def adds(self):
        self.plan = "says"
        return await self.ctx.storage.get("said", 0)

    async def before_shutdown(self, reason):
        said.append((self.ctx.id.name, reason))
        await self.ctx.storage.put("said", await self.ctx.storage.get("said", 0) + 1)
        await getattr(self, f"_{self.plan}")()

    async def _says(self):
        pass

    _runs = _says

    async def _calls(self):
        for name in self.others:
            other = self.env.THING.get_by_name(name)
            said.append((name, await other.adds()))

    async def _calls_for_ever(self):
        await self.env.THING.get_by_name(self.others[0]).calls_back(self.ctx.id.name)

    async def calls_back(self, name):
        self.plan, self.others = "calls_for_ever", [name]

    async def _waits(self):
        await asyncio.Event().wait()

    async def _clings(self):
        while True:
            with suppress(BaseException):
                await asyncio.Event().wait()


@pytest.fixture(autouse=True)
def fresh():
    said.clear()
    gates["door"] = asyncio.Event()


def begin(made, name, path):
    return made.client(name, kind=Kind.FETCH, method=b"GET", target=path.encode())


async def released(made, number=1):
    told = made.told[f"h{number}"]
    await made.until(lambda: told.last(Released) is not None)
    return told.last(Released)


async def test_each_is_told_once_and_counted(cluster):
    """Those of the seat and nobody else; what they wrote is durable when the seat is free (P2)."""
    made = cluster(Thing)
    names = [made.name(seat=1, number=number) for number in range(3)]
    for name in [*names, made.name(seat=2)]:
        await begin(made, name, "/says").answer()
    host = await made.release(1, deadline=5)
    assert await released(made) == Released(clean=True, objects=3)
    assert len(host.host.registry) == 0
    assert sorted(said) == sorted((name, ShutdownReason.INACTIVE) for name in names)


async def test_running_requests_end_first(cluster):
    """Who is at rest may still be needed by them (D6)."""
    made = cluster(Thing)
    idle, busy = made.name(seat=1), made.name(seat=1, number=1)
    await begin(made, idle, "/says").answer()
    running = begin(made, busy, "/runs")
    await made.until(lambda: made.host(1).host.events == 1)
    await made.release(1, deadline=60)
    await asyncio.sleep(0.05)
    assert said == []
    gates["door"].set()
    assert (await running.answer())[0] == 200
    assert (await released(made)).clean
    assert {name for name, _ in said} == {idle, busy}


async def test_they_may_call_others_of_the_seat_and_of_other_seats(cluster):
    """One that has had its own last words is made again, and is told again."""
    made = cluster(Thing)
    first, second = made.name(seat=1), made.name(seat=1, number=1)
    away = made.name(seat=2)
    await begin(made, second, "/says").answer()
    await begin(made, first, f"/calls/{second}/{away}").answer()
    await made.release(1, deadline=5)
    assert await released(made) == Released(clean=True, objects=3)
    inactive = ShutdownReason.INACTIVE
    assert said.count((second, inactive)) == 2
    assert (second, 1) in said
    assert (away, 0) in said


async def test_two_that_call_each_other_end(cluster):
    """A reload does not wait for an end that never comes."""
    made = cluster(Thing)
    first, second = made.name(seat=1), made.name(seat=1, number=1)
    await begin(made, first, f"/calls_for_ever/{second}").answer()
    await made.release(1, deadline=30)
    assert (await released(made)).clean
    assert len(said) == 3


async def test_the_end_of_the_drain_is_theirs_too(cluster, caplog):
    """What waits in one is cut, with its place; the seat is free in time."""
    made = cluster(Thing)
    name = made.name(seat=1)
    await begin(made, name, "/waits").answer()
    with caplog.at_level(logging.ERROR, logger="sourdough.objects"):
        await made.release(1, deadline=0.1)
        assert (await released(made)).clean is False
    (record,) = caplog.records
    told = record.getMessage()
    assert f"before_shutdown() of Thing:{name} was cut short by the end of the drain" in told
    assert "test_last_words.py" in told


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_who_clings_to_his_last_words_is_cut_off(cluster, caplog):
    """The log says that he took too long and where he was cut off, and no more."""
    made = cluster(Thing)
    await begin(made, made.name(seat=1), "/clings").answer()
    with caplog.at_level(logging.ERROR, logger="sourdough.objects"):
        await made.release(1, deadline=0.1)
        await released(made)
    told = [each.partition(", ")[0].split(" ", 2)[2] for each in caplog.messages]
    assert [each.rpartition(" ")[2] for each in told] == ["drain", "end"]


async def test_those_at_rest_do_not_lose_their_time(cluster):
    """A request that uses all of the drain up leaves the others their last words."""
    made = cluster(Thing)
    idle, busy = made.name(seat=1), made.name(seat=1, number=1)
    await begin(made, idle, "/says").answer()
    begin(made, busy, "/runs")
    await made.until(lambda: made.host(1).host.events == 1)
    await made.release(1, deadline=0.2)
    assert (await released(made)).clean is False
    assert said == [(idle, ShutdownReason.INACTIVE)]


async def test_without_time_there_are_none(cluster):
    """A host whose coordinator is gone has other things to do (P5)."""
    made = cluster(Thing)
    await begin(made, made.name(seat=1), "/waits").answer()
    await made.release(1, deadline=0)
    assert await released(made) == Released(clean=True, objects=1)
    assert said == []
