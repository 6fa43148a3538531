"""An object that begins things which outlive its events, and sees its clients leave."""

from __future__ import annotations

import asyncio
import contextvars
from collections import Counter, defaultdict
from typing import Any, ClassVar

from sourdough import DurableObject, Request, Response

LONG = 100_000.0
SHORT = 0.005


class Worker(DurableObject):
    constructed: ClassVar[Counter[str]] = Counter()
    outside: ClassVar[dict[str, list[Any]]] = defaultdict(list)
    """What instances of one name left behind: a reset does not touch it."""

    def __init__(self, ctx: Any, env: Any) -> None:
        super().__init__(ctx, env)
        self.name = ctx.id.name
        self.constructed[self.name] += 1
        self.notes = self.outside[self.name]
        self.door = asyncio.Event()
        self.kept: list[Any] = []

    # --- looking

    async def constructions(self) -> int:
        return self.constructed[self.name]

    async def noted(self) -> list[Any]:
        return self.notes

    async def opens(self) -> None:
        self.door.set()

    async def entries(self) -> dict[str, Any]:
        return await self.ctx.storage.list()

    # --- what keeps an object

    async def begins(self, what: str) -> None:
        await getattr(self, f"_{what}")()

    async def _task(self) -> None:
        self.kept.append(asyncio.create_task(self.door.wait()))

    async def _group(self) -> None:
        async def group() -> None:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.door.wait())

        self.kept.append(asyncio.create_task(group()))

    async def _grandchild(self) -> None:
        async def parent() -> None:
            self.kept.append(asyncio.create_task(self.door.wait()))

        await asyncio.create_task(parent())

    async def _gather(self) -> None:
        self.kept.append(asyncio.gather(self.door.wait(), self.door.wait()))

    async def _outgoing_call(self) -> None:
        self.kept.append(asyncio.create_task(self._calls()))

    async def _calls(self) -> None:
        await self.env.WORKER.get_by_name(f"{self.name}-other").waits()
        self.notes.append("called")

    async def waits(self) -> None:
        await self.door.wait()

    async def _timer(self) -> None:
        self.kept.append(asyncio.get_running_loop().call_later(LONG, self.notes.append, "late"))

    async def ends_timer(self) -> None:
        self.kept.pop().cancel()

    async def _fields(self) -> None:
        self.field = "nothing but memory"

    async def _others_task(self) -> None:
        context = contextvars.Context()
        self.notes.append("begun")
        asyncio.create_task(self._ends_the_others(), context=context)  # noqa: RUF006

    async def _ends_the_others(self) -> None:
        while "end" not in self.notes:
            await asyncio.sleep(SHORT)
        self.notes.append("ended")

    async def notes_down(self, what: str) -> None:
        self.notes.append(what)

    # --- what ends with it

    async def aborts_amid_work(self) -> None:
        """Begin everything, abort, catch that, begin more; each leaves a note if it runs."""
        loop = asyncio.get_running_loop()
        self.kept.append(asyncio.create_task(self._goes_on("a task")))
        self.ctx.wait_until(self._goes_on("background work"))
        loop.call_later(SHORT, self._writes, "a timer")
        await asyncio.sleep(0)
        try:
            self.ctx.abort("enough")
        except BaseException:  # noqa: BLE001 (that is the case)
            self._writes("the handler")
            self.kept.append(asyncio.create_task(self._goes_on("a new task")))
            loop.call_later(SHORT, self._writes, "a new timer")
            try:
                await self.env.WORKER.get_by_name(f"{self.name}-other").notes_down("called")
            except Exception as error:  # noqa: BLE001 (told to the case)
                self.notes.append(f"call: {error}")
            self.notes.append("caught")
            await asyncio.sleep(0)
            self.notes.append("went on")

    async def _goes_on(self, who: str) -> None:
        await asyncio.sleep(SHORT)
        self._writes(who)

    def _writes(self, who: str) -> None:
        try:
            self.ctx.storage.kv.put(who, 1)
        except Exception as error:  # noqa: BLE001 (told to the case)
            self.notes.append(f"{who}: {error}")
        else:
            self.notes.append(f"{who} wrote")

    async def aborts_in_a_timer(self) -> None:
        asyncio.get_running_loop().call_later(SHORT, self.ctx.abort, "by a timer")
        await self.door.wait()

    # --- what waits for a section

    async def sleeps_beside_a_section(self) -> list[str]:
        """A task, a timer and a call that began outside of a section; others inside of it."""
        loop, seen = asyncio.get_running_loop(), self.notes
        other = self.env.WORKER.get_by_name(f"{self.name}-other")

        async def outside() -> None:
            await asyncio.sleep(SHORT)
            seen.append("outside: slept")

        async def asks() -> None:
            await other.constructions()
            seen.append("outside: answered")

        async def section() -> None:
            loop.call_later(SHORT, seen.append, "inside: timer")
            await asyncio.sleep(2 * SHORT)
            for _ in range(5):
                await other.constructions()
            seen.append("inside: answered")

        tasks = [asyncio.create_task(work()) for work in (outside, asks)]
        loop.call_later(SHORT, seen.append, "outside: timer")
        await asyncio.sleep(0)
        await self.ctx.block_concurrency_while(section)
        await asyncio.gather(*tasks)
        return seen

    async def holds(self, witness: str) -> None:
        """Hold events back until another object opens our door from outside: never."""
        await self.env.WORKER.get_by_name(witness).notes_down("held")
        await self.ctx.block_concurrency_while(self.door.wait)

    async def holds_on(self, witness: str, sections: int) -> None:
        """Hold events back by sections in a row; the witness has a note of the begin of each.

        A section ends when the witness has a note of its end.
        """
        other = self.env.WORKER.get_by_name(witness)

        def until_ended(number: int) -> Any:
            async def section() -> None:
                await other.notes_down(f"begun {number}")
                while f"end {number}" not in await other.noted():
                    await asyncio.sleep(SHORT)

            return self.ctx.block_concurrency_while(section)

        await asyncio.gather(*[until_ended(number) for number in range(sections)])

    async def takes(self, data: bytes) -> int:
        return len(data)

    # --- clients that leave

    async def fetch(self, request: Request) -> Response:
        return await getattr(self, f"_fetch_{request.path.rpartition('/')[2]}")(request)

    async def _fetch_waits(self, request: Request) -> Response:
        self.notes.append("began")
        await request.signal.wait()
        self.notes.append(f"left: {request.signal.aborted}")
        await self.ctx.storage.put("after", "the client")
        self.notes.append("worked on")
        return Response("to nobody")

    async def _fetch_streams(self, request: Request) -> Response:
        async def chunks() -> Any:
            try:
                while True:
                    yield b"more"
                    await asyncio.sleep(SHORT)
            finally:
                self.notes.append("closed")

        return Response(chunks())

    async def _fetch_looks(self, request: Request) -> Response:
        return Response.json(request.signal.aborted)
