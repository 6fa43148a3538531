"""Objects with alarms, an index that a test holds back, and runs as the clock sends them."""

from __future__ import annotations

import asyncio

import pytest

from sourdough.objects.alarm import AlarmEvent, AlarmReply
from sourdough.objects.durable_object import DurableObject

NOW = 1_700_000_000_000


async def settle(turns: int = 20) -> None:
    """Let what is ready run."""
    for _ in range(turns):
        await asyncio.sleep(0)


class Index:
    """The index as an object sees it; confirms at once, or when it is let go."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int | None]] = []
        self.names: list[str | None] = []
        self.waiting = []
        self.confirms = True

    def sooner(self, due, name, kept) -> None:
        self.heard.append(("sooner", due))
        self.names.append(name)
        self.waiting.append(kept)
        if self.confirms:
            asyncio.get_running_loop().call_soon(self.confirm)

    def moved(self, due, name) -> None:
        self.heard.append(("moved", due))

    def confirm(self) -> None:
        waiting, self.waiting = self.waiting, []
        for kept in waiting:
            kept()


class Sleeper(DurableObject):
    """Runs what a test tells it to run in its alarm."""

    script = None
    constructing = None
    infos: list = []  # noqa: RUF012

    def __init__(self, ctx, env):
        super().__init__(ctx, env)
        if self.constructing is not None:
            type(self).constructing(self)

    async def set(self, when, unconfirmed=False):
        await self.ctx.storage.set_alarm(when, allow_unconfirmed=unconfirmed)

    async def get(self):
        return await self.ctx.storage.get_alarm()

    async def delete(self):
        await self.ctx.storage.delete_alarm()

    async def delete_all(self):
        await self.ctx.storage.delete_all()

    async def put(self, value):
        await self.ctx.storage.put("value", value)

    async def value(self):
        return await self.ctx.storage.get("value")

    async def set_and_undo(self, when):
        def work():
            self.ctx.storage.kv.put("value", 1)
            alarm.set(when)
            raise KeyError

        alarm = self.ctx.storage._database.alarm
        with pytest.raises(KeyError):
            self.ctx.storage.transaction_sync(work)

    async def set_in_transaction(self, when):
        async def work(txn):
            await self.ctx.storage.set_alarm(when)
            txn.rollback()

        await self.ctx.storage.transaction(work)

    async def alarm(self, info):
        self.infos.append(info)
        if self.script is not None:
            await type(self).script(self)


class Mute(DurableObject):
    async def set(self, when):
        await self.ctx.storage.set_alarm(when)

    async def get(self):
        return await self.ctx.storage.get_alarm()


class MuteInConstructor(Mute):
    def __init__(self, ctx, env):
        super().__init__(ctx, env)
        asyncio.get_running_loop()
        ctx.storage._database.alarm.set(NOW + 5)


def run(world, *, retries=0, seconds=10.0, label="a"):
    """Deliver an alarm; return the future of its outcome."""
    outcome = asyncio.get_running_loop().create_future()
    reply = AlarmReply(outcome.set_result)
    event = AlarmEvent(reply, version=1, retries=retries, started=0.0, seconds=seconds)
    world.registry.deliver(world.key(label), None, event)
    return outcome


async def reopen(world, cls):
    """Close everything and begin again with another host."""
    await world.registry.release_all()
    world.host(cls)
