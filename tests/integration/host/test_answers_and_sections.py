"""An answer that comes back while the caller is in a critical section of another task."""

from __future__ import annotations

import asyncio

import pytest

from sourdough.objects.durable_object import DurableObject

notes: list[str] = []


@pytest.fixture(autouse=True)
def fresh():
    notes.clear()


class Thing(DurableObject):
    doors: dict[str, asyncio.Event] = {}  # noqa: RUF012

    def door(self):
        return self.doors.setdefault(self.ctx.id.name, asyncio.Event())

    async def answers(self, fails):
        notes.append("answered")
        if fails:
            raise ValueError("no")

    async def calls_outside(self, other, fails):
        """Call, begin a section before the answer is there, and let a call inside of it answer."""

        async def asks():
            try:
                await self.env.THING.get_by_name(other).answers(fails)
            except ValueError:
                notes.append("refusal came back")
            else:
                notes.append("answer came back")

        async def section():
            while "answered" not in notes:
                await asyncio.sleep(0)
            await self.env.THING.get_by_name(other).answers(False)
            notes.append("section ends")

        asked = asyncio.create_task(asks())
        await self.ctx.block_concurrency_while(section)
        await asked
        return notes


@pytest.mark.parametrize("where", [1, 2], ids=["same host", "other host"])
@pytest.mark.parametrize(("fails", "came"), [(False, "answer"), (True, "refusal")])
async def test_it_waits_for_the_end_of_the_section(cluster, where, fails, came):
    """A subrequest's response needs the input lock (4.1.1); that of a call inside has it."""
    made = cluster(Thing)
    caller, other = made.name(seat=1), made.name(seat=where, number=1)
    answer = await made.stub(caller, seat=1).calls_outside(other, fails)
    assert answer == ["answered", "answered", "section ends", f"{came} came back"]
